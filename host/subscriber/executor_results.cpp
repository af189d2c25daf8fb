// What becomes of a call's outcome, in time or too late.
#include <exception>
#include <utility>

#include "host/subscriber/executor_core.hpp"

namespace tasker::host {

void ExecutorCore::deliver(const StepJob& job, const HandlerLane& lane, StepOutcome outcome) {
    if (const auto* released = std::get_if<Released>(&outcome)) {
        give_back(job, released->reason);
        return;
    }
    backend_->with([&](TaskerRuntime& runtime, const Clock& clock) {
        const AttemptTimes times{job.started_unix_ms(), clock.unix_ms(),
                                 clock.steady_ms() - job.started_steady_ms()};
        ++(std::holds_alternative<Succeeded>(outcome) ? lane.succeeded : lane.failed);
        std::string version = lane.handler ? lane.handler->info().version() : std::string{};
        submit(runtime, job, *to_result(job.event(), std::move(outcome), times, worker_, std::move(version)));
    });
}

// DEBUG for what went well, WARN for what is tried again, ERROR for what somebody has to look at.
void ExecutorCore::tell(const StepJob& job, const StepExecutionResult& result) {
    if (result.success) {
        if (log_.enabled(LogLevel::Debug))
            job.logger().debug("Step handler completed", {{"duration_ms", result.execution_time_ms}});
        return;
    }
    if (!options_.log_failures) return;
    const WorkflowStep& step = job.event().task_sequence_step.workflow_step;
    const StepError error = result.error.value_or(StepError{});
    const bool again = error.retryable && step.retryable && step.attempts + 1 < step.max_attempts;
    LogFields fields{{"callable", extract_handler_name(job.event())},
                     {"duration_ms", result.execution_time_ms},
                     {"error_message", error.message},
                     {"error_class", error.error_type},
                     {"error_code", error.error_code},
                     {"retry_count", step.attempts}};
    if (again) {
        job.logger().warn("Step handler failed, the step will be tried again", std::move(fields));
    } else {
        job.logger().error("Step handler failed, the step ends in error", std::move(fields));
    }
}

void ExecutorCore::submit(TaskerRuntime& runtime, const StepJob& job, StepExecutionResult result) {
    const bool success = result.success;
    tell(job, result);
    try {
        runtime.complete_step_event(job.event().event_id, std::move(result),
                                    [counters = counters_, success](CompletionVerdict verdict) {
                                        if (verdict == CompletionVerdict::Superseded) {
                                            ++counters->refused;
                                        } else {
                                            ++(success ? counters->succeeded : counters->failed);
                                        }
                                    });
    } catch (const std::exception& error) {
        // The claim stays with the runtime, whose own deadline will end it.
        job.logger().error("Step result could not be submitted", {{"error_message", error.what()}});
    }
}

void ExecutorCore::refuse_late(const StepJob& job) {
    ++counters_->refused;
    job.logger().warn("Late step result refused: the attempt was over",
                      {{"callable", std::string(extract_handler_name(job.event()))}});
}

void ExecutorCore::give_back(const StepJob& job, const std::string& reason) {
    ++counters_->released;
    try {
        backend_->with([&](TaskerRuntime& runtime, const Clock&) {
            runtime.release_step_event(job.event().event_id, reason);
        });
    } catch (const std::exception& error) {
        job.logger().error("Step could not be given back", {{"error_message", error.what()}});
    }
}

}  // namespace tasker::host
