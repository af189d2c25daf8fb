#pragma once
// What a handler class declares, with defaults, and the checks on it.

#include <array>
#include <concepts>
#include <cstddef>
#include <cstdint>
#include <string_view>
#include <type_traits>
#include <utility>

#include "tasker/detail/text.hpp"
#include "tasker/step_handler.hpp"

namespace tasker::detail {

template <class H>
concept HasName = requires {
    std::string_view(H::handler_name);
};

template <class H>
concept HasMethods = requires {
    H::methods.size();
};

template <class H>
concept HasMethodTable = HasMethods<H> && requires {
    H::methods[0].function;
};

template <class H>
constexpr std::string_view name_of() {
    if constexpr (HasName<H>) return H::handler_name;
    return {};
}

template <class H>
constexpr std::size_t method_count() {
    if constexpr (HasMethods<H>) return H::methods.size();
    return 0;
}

template <class H>
constexpr std::string_view method_name([[maybe_unused]] std::size_t index) {
    if constexpr (HasMethodTable<H>) {
        return H::methods[index].name;
    } else if constexpr (HasMethods<H>) {
        return H::methods[index];
    } else {
        return {};
    }
}

template <class H>
constexpr bool good_methods() {
    for (std::size_t i = 0; i < method_count<H>(); ++i) {
        if (!is_good_name(method_name<H>(i)) || method_name<H>(i) == "call") return false;
        for (std::size_t j = 0; j < i; ++j) {
            if (method_name<H>(i) == method_name<H>(j)) return false;
        }
    }
    return true;
}

template <class H>
concept ServesMethods = !HasMethods<H> || HasMethodTable<H> || requires(H & handler, StepContext& context) {
    { handler.call_method(std::string_view{}, context) } -> std::same_as<StepHandlerResult>;
};

// Reports one readable error per mistake, before anything else is instantiated.
template <class H>
struct HandlerChecks {
    static_assert(std::is_base_of_v<StepHandler, H>,
                  "a handler must derive publicly from tasker::StepHandler");
    static_assert(!std::is_abstract_v<H>,
                  "a handler must override: tasker::StepHandlerResult call(tasker::StepContext&)");
    static_assert(HasName<H>, "a handler needs: static constexpr std::string_view handler_name = \"...\"");
    static_assert(!HasName<H> || is_good_name(name_of<H>()),
                  "handler_name must be 1 to 128 characters of [A-Za-z0-9_.:-]");
    static_assert(
        good_methods<H>(),
        "methods must be distinct names of 1 to 128 characters of [A-Za-z0-9_.:-], without \"call\"");
    static_assert(ServesMethods<H>,
                  "a handler with methods needs: tasker::StepHandlerResult call_method(std::string_view, "
                  "tasker::StepContext&), or a table of tasker::Method");
    static_assert(std::is_abstract_v<H> || std::is_default_constructible_v<H> ||
                      std::is_constructible_v<H, const HandlerSetup&>,
                  "a handler must be constructible from nothing or from const tasker::HandlerSetup&");
    static constexpr bool ok =
        std::is_base_of_v<StepHandler, H> && !std::is_abstract_v<H> && HasName<H> && ServesMethods<H> &&
        (std::is_default_constructible_v<H> || std::is_constructible_v<H, const HandlerSetup&>);
};

// ---- texts of the descriptor ----
template <class H>
struct NameText {
    static constexpr std::string_view get() { return name_of<H>(); }
};

#define TASKER_OPTIONAL_TEXT_(STRUCT, MEMBER)                                          \
    template <class H>                                                                 \
    struct STRUCT {                                                                    \
        static constexpr std::string_view get() {                                      \
            if constexpr (requires { std::string_view(H::MEMBER); }) return H::MEMBER; \
            return {};                                                                 \
        }                                                                              \
    };
TASKER_OPTIONAL_TEXT_(VersionText, handler_version)
TASKER_OPTIONAL_TEXT_(SummaryText, summary)
TASKER_OPTIONAL_TEXT_(ConfigSchemaText, config_schema)
TASKER_OPTIONAL_TEXT_(InputSchemaText, input_schema)
TASKER_OPTIONAL_TEXT_(ResultSchemaText, result_schema)
#undef TASKER_OPTIONAL_TEXT_

template <class H, std::size_t I>
struct MethodText {
    static constexpr std::string_view get() { return method_name<H>(I); }
};

template <class H>
struct MethodTexts {
    static constexpr auto list = []<std::size_t... I>(std::index_sequence<I...>) {
        return std::array<const char*, sizeof...(I) + 1>{StaticText<MethodText<H, I>>::c_str()..., nullptr};
    }
    (std::make_index_sequence<method_count<H>()>{});
};

template <class H>
constexpr std::uint32_t threads_of() {
    if constexpr (requires { Threading{H::threading}; }) return static_cast<std::uint32_t>(H::threading);
    return TASKER_THREADS_SERIAL;
}

template <class H>
constexpr std::uint64_t capabilities_of() {
    if constexpr (requires { std::uint64_t{H::capabilities}; }) return H::capabilities;
    return 0;
}

template <class H>
constexpr std::uint32_t max_instances_of() {
    if constexpr (requires { std::uint32_t{H::max_instances}; }) return H::max_instances;
    return 0;
}

}  // namespace tasker::detail
