#include "host/loader/handler_schemas.hpp"

#include <utility>

namespace tasker::host {

namespace {
std::unique_ptr<const InputSchema> compiled(const std::string& json, const std::string& called) {
    return json.empty() ? nullptr : std::make_unique<const InputSchema>(json, called);
}

Failed misfit(std::string message, std::string type, std::string code) {
    Failed failed;
    failed.message = std::move(message);
    failed.error_type = std::move(type);
    failed.error_code = std::move(code);
    failed.retryable = false;
    return failed;
}
}  // namespace

HandlerSchemas::HandlerSchemas(const HandlerInfo& info)
    : callable_(info.callable),
      config_(compiled(info.config_schema_json, "the config_schema of handler '" + info.callable + "'")),
      input_(compiled(info.input_schema_json, "the input_schema of handler '" + info.callable + "'")),
      result_(compiled(info.result_schema_json, "the result_schema of handler '" + info.callable + "'")) {}

std::optional<Failed> HandlerSchemas::refusal(const StepEvent& event) const {
    const TaskSequenceStep& sequence = event.task_sequence_step;
    if (config_) {
        const std::string& config = sequence.step_definition().handler.initialization_json;
        const bool known = fitting_.with([&](const std::string& last) { return last == config; });
        if (!known) {
            if (const auto fault = config_->fault(config))
                return misfit("the step's handler.initialization cannot be used: " + *fault,
                              "validation_error", "CONFIG_SCHEMA");
            fitting_.with([&](std::string& last) { last = config; });
        }
    }
    if (input_) {
        if (const auto fault = input_->fault(
                sequence.task->context_json ? std::string_view(*sequence.task->context_json) : "{}"))
            return misfit("the task's input cannot be used: " + *fault, "validation_error", "INPUT_SCHEMA");
    }
    return std::nullopt;
}

StepOutcome HandlerSchemas::checked(StepOutcome outcome) const {
    const auto* done = result_ ? std::get_if<Succeeded>(&outcome) : nullptr;
    if (done == nullptr) return outcome;
    const auto fault = result_->fault(done->result_json);
    if (!fault) return outcome;
    Failed failed =
        misfit("the result of " + callable_ + " was refused: " + *fault, "invalid_result", "RESULT_SCHEMA");
    failed.metadata_json = done->metadata_json;
    return failed;
}

}  // namespace tasker::host
