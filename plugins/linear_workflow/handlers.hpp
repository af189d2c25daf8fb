#pragma once
// Four steps in a row over one integer: ((number² + 10) · 3) ÷ 2.
//
// Each step works on the value of the step before it, the first one on the task's input `number`, and answers
// {"value": <integer>}. Its operand is `operand` in handler.initialization. Values are 64-bit integers: a result that
// does not fit, a division by zero and a quotient that is not an integer are permanent failures, never a wrong value. So
// an even number goes through all four steps and an odd one fails at the last, as in Tasker's own example.

#include <string_view>
#include <tasker/sdk.hpp>

namespace linear_workflow {

class Square : public tasker::StepHandler {
  public:
    static constexpr std::string_view handler_name = "linear_workflow.square";
    static constexpr std::string_view summary = "number * number, from the task's input";
    static constexpr std::uint64_t capabilities = TASKER_CAP_IDEMPOTENT;
    tasker::StepHandlerResult call(tasker::StepContext& context) override;
};

class Add : public tasker::StepHandler {
  public:
    static constexpr std::string_view handler_name = "linear_workflow.add";
    static constexpr std::string_view summary = "value of step square + operand";
    static constexpr std::uint64_t capabilities = TASKER_CAP_IDEMPOTENT;
    tasker::StepHandlerResult call(tasker::StepContext& context) override;
};

class Multiply : public tasker::StepHandler {
  public:
    static constexpr std::string_view handler_name = "linear_workflow.multiply";
    static constexpr std::string_view summary = "value of step add * operand";
    static constexpr std::uint64_t capabilities = TASKER_CAP_IDEMPOTENT;
    tasker::StepHandlerResult call(tasker::StepContext& context) override;
};

class Divide : public tasker::StepHandler {
  public:
    static constexpr std::string_view handler_name = "linear_workflow.divide";
    static constexpr std::string_view summary = "value of step multiply / operand, exactly";
    static constexpr std::uint64_t capabilities = TASKER_CAP_IDEMPOTENT;
    tasker::StepHandlerResult call(tasker::StepContext& context) override;
};

}  // namespace linear_workflow
