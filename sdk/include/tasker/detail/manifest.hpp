#pragma once
// The manifest JSON and the ELF notes, made at compile time from the constants the descriptor is made from.

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <initializer_list>
#include <string_view>

#include "tasker/abi.h"
#include "tasker/detail/handler_traits.hpp"
#include "tasker/detail/plugin_parts.hpp"

namespace tasker::detail {

inline constexpr char kSdkName[] = "tasker-cpp/0.1.0";

struct CountingOut {
    std::size_t size = 0;
    constexpr void put(std::string_view text) { size += text.size(); }
};

template <std::size_t N>
struct FillingOut {
    char* at;
    constexpr void put(std::string_view text) { at = std::copy(text.begin(), text.end(), at); }
};

// Names, id and version are of character sets that need no escapes.
template <class H, class Out>
constexpr void put_handler(Out& out, bool first) {
    out.put(first ? "{\"callable\":\"" : ",{\"callable\":\"");
    out.put(name_of<H>());
    out.put("\",\"kind\":\"");
    out.put(kind_name(Kind<H>::value));
    out.put("\",\"methods\":[");
    for (std::size_t i = 0; i < method_count<H>(); ++i) {
        out.put(i == 0 ? "\"" : ",\"");
        out.put(method_name<H>(i));
        out.put("\"");
    }
    out.put("]}");
}

// Printable ASCII.
template <class Out>
constexpr void put_escaped(Out& out, std::string_view text) {
    for (std::size_t i = 0; i < text.size(); ++i) {
        if (text[i] == '"' || text[i] == '\\') out.put("\\");
        out.put(text.substr(i, 1));
    }
}

template <class Out>
constexpr void put_number(Out& out, std::uint32_t number) {
    char digits[10]{};
    std::size_t at = sizeof digits;
    do {
        digits[--at] = static_cast<char>('0' + number % 10);
        number /= 10;
    } while (number > 0);
    out.put(std::string_view(digits + at, sizeof digits - at));
}

template <class R, class Out>
constexpr void put_resolver(Out& out, bool first) {
    out.put(first ? "{\"name\":\"" : ",{\"name\":\"");
    out.put(ResolverText<R>::get());
    out.put("\",\"priority\":");
    put_number(out, priority_of<R>());
    out.put(HasResolverPrefix<R> ? ",\"prefix\":\"" : ",\"pattern\":\"");
    put_escaped(out, HasResolverPrefix<R> ? prefix_of<R>() : pattern_of<R>());
    out.put("\"}");
}

template <class Out>
constexpr void put_names(Out& out, std::string_view key, std::initializer_list<std::string_view> names) {
    out.put(",\"");
    out.put(key);
    out.put("\":[");
    bool first = true;
    for (const std::string_view name : names) {
        out.put(first ? "\"" : ",\"");
        out.put(name);
        out.put("\"");
        first = false;
    }
    out.put("]");
}

// What the manifest tells of, and the members that tell it.
template <class Handlers, class Extensions>
struct ManifestList;
template <class... H, class... P, class... S, class... R>
struct ManifestList<TypeList<H...>, Extensions<TypeList<P...>, TypeList<S...>, TypeList<R...>>> {
    template <class Out>
    static constexpr void put(Out& out) {
        out.put(",\"handlers\":[");
        bool first = true;
        ((put_handler<H>(out, first), first = false), ...);
        out.put("]");
        put_names(out, "publishers", {PublisherText<P>::get()...});
        put_names(out, "subscribers", {SubscriberText<S>::get()...});
        out.put(",\"resolvers\":[");
        first = true;
        ((put_resolver<R>(out, first), first = false), ...);
        out.put("]");
    }
};

template <class List, class Out>
constexpr void put_manifest(Out& out, std::string_view id, std::string_view version) {
    out.put("{\"id\":\"");
    out.put(id);
    out.put("\",\"version\":\"");
    out.put(version);
    out.put("\",\"sdk\":\"");
    out.put(kSdkName);
    out.put("\"");
    List::put(out);
    out.put("}");
}

struct AbiNote {
    std::uint32_t name_size = sizeof TASKER_NOTE_NAME, desc_size = 8, type = TASKER_NOTE_ABI;
    char name[8] = TASKER_NOTE_NAME;
    std::uint16_t desc[4] = {TASKER_ABI_MAJOR, TASKER_ABI_MINOR, 0, 0};  // min_host_minor and flags are 0
};

template <std::size_t N>
struct ManifestNote {
    std::uint32_t name_size = sizeof TASKER_NOTE_NAME, desc_size = N, type = TASKER_NOTE_MANIFEST;
    char name[8] = TASKER_NOTE_NAME;
    char desc[(N + 3) / 4 * 4]{};
};

template <class List>
constexpr std::size_t manifest_size(std::string_view id, std::string_view version) {
    CountingOut out;
    put_manifest<List>(out, id, version);
    return out.size;
}

template <class List, std::size_t N>
constexpr ManifestNote<N> manifest_note(std::string_view id, std::string_view version) {
    ManifestNote<N> note;
    FillingOut<N> out{note.desc};
    put_manifest<List>(out, id, version);
    return note;
}

}  // namespace tasker::detail
