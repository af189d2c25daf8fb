// What becomes of a call's outcome, in time or too late.
#include <exception>
#include <utility>

#include "host/subscriber/executor_core.hpp"

namespace tasker::host {

namespace {
std::vector<EmittedEvent> emitted_by(StepOutcome& outcome) {
    if (auto* done = std::get_if<Succeeded>(&outcome)) return std::move(done->events);
    if (auto* failed = std::get_if<Failed>(&outcome)) return std::move(failed->events);
    return {};
}
}  // namespace

std::optional<ExecutorCore::Attempt> ExecutorCore::attempt_of(const StepJob& job, const HandlerLane& lane,
                                                              StepOutcome& outcome, bool ask_publishers) {
    if (std::holds_alternative<Released>(outcome) || std::holds_alternative<Yielded>(outcome))
        return std::nullopt;
    std::vector<EmittedEvent> emitted = emitted_by(outcome);
    std::optional<StepExecutionResult> result;
    backend_->with([&](TaskerRuntime&, const Clock& clock) {
        const AttemptTimes times{job.started_unix_ms(), clock.unix_ms(),
                                 clock.steady_ms() - job.started_steady_ms()};
        std::string version = lane.handler ? lane.handler->info().version() : std::string{};
        result = to_result(job.event(), std::move(outcome), times, worker_, std::move(version));
    });
    if (!result) return std::nullopt;
    Attempt attempt{std::move(*result), {}};
    const auto& step = job.event().task_sequence_step;
    const bool declared = step.task_template && step.step_index < step.task_template->steps.size() &&
                          !step.step_definition().publishes.empty();
    if (!events_ || (!declared && emitted.empty())) return attempt;
    const EventStamps stamps = [&](std::size_t count) {
        std::vector<EventStamp> made;
        backend_->with([&](TaskerRuntime&, const Clock&) { made = events_->stamps(count); });
        return made;
    };
    attempt.events = events_->prepare(job.event(), attempt.result, std::move(emitted), stamps, job.logger(),
                                      ask_publishers);
    return attempt;
}

void ExecutorCore::deliver(const StepJob& job, const HandlerLane& lane, StepOutcome outcome,
                           std::optional<Attempt> attempt) {
    if (attempt) {
        ++(attempt->result.success ? lane.succeeded : lane.failed);
        backend_->with(
            [&](TaskerRuntime& runtime, const Clock&) { submit(runtime, job, std::move(*attempt)); });
    } else if (const auto* released = std::get_if<Released>(&outcome)) {
        give_back(job, released->reason);
    } else if (auto* yielded = std::get_if<Yielded>(&outcome)) {
        yield(job, std::move(yielded->checkpoint));
    }
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

void ExecutorCore::submit(TaskerRuntime& runtime, const StepJob& job, Attempt attempt) {
    const bool success = attempt.result.success;
    tell(job, attempt.result);
    attempt.result.events = std::move(attempt.events.stored);
    std::shared_ptr<std::vector<Publication>> publications;
    if (!attempt.events.publications.empty())
        publications = std::make_shared<std::vector<Publication>>(std::move(attempt.events.publications));
    try {
        runtime.complete_step_event(
            job.event().event_id, std::move(attempt.result),
            [counters = counters_, success, events = events_, publications](CompletionVerdict verdict) {
                if (verdict == CompletionVerdict::Superseded) {
                    ++counters->refused;
                } else {
                    ++(success ? counters->succeeded : counters->failed);
                }
                // A repeat was published when it was recorded, by whoever recorded it.
                if (publications && verdict == CompletionVerdict::Accepted)
                    events->bus()->publish(std::move(*publications));
            });
    } catch (const std::exception& error) {
        // The claim stays with the runtime, whose own deadline will end it.
        job.logger().error("Step result could not be submitted", {{"error_message", error.what()}});
    }
}

void ExecutorCore::yield(const StepJob& job, Checkpoint checkpoint) {
    job.logger().debug("Step yielded with a checkpoint", {{"items_processed", checkpoint.items_processed}});
    try {
        backend_->with([&](TaskerRuntime& runtime, const Clock&) {
            runtime.yield_step_event(job.event().event_id, std::move(checkpoint),
                                     [counters = counters_](CompletionVerdict verdict) {
                                         if (verdict == CompletionVerdict::Superseded) ++counters->refused;
                                     });
        });
    } catch (const std::exception& error) {
        job.logger().error("Checkpoint could not be submitted", {{"error_message", error.what()}});
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
