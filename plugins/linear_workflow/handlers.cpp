#include "handlers.hpp"

#include <cstdint>
#include <limits>
#include <string>

namespace linear_workflow {
namespace {

std::string formula(std::int64_t left, const char* sign, std::int64_t right) {
    return std::to_string(left) + " " + sign + " " + std::to_string(right);
}

[[noreturn]] void overflow(std::int64_t left, const char* sign, std::int64_t right) {
    throw tasker::PermanentError(formula(left, sign, right) + " does not fit in 64 bits", "OVERFLOW");
}

std::int64_t product(std::int64_t left, std::int64_t right) {
    std::int64_t result = 0;
    if (__builtin_mul_overflow(left, right, &result)) overflow(left, "*", right);
    return result;
}

tasker::StepHandlerResult answer(tasker::StepContext& context, std::int64_t value) {
    context.logger().debug("computed", {{"value", value}});
    return tasker::StepHandlerResult::success({{"value", value}});
}

// The value of the step before, and this step's operand.
struct Operands {
    std::int64_t value, operand;
};

Operands operands(tasker::StepContext& context, std::string_view before) {
    return {context.require_dependency_field<std::int64_t>(before, "value"),
            context.require_config<std::int64_t>("operand")};
}

}  // namespace

tasker::StepHandlerResult Square::call(tasker::StepContext& context) {
    const auto number = context.require_input<std::int64_t>("number");
    return answer(context, product(number, number));
}

tasker::StepHandlerResult Add::call(tasker::StepContext& context) {
    const auto [value, operand] = operands(context, "square");
    std::int64_t sum = 0;
    if (__builtin_add_overflow(value, operand, &sum)) overflow(value, "+", operand);
    return answer(context, sum);
}

tasker::StepHandlerResult Multiply::call(tasker::StepContext& context) {
    const auto [value, operand] = operands(context, "add");
    return answer(context, product(value, operand));
}

tasker::StepHandlerResult Divide::call(tasker::StepContext& context) {
    const auto [value, operand] = operands(context, "multiply");
    if (operand == 0)
        throw tasker::PermanentError(formula(value, "/", operand) + " has no value", "DIVISION_BY_ZERO");
    if (value == std::numeric_limits<std::int64_t>::min() && operand == -1) overflow(value, "/", operand);
    if (value % operand != 0) {
        throw tasker::PermanentError(formula(value, "/", operand) + " is not an integer", "INEXACT_DIVISION");
    }
    return answer(context, value / operand);
}

}  // namespace linear_workflow
