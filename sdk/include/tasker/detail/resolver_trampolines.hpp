#pragma once
// The C functions behind resolver classes, and their descriptors.

#include <concepts>
#include <cstdint>
#include <exception>
#include <new>
#include <optional>
#include <string>
#include <string_view>
#include <type_traits>

#include "tasker/abi_resolvers.h"
#include "tasker/detail/event_trampolines.hpp"
#include "tasker/detail/text.hpp"
#include "tasker/resolver.hpp"

namespace tasker::detail {

template <class R>
concept HasResolverPrefix = requires {
    R::prefix;
};
template <class R>
concept HasResolverPattern = requires {
    R::pattern;
};

constexpr bool is_resolver_text(std::string_view text) {
    return !text.empty() && text.size() <= 256 &&
           std::all_of(text.begin(), text.end(), [](char c) { return c >= ' ' && c <= '~'; });
}

template <class R>
constexpr std::string_view prefix_of() {
    if constexpr (requires { std::bool_constant<std::string_view(R::prefix).empty()>{}; }) return R::prefix;
    return {};
}

template <class R>
constexpr std::string_view pattern_of() {
    if constexpr (requires { std::bool_constant<std::string_view(R::pattern).empty()>{}; }) return R::pattern;
    return {};
}

template <class R>
constexpr std::uint32_t priority_of() {
    if constexpr (requires { R::priority; }) {
        static_assert(std::integral<std::remove_cvref_t<decltype(R::priority)>> &&
                          !std::same_as<std::remove_cvref_t<decltype(R::priority)>, bool>,
                      "a resolver's priority must be an int");
        static_assert(R::priority >= 1 && R::priority <= 1000, "a resolver's priority must be 1 to 1000");
        return static_cast<std::uint32_t>(R::priority);
    }
    return TASKER_RESOLVER_PRIORITY;
}

template <class R>
struct ResolverText {
    static_assert(
        requires { std::bool_constant<!std::string_view(R::resolver_name).empty()>{}; },
        "a resolver needs: static constexpr std::string_view resolver_name = \"...\"");
    static_assert(is_good_name(R::resolver_name) &&
                      std::string_view(R::resolver_name) != "explicit_mapping" &&
                      std::string_view(R::resolver_name) != "plugin_lookup",
                  "resolver_name must be 1 to 128 characters of [A-Za-z0-9_.:-], and none of the host's "
                  "resolvers (explicit_mapping, plugin_lookup)");
    static_assert(
        HasResolverPrefix<R> != HasResolverPattern<R>,
        "a resolver needs either prefix or pattern: static constexpr std::string_view prefix = \"...\"");
    static_assert(is_resolver_text(HasResolverPrefix<R> ? prefix_of<R>() : pattern_of<R>()),
                  "a resolver's prefix or pattern must be a static constexpr std::string_view of 1 to 256 "
                  "characters of printable ASCII");
    static_assert(std::is_default_constructible_v<R> || std::is_constructible_v<R, const ResolverSetup&>,
                  "a resolver must be constructible from nothing or from const tasker::ResolverSetup&");
    static constexpr std::string_view get() { return R::resolver_name; }
};

template <class R>
struct ResolverPrefixText {
    static constexpr std::string_view get() { return prefix_of<R>(); }
};
template <class R>
struct ResolverPatternText {
    static constexpr std::string_view get() { return pattern_of<R>(); }
};

template <class R>
struct ResolverDescriptor {
    static std::int32_t create(const tasker_handler_resolver_v0*, const tasker_create_v0* args,
                               void** out) noexcept {
        return create_for_events<R>(args, out);
    }
    static std::int32_t resolve(void* self, const tasker_asked_callable_v0* given, const tasker_sink* handler,
                                const tasker_sink* error) noexcept {
        try {
            AskedCallable asked{view(given->callable), view(given->rest)};
            for (std::uint32_t i = 0; i < given->group_count; ++i)
                asked.groups.push_back(view(given->groups[i]));
            const std::optional<std::string> answer = static_cast<R*>(self)->resolve(asked);
            if (!answer) return TASKER_RESOLVE_NOT_MINE;
            const std::int32_t written = handler->write(handler->ctx, answer->data(), answer->size());
            return written == TASKER_OK ? TASKER_RESOLVE_FOUND : written;
        } catch (const std::bad_alloc&) {
            return TASKER_E_NOMEM;
        } catch (const std::exception& failure) {
            explain(error, failure.what());
            return TASKER_E_FAILED;
        } catch (...) {
            explain(error, "unknown exception");
            return TASKER_E_PANIC;
        }
    }

    static constexpr tasker_handler_resolver_v0 value{
        .struct_size = sizeof(tasker_handler_resolver_v0),
        .priority = priority_of<R>(),
        .name = StaticText<ResolverText<R>>::c_str(),
        .prefix = StaticText<ResolverPrefixText<R>>::c_str(),
        .pattern = StaticText<ResolverPatternText<R>>::c_str(),
        .user = nullptr,
        .create = &create,
        .destroy = &destroy_for_events<R>,
        .resolve = &resolve,
    };
};

}  // namespace tasker::detail
