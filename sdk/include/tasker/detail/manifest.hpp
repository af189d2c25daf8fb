#pragma once
// The manifest JSON and the ELF notes, made at compile time from the constants the descriptor is made from.

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <string_view>

#include "tasker/abi.h"
#include "tasker/detail/handler_traits.hpp"

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
    out.put("\",\"kind\":\"step\",\"methods\":[");
    for (std::size_t i = 0; i < method_count<H>(); ++i) {
        out.put(i == 0 ? "\"" : ",\"");
        out.put(method_name<H>(i));
        out.put("\"");
    }
    out.put("]}");
}

template <class... H, class Out>
constexpr void put_manifest(Out& out, std::string_view id, std::string_view version) {
    out.put("{\"id\":\"");
    out.put(id);
    out.put("\",\"version\":\"");
    out.put(version);
    out.put("\",\"sdk\":\"");
    out.put(kSdkName);
    out.put("\",\"handlers\":[");
    bool first = true;
    ((put_handler<H>(out, first), first = false), ...);
    out.put("]}");
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

template <class... H>
constexpr std::size_t manifest_size(std::string_view id, std::string_view version) {
    CountingOut out;
    put_manifest<H...>(out, id, version);
    return out.size;
}

template <std::size_t N, class... H>
constexpr ManifestNote<N> manifest_note(std::string_view id, std::string_view version) {
    ManifestNote<N> note;
    FillingOut<N> out{note.desc};
    put_manifest<H...>(out, id, version);
    return note;
}

}  // namespace tasker::detail
