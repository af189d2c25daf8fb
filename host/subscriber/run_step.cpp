#include "host/subscriber/run_step.hpp"

#include <unistd.h>

#include <exception>
#include <utility>
#include <variant>

#include "host/core/failpoint.hpp"
#include "host/model/outcomes.hpp"
#include "host/model/result_rules.hpp"
#include "host/registry/resolution.hpp"

namespace tasker::host {

namespace {
Failed failure(std::string message, std::string type, std::string code, bool retryable) {
    Failed failed;
    failed.message = std::move(message);
    failed.error_type = std::move(type);
    failed.error_code = std::move(code);
    failed.retryable = retryable;
    return failed;
}

std::string_view method_of(const StepEvent& event) {
    return event.task_sequence_step.step_definition().handler.method;
}

std::optional<std::string> fault_of(const StepOutcome& outcome) {
    if (const auto* done = std::get_if<Succeeded>(&outcome)) {
        if (auto fault = result_part_fault("result", done->result_json, false)) return fault;
        return result_part_fault("metadata", done->metadata_json, true);
    }
    if (const auto* failed = std::get_if<Failed>(&outcome)) {
        if (auto fault = result_part_fault("error context", failed->context_json, true)) return fault;
        return result_part_fault("metadata", failed->metadata_json, true);
    }
    return std::nullopt;
}

// What a decision or batchable step decided, before it is submitted: the engine would refuse it too, but the handler's
// author looks here.
StepOutcome checked_decision(const StepEvent& event, StepOutcome outcome) {
    const auto* done = std::get_if<Succeeded>(&outcome);
    if (done == nullptr) return outcome;
    const TaskSequenceStep& step = event.task_sequence_step;
    const auto parsed = parse_outcome(*step.task_template, step.step_index, done->result_json);
    if (const auto* invalid = std::get_if<InvalidOutcome>(&parsed))
        return failure(invalid->message, "invalid_outcome", "INVALID_OUTCOME", false);
    return outcome;
}

// A step may be given back only when the host asked for it: a handler that always does would run for ever.
StepOutcome checked_release(const StepEvent& event, StepOutcome outcome, StopReason reason) {
    if (!std::holds_alternative<Released>(outcome)) return outcome;
    switch (reason) {
        case StopReason::Cancelled:
        case StopReason::Draining:
        case StopReason::LeaseLost:
            return outcome;
        case StopReason::Deadline:
            return handler_timed_out(extract_handler_name(event), event.timeout_ms);
        case StopReason::None:
            break;
    }
    return failure("handler gave the step back although it was not asked to stop", "invalid_outcome",
                   "INVALID_OUTCOME", false);
}

// A handler that forks must not come back twice: the child has the connections of this process and none of its threads.
class OneProcess {
  public:
    OneProcess() = default;
    ~OneProcess() {
        if (::getpid() == pid_) return;
        constexpr std::string_view kTold =
            "a handler forked, and its child came back into the host: it ends here\n";
        static_cast<void>(::write(STDERR_FILENO, kTold.data(), kTold.size()) < 0);
        ::_exit(kExitCode);
    }
    OneProcess(const OneProcess&) = delete;
    OneProcess& operator=(const OneProcess&) = delete;

  private:
    static constexpr int kExitCode = 70;
    const pid_t pid_ = ::getpid();
};

StepOutcome call_instance(const StepEvent& event, const InstanceSource& instance, CallControl& control) {
    try {
        failpoint("dispatch.before_call");
        const OneProcess one;
        StepOutcome outcome = instance().call(event, control);
        failpoint("dispatch.after_call");
        return outcome;
    } catch (const std::exception& error) {
        return handler_threw(error.what());
    } catch (...) {
        return handler_threw("unknown exception");
    }
}
}  // namespace

std::string_view extract_handler_name(const StepEvent& event) {
    const TaskSequenceStep& step = event.task_sequence_step;
    if (!step.task_template || step.step_index >= step.task_template->steps.size()) return {};
    return event.callable();
}

Failed no_handler_name() {
    return failure("No handler name found in event", "handler_error", "NO_HANDLER_NAME", true);
}

Failed handler_not_found(std::string_view callable) {
    return failure("Handler not found: " + std::string(callable), "handler_error", "HANDLER_NOT_FOUND", true);
}

Failed resolver_not_found(std::string_view callable, std::string_view fault) {
    return failure("Handler not found: " + std::string(callable) + "; " + std::string(fault), "handler_error",
                   "RESOLVER_NOT_FOUND", false);
}

Failed method_not_found(const HandlerInfo& info, std::string_view method) {
    return failure("handler '" + info.callable + "' has no method '" + std::string(method) + "'; it has " +
                       methods_of(info),
                   "handler_error", "METHOD_NOT_FOUND", false);
}

Failed handler_threw(std::string_view text) {
    return failure(std::string(text), "handler_error", "HANDLER_EXCEPTION", true);
}

Failed handler_timed_out(std::string_view callable, std::int64_t timeout_ms) {
    return failure(
        "handler '" + std::string(callable) + "' did not finish within " + std::to_string(timeout_ms) + " ms",
        "handler_timeout", "HANDLER_TIMEOUT", true);
}

StepOutcome call_handler(const StepEvent& event, const Handler* handler, const InstanceSource& instance,
                         CallControl& control) {
    const std::string_view callable = extract_handler_name(event);
    if (callable.empty()) return no_handler_name();
    if (handler == nullptr) return handler_not_found(callable);
    const HandlerInfo& info = handler->info();
    if (!offers_method(info, method_of(event))) return method_not_found(info, method_of(event));
    StepOutcome outcome = call_instance(event, instance, control);
    // A plugin's result was checked where it crossed the ABI; an embedder's function is checked here.
    if (info.plugin_id.empty()) {
        if (const auto fault = fault_of(outcome))
            return failure(*fault, "invalid_result", "INVALID_RESULT", false);
    }
    return checked_decision(event, checked_release(event, std::move(outcome), control.stop_requested()));
}

std::optional<StepExecutionResult> to_result(const StepEvent& event, StepOutcome outcome,
                                             const AttemptTimes& times, const WorkerIdentity& worker,
                                             std::string handler_version) {
    if (std::holds_alternative<Released>(outcome) || std::holds_alternative<Yielded>(outcome))
        return std::nullopt;
    StepExecutionResult result;
    result.step_uuid = event.step_uuid;
    result.task_uuid = event.task_uuid;
    result.execution_time_ms = times.execution_time_ms;
    result.worker_id = worker.worker_id;
    result.correlation_id = event.correlation_id.str();
    result.started_ms = times.started_unix_ms;
    result.completed_ms = times.completed_unix_ms;
    result.handler_version = std::move(handler_version);
    result.worker_hostname = worker.hostname;
    if (auto* done = std::get_if<Succeeded>(&outcome)) {
        result.success = true;
        result.status = "completed";
        result.result_json = std::move(done->result_json);
        result.metadata_json = std::move(done->metadata_json);
        return result;
    }
    auto& failed = std::get<Failed>(outcome);
    result.status = "error";
    result.error = StepError{std::move(failed.message), std::move(failed.error_type),
                             std::move(failed.error_code), failed.retryable, std::move(failed.context_json)};
    result.metadata_json = std::move(failed.metadata_json);
    result.retry_after_ms = failed.retry_after_ms;
    result.headers = std::move(failed.headers);
    return result;
}

}  // namespace tasker::host
