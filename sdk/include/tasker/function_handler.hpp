#pragma once
// A handler of one line: a lambda without captures, or a function, under a name.
//
//   using Greet = tasker::function_handler<"demo.greet", [](tasker::StepContext& context) {
//       return tasker::json{{"hello", context.get_input_or("name", "world")}};
//   }>;
//   using Total = tasker::function_handler<"demo.total", [](const tasker::json& price, const tasker::json& count) {
//       return price.get<double>() * count.get<int>();
//   }, tasker::depends<"price">, tasker::inputs<"count">>;
//
// The function takes the context (or not), then one `const json&` per injected value, in the order of the lists: the
// unwrapped results of steps, the keys of the task's input. A missing value is injected as null. A function that reads
// one as a type that it does not have ends in a ValidationError that names the injected values.
//
// g++ 12 takes a bare `>` or `>>` in a lambda that is a template argument for the end of the list: write `(a > b)`, or
// name the function elsewhere and pass it as &function.
//
// What it returns: StepHandlerResult as it is; an object is the result; void, nullptr and null are {}; any other
// value v is {"result": v}.

#include <array>
#include <cstddef>
#include <string>
#include <string_view>
#include <tuple>
#include <type_traits>
#include <utility>
#include <vector>

#include "tasker/detail/text.hpp"
#include "tasker/step_handler.hpp"

namespace tasker {

namespace detail {

// An injected value for a message: "input 'count'", "missing".
struct Injection {
    std::string name;
    std::string_view found;  // missing, null or the type
};

inline Injection injection(const Where& where, Presence state, const json& value) {
    return {where.text(), state == Presence::Missing ? "missing" : type_name(value)};
}

}  // namespace detail

// Injects the results of earlier steps.
template <fixed_string... Steps>
struct depends {
    static constexpr std::size_t count = sizeof...(Steps);
    static std::array<json, count> values(const StepContext& context) {
        return {context.get_dependency_result(Steps.view()).value_or(json())...};
    }
    static std::vector<detail::Injection> describe(const StepContext& context) {
        return {detail::injection({"result of dependency", Steps.view()},
                                  context.dependency_state(Steps.view()),
                                  context.get_dependency_result(Steps.view()).value_or(json()))...};
    }
};

// Injects keys of the task's input.
template <fixed_string... Keys>
struct inputs {
    static constexpr std::size_t count = sizeof...(Keys);
    static std::array<json, count> values(const StepContext& context) {
        return {context.get_input(Keys.view()).value_or(json())...};
    }
    static std::vector<detail::Injection> describe(const StepContext& context) {
        return {detail::injection({"input", Keys.view()}, context.input_state(Keys.view()),
                                  context.get_input(Keys.view()).value_or(json()))...};
    }
};

// The rule above for a value that is there. Types with a to_step_result() say it themselves.
template <class T>
StepHandlerResult to_result(T&& value) {
    using Value = std::remove_cvref_t<T>;
    if constexpr (std::is_same_v<Value, StepHandlerResult>) {
        return std::forward<T>(value);
    } else if constexpr (requires { value.to_step_result(); }) {
        return value.to_step_result();
    } else {
        json converted = std::forward<T>(value);
        if (converted.is_object()) return StepHandlerResult::success(std::move(converted));
        if (converted.is_null()) return StepHandlerResult::success();
        json wrapped = json::object();
        wrapped["result"] = std::move(converted);
        return StepHandlerResult::success(std::move(wrapped));
    }
}

namespace detail {

// Calls with the context first, or without it.
template <auto Function, class... Values>
decltype(auto) apply_function(StepContext& context, const Values&... values) {
    using F = decltype(Function);
    if constexpr (std::is_invocable_v<F, StepContext&, const Values&...>) {
        return Function(context, values...);
    } else {
        static_assert(
            std::is_invocable_v<F, const Values&...>,
            "the function of a function_handler takes (tasker::StepContext&, const tasker::json&...) or "
            "(const tasker::json&...), one json per injected value; that of a batch worker or an aggregator "
            "its own "
            "first value before them");
        return Function(values...);
    }
}

template <auto Function, class... Values>
StepHandlerResult function_result(StepContext& context, const Values&... values) {
    if constexpr (std::is_void_v<decltype(apply_function<Function>(context, values...))>) {
        apply_function<Function>(context, values...);
        return StepHandlerResult::success();
    } else {
        return to_result(apply_function<Function>(context, values...));
    }
}

// A function failed on JSON. Its values are the same in every attempt, so it is not retried.
[[noreturn]] inline void refuse_injected(const json::exception& error, const std::vector<Injection>& values) {
    std::string message = "the function cannot use";
    json found = json::object();
    bool all_there = true;
    for (const auto& value : values) {
        message.append(found.empty() ? " " : ", ")
            .append(value.name)
            .append(" (")
            .append(value.found)
            .append(")");
        found[value.name] = value.found;
        all_there = all_there && value.found != "missing" && value.found != "null";
    }
    throw ValidationError(message + ": " + error.what(), all_there ? "WRONG_TYPE" : "MISSING_VALUE",
                          {{"found", std::move(found)}});
}

// Runs `run` with the injected values; what it cannot make of them names them.
template <class... Injected, class Run>
StepHandlerResult with_injected(StepContext& context, const Run& run) {
    if constexpr (sizeof...(Injected) == 0) {
        return run();
    } else {
        const auto refuse = [&](const json::exception& error) {
            std::vector<Injection> all;
            const auto add = [&](std::vector<Injection> some) {
                all.insert(all.end(), some.begin(), some.end());
            };
            (add(Injected::describe(context)), ...);
            refuse_injected(error, all);
        };
        try {
            return std::apply(run, std::tuple_cat(Injected::values(context)...));
        } catch (const json::type_error& error) {
            refuse(error);
            throw;
        } catch (const json::out_of_range& error) {
            refuse(error);
            throw;
        }
    }
}

// What the handlers of one function have in common.
template <fixed_string Name>
class NamedFunction : public StepHandler {
  public:
    static constexpr std::string_view handler_name = Name.view();
    static constexpr Threading threading = Threading::Reentrant;  // no captures, hence no state
};

}  // namespace detail

template <fixed_string Name, auto Function, class... Injected>
class function_handler : public detail::NamedFunction<Name> {
  public:
    StepHandlerResult call(StepContext& context) override {
        return detail::with_injected<Injected...>(context, [&](const auto&... values) {
            return detail::function_result<Function>(context, values...);
        });
    }
};

}  // namespace tasker
