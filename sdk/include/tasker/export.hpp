#pragma once
// TASKER_PLUGIN: the one line that makes a plugin of handler classes (and, in any order among them, of publishers and
// subscribers of domain events and of resolvers). Once per shared object, at namespace scope:
//
//   TASKER_PLUGIN("org.example.orders", "1.2.0", ValidateOrder, ShipOrder)
//
// It defines the exported entry and the ELF notes that the host reads without running the plugin. id: 1 to 128 of
// [A-Za-z0-9_.:-]; version: as Semantic Versioning writes it.
//
//   TASKER_PLUGIN_WITH_STATE("org.example.orders", "1.2.0", ConnectionPool, ValidateOrder, ShipOrder)
//
// also makes one ConnectionPool per process, before the first handler and destroyed after the last; handlers reach it
// by HandlerSetup::state<ConnectionPool>(), from several threads at once.

#include <array>
#include <string_view>
#include <type_traits>

#include "tasker/abi.h"
#include "tasker/detail/manifest.hpp"
#include "tasker/detail/plugin_parts.hpp"
#include "tasker/detail/text.hpp"
#include "tasker/detail/trampolines.hpp"
#include "tasker/function_handler.hpp"

namespace tasker::detail {

constexpr bool is_good_version(std::string_view text) {
    return !text.empty() && text.size() <= 64 && std::all_of(text.begin(), text.end(), [](char c) {
        return is_name_char(c) ? c != '_' && c != ':' : c == '+';
    });
}

struct NoState {};

template <fixed_string Id, fixed_string Version, class State, class Handlers, class Extensions>
struct PluginDefinition;
template <fixed_string Id, fixed_string Version, class State, class... H, class Extensions>
struct PluginDefinition<Id, Version, State, TypeList<H...>, Extensions> {
    static_assert(sizeof...(H) > 0, "TASKER_PLUGIN needs at least one handler class");
    static_assert(is_good_name(Id.view()), "the plugin's id must be 1 to 128 characters of [A-Za-z0-9_.:-]");
    static_assert(is_good_version(Version.view()),
                  "the plugin's version must be 1 to 64 characters of [A-Za-z0-9.+-], like 1.0.0");
    static_assert((HandlerChecks<H>::ok && ...), "see the handler's error above");
    static_assert(all_distinct(std::array<std::string_view, sizeof...(H)>{name_of<H>()...}),
                  "two handlers of this plugin have the same handler_name");

    using List = ManifestList<TypeList<H...>, Extensions>;
    static constexpr auto note =
        manifest_note<List, manifest_size<List>(Id.view(), Version.view())>(Id.view(), Version.view());
    static constexpr std::array<const tasker_handler_v0*, sizeof...(H)> handlers{&Descriptor<H>::value...};
    static constexpr bool has_state = !std::is_same_v<State, NoState>;
    static constexpr tasker_plugin_v0 plugin{
        .struct_size = sizeof(tasker_plugin_v0),
        .abi_major = TASKER_ABI_MAJOR,
        .abi_minor = TASKER_ABI_MINOR,
        .min_host_minor = 0,
        .reserved0 = 0,
        .reserved1 = 0,
        .id = Id.bytes,
        .name = Id.bytes,
        .version = Version.bytes,
        .vendor = nullptr,
        .license = nullptr,
        .sdk = kSdkName,
        .handler_count = sizeof...(H),
        .handlers = handlers.data(),
        .init = has_state ? &init_state<State> : nullptr,
        .shutdown = has_state ? &shutdown_state<State> : nullptr,
        .get_extension = Extensions::any ? &Extensions::get : nullptr,
    };
};

template <fixed_string Id, fixed_string Version, class State, class... T>
struct PluginOf {
    using Parts = Sorted<T...>;
    using type = PluginDefinition<
        Id, Version, State, typename Parts::handlers,
        Extensions<typename Parts::publishers, typename Parts::subscribers, typename Parts::resolvers>>;
};

}  // namespace tasker::detail

#if defined(__clang__)  // a red zone in the section would break the chain of notes
#define TASKER_NOTE_PLACE_ \
    [[gnu::section(".note.tasker"), gnu::used, gnu::aligned(4), clang::no_sanitize("address")]]
#else
#define TASKER_NOTE_PLACE_ [[gnu::section(".note.tasker"), gnu::used, gnu::aligned(4)]]
#endif

#define TASKER_PLUGIN_WITH_STATE(ID, VERSION, STATE, ...)                                           \
    namespace {                                                                                     \
    using tasker_definition_ =                                                                      \
        tasker::detail::PluginOf<ID, VERSION, STATE __VA_OPT__(, ) __VA_ARGS__>::type;              \
    TASKER_NOTE_PLACE_ constinit const tasker::detail::AbiNote tasker_note_abi_{};                  \
    TASKER_NOTE_PLACE_ constinit const auto tasker_note_manifest_ = tasker_definition_::note;       \
    }                                                                                               \
    extern "C" TASKER_EXPORT const tasker_plugin_v0* tasker_plugin_entry_v0(                        \
        const tasker_host_v0* host) noexcept {                                                      \
        return host != nullptr && host->abi_major == TASKER_ABI_MAJOR ? &tasker_definition_::plugin \
                                                                      : nullptr;                    \
    }                                                                                               \
    static_assert(true, "end with a semicolon or not")

#define TASKER_PLUGIN(ID, VERSION, ...) \
    TASKER_PLUGIN_WITH_STATE(ID, VERSION, tasker::detail::NoState __VA_OPT__(, ) __VA_ARGS__)
