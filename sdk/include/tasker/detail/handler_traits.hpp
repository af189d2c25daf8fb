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

inline constexpr std::uint64_t kAllCapabilities = TASKER_CAP_IDEMPOTENT | TASKER_CAP_CHECKPOINTS |
                                                  TASKER_CAP_CANCELLABLE | TASKER_CAP_BLOCKING_IO |
                                                  TASKER_CAP_CPU_HEAVY;

// Names a type only when the expression is a constant, so that a requires-expression can ask for one.
template <class T>
constexpr bool is_constant(T) {
    return true;
}
#define TASKER_CONSTANT_(...) typename std::bool_constant<is_constant(__VA_ARGS__)>

template <class H>
concept HasName = requires {
    TASKER_CONSTANT_(std::string_view(H::handler_name));
};

template <class H>
concept HasMethodTable = requires {
    TASKER_CONSTANT_(H::methods);
    H::methods.size();
    { H::methods[0].name } -> std::convertible_to<std::string_view>;
    H::methods[0].function;
};

template <class H>
concept HasMethods = HasMethodTable<H> || requires {
    TASKER_CONSTANT_(H::methods);
    H::methods.size();
    { H::methods[0] } -> std::convertible_to<std::string_view>;
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

// ---- the optional members: absent, or a constant that fits ----
#define TASKER_OPTIONAL_TEXT_(STRUCT, MEMBER)                                                     \
    template <class H>                                                                            \
    struct STRUCT {                                                                               \
        static constexpr bool fits = requires { TASKER_CONSTANT_(std::string_view(H::MEMBER)); }; \
        static constexpr bool good = fits || !requires { H::MEMBER; };                            \
        static constexpr std::string_view get() {                                                 \
            if constexpr (fits) return H::MEMBER;                                                 \
            return {};                                                                            \
        }                                                                                         \
    };
TASKER_OPTIONAL_TEXT_(VersionText, handler_version)
TASKER_OPTIONAL_TEXT_(SummaryText, summary)
TASKER_OPTIONAL_TEXT_(ConfigSchemaText, config_schema)
TASKER_OPTIONAL_TEXT_(InputSchemaText, input_schema)
TASKER_OPTIONAL_TEXT_(ResultSchemaText, result_schema)
#undef TASKER_OPTIONAL_TEXT_

#define TASKER_OPTIONAL_NUMBER_(STRUCT, TYPE, MEMBER, ABSENT, MOST)                       \
    template <class H>                                                                    \
    struct STRUCT {                                                                       \
        static constexpr bool fits = requires { TASKER_CONSTANT_(TYPE{H::MEMBER}); };     \
        static constexpr TYPE value = [] {                                                \
            if constexpr (fits) return TYPE{H::MEMBER};                                   \
            return TYPE{ABSENT};                                                          \
        }();                                                                              \
        static constexpr bool good = (fits || !requires { H::MEMBER; }) && value <= MOST; \
    };
TASKER_OPTIONAL_NUMBER_(Kind, HandlerKind, handler_kind, 1, HandlerKind::BatchWorker)
TASKER_OPTIONAL_NUMBER_(Threads, Threading, threading, 0, Threading::Affine)
TASKER_OPTIONAL_NUMBER_(Capabilities, std::uint64_t, capabilities, 0, kAllCapabilities)
TASKER_OPTIONAL_NUMBER_(MaxInstances, std::uint32_t, max_instances, 0, UINT32_MAX)
#undef TASKER_OPTIONAL_NUMBER_
#undef TASKER_CONSTANT_

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
        HasMethods<H> || !requires { H::methods; },
        "methods must be: static constexpr std::array methods{\"a\", \"b\"}, or an array of tasker::Method");
    static_assert(
        good_methods<H>(),
        "methods must be distinct names of 1 to 128 characters of [A-Za-z0-9_.:-], without \"call\"");
    static_assert(ServesMethods<H>,
                  "a handler with methods needs: tasker::StepHandlerResult call_method(std::string_view, "
                  "tasker::StepContext&), or a table of tasker::Method");
    static_assert(VersionText<H>::good, "handler_version must be a static constexpr std::string_view");
    static_assert(SummaryText<H>::good, "summary must be a static constexpr std::string_view");
    static_assert(ConfigSchemaText<H>::good, "config_schema must be a static constexpr std::string_view");
    static_assert(InputSchemaText<H>::good, "input_schema must be a static constexpr std::string_view");
    static_assert(ResultSchemaText<H>::good, "result_schema must be a static constexpr std::string_view");
    static_assert(Kind<H>::good, "handler_kind must be a static constexpr tasker::HandlerKind");
    static_assert(Threads<H>::good, "threading must be a static constexpr tasker::Threading");
    static_assert(Capabilities<H>::good,
                  "capabilities must be a static constexpr std::uint64_t of TASKER_CAP_* constants");
    static_assert(MaxInstances<H>::good,
                  "max_instances must be a static constexpr std::uint32_t, not negative");
    static_assert(std::is_abstract_v<H> || std::is_default_constructible_v<H> ||
                      std::is_constructible_v<H, const HandlerSetup&>,
                  "a handler must be constructible from nothing or from const tasker::HandlerSetup&");
    static constexpr bool ok =
        std::is_base_of_v<StepHandler, H> && !std::is_abstract_v<H> && HasName<H> && ServesMethods<H> &&
        (std::is_default_constructible_v<H> || std::is_constructible_v<H, const HandlerSetup&>);
};

constexpr std::string_view kind_name(HandlerKind kind) {
    switch (kind) {
        case HandlerKind::Decision:
            return "decision";
        case HandlerKind::BatchAnalyzer:
            return "batch_analyzer";
        case HandlerKind::BatchWorker:
            return "batch_worker";
        case HandlerKind::Step:
            break;
    }
    return "step";
}

// ---- texts of the descriptor ----
template <class H>
struct NameText {
    static constexpr std::string_view get() { return name_of<H>(); }
};

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

}  // namespace tasker::detail
