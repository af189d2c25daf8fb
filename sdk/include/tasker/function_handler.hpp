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
// unwrapped results of steps, the keys of the task's input. A missing value is injected as null.
//
// What it returns: StepHandlerResult as it is; an object is the result; void, nullptr and null are {}; any other
// value v is {"result": v}.

#include <array>
#include <cstddef>
#include <string_view>
#include <tuple>
#include <type_traits>
#include <utility>

#include "tasker/detail/text.hpp"
#include "tasker/step_handler.hpp"

namespace tasker {

// Injects the results of earlier steps.
template <fixed_string... Steps>
struct depends {
    static constexpr std::size_t count = sizeof...(Steps);
    static std::array<json, count> values(const StepContext& context) {
        return {context.get_dependency_result(Steps.view()).value_or(json())...};
    }
};

// Injects keys of the task's input.
template <fixed_string... Keys>
struct inputs {
    static constexpr std::size_t count = sizeof...(Keys);
    static std::array<json, count> values(const StepContext& context) {
        return {context.get_input(Keys.view()).value_or(json())...};
    }
};

// The rule above for a value that is there.
template <class T>
StepHandlerResult to_result(T&& value) {
    using Value = std::remove_cvref_t<T>;
    if constexpr (std::is_same_v<Value, StepHandlerResult>) {
        return std::forward<T>(value);
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

template <auto Function, class... Args>
StepHandlerResult invoke_to_result(Args&&... args) {
    if constexpr (std::is_void_v<std::invoke_result_t<decltype(Function), Args...>>) {
        Function(std::forward<Args>(args)...);
        return StepHandlerResult::success();
    } else {
        return to_result(Function(std::forward<Args>(args)...));
    }
}

template <auto Function, class... Values>
StepHandlerResult apply_function(StepContext& context, const Values&... values) {
    using F = decltype(Function);
    if constexpr (std::is_invocable_v<F, StepContext&, const Values&...>) {
        return invoke_to_result<Function>(context, values...);
    } else {
        static_assert(
            std::is_invocable_v<F, const Values&...>,
            "the function of a function_handler takes (tasker::StepContext&, const tasker::json&...) or "
            "(const tasker::json&...), one json per injected value");
        return invoke_to_result<Function>(values...);
    }
}

}  // namespace detail

template <fixed_string Name, auto Function, class... Injected>
class function_handler : public StepHandler {
  public:
    static constexpr std::string_view handler_name = Name.view();
    static constexpr Threading threading = Threading::Reentrant;  // no captures, hence no state

    StepHandlerResult call(StepContext& context) override {
        return std::apply(
            [&](const auto&... value) { return detail::apply_function<Function>(context, value...); },
            std::tuple_cat(Injected::values(context)...));
    }
};

}  // namespace tasker
