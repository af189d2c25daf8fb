// What a step must look like when it is handed out.

#include <algorithm>
#include <charconv>

#include "host/model/wire.hpp"
#include "tests/simulation/model.hpp"

namespace tasker::host::simulation {

namespace {
void require(bool holds, const std::string& what, const char* rule) {
    if (!holds) throw Violation(what + ": " + rule);
}
}  // namespace

std::size_t Model::delivered(const StepEvent& event, std::size_t session, std::int64_t steady,
                             const std::function<bool(const Hold&)>& alive) {
    const TaskSequenceStep& sequence = event.task_sequence_step;
    std::string what = "step " + sequence.workflow_step.name + " of " + *sequence.task->context_json;
    Task& task = task_of(*sequence.task->context_json, what);
    if (!task.uuid) task.uuid = event.task_uuid;
    task.known = Task::Known::Exists;
    require(*task.uuid == event.task_uuid, what, "two tasks of one submission");
    require(!task.cancelled, what, "a cancelled task is handed out");
    require(sequence.task->priority == task.priority, what, "another priority than submitted");
    require(sequence.step_index < task.definition->steps.size(), what,
            "a step that the template does not have");
    const StepType type = task.definition->steps[sequence.step_index].type;
    const std::size_t index = type == StepType::BatchWorker
                                  ? worker_of(task, sequence.workflow_step.name, what)
                                  : sequence.step_index;
    Step& step = task.steps[index];
    require(!step.done, what, "a finished step is handed out again");
    require(!step.failed, what, "a step that failed for good is handed out");
    require(!step.frozen, what, "a blocked task promoted a step");
    check_claims(step, what, alive);
    if (task.grows) {
        check_growth(event, task, what);
        check_given(event, task, what);
    } else {
        check_dependencies(event, task, what);
    }
    const WorkflowStep& seen = sequence.workflow_step;
    if (limits_.gives_up_unserved) step.charged = std::max<std::int64_t>(step.charged, seen.attempts);
    // Given back when its time was over: which of the two the engine saw first was not told.
    const auto either = std::ranges::count_if(step.holds, [&](std::size_t at) {
        const Hold& before = holds_[at];
        return before.given_back && !before.revoked && !before.recorded && overdue(before);
    });
    if (seen.attempts > step.charged && seen.attempts <= step.charged + either) step.charged = seen.attempts;
    if (seen.attempts != step.charged)
        throw Violation(what + ": handed out after " + std::to_string(step.charged) +
                        " attempts that count, the engine says " + std::to_string(seen.attempts));
    require(seen.attempts < std::max(1, task.definition->steps[sequence.step_index].retry.max_attempts), what,
            "more attempts than allowed");
    require(seen.attempts == 0 || seen.previous_result != nullptr, what,
            "the previous result is missing in a retry");
    require(event.first_delivery == (step.losses == 0), what,
            "first_delivery does not tell of lost attempts");
    if (forward_ < step.not_before)
        throw Violation(what + ": retried " + std::to_string(step.not_before - forward_) + " ms early");
    check_checkpoint(step, seen, what);
    Hold hold;
    hold.event_id = event.event_id;
    hold.task_uuid = event.task_uuid;
    hold.step_uuid = event.step_uuid;
    hold.task = static_cast<std::size_t>(task.token - 1);
    hold.step = index;
    hold.session = session;
    hold.life = life_;
    hold.polled_ms = steady;
    hold.timeout_ms = event.timeout_ms;
    require(by_event_.emplace(event.event_id, holds_.size()).second, what, "an event id was used twice");
    step.holds.push_back(holds_.size());
    holds_.push_back(hold);
    return holds_.size() - 1;
}

// Whoever held the step before must not hold it any more, and must know why.
void Model::check_claims(const Step& step, const std::string& what,
                         const std::function<bool(const Hold&)>& alive) {
    for (const std::size_t index : step.holds) {
        Hold& hold = holds_[index];
        if (hold.life != life_ || hold.revoked || hold.over || hold.recorded) continue;
        require(!alive(hold), what, "two live claims of one step");
        require(hold.given_back, what, "its claim ended without a word");
        hold.over = true;
    }
}

void Model::check_dependencies(const StepEvent& event, Task& task, const std::string& what) {
    const TaskSequenceStep& sequence = event.task_sequence_step;
    const auto& ancestors = task.definition->steps[sequence.step_index].ancestor_ids;
    std::size_t by_hand = 0, given_by_hand = 0;
    const bool mended = std::ranges::any_of(task.steps, [](const Step& step) { return step.by_hand; });
    for (const std::size_t ancestor : ancestors) {
        const std::string& name = task.definition->steps[ancestor].name;
        const auto given = std::ranges::find(sequence.dependency_results, name, &DependencyResult::step_name);
        Step& parent = task.steps[ancestor];
        // Resolved by hand: there is no result, or that of an attempt that failed. What lies behind such a step may be open.
        const auto& parents = task.definition->steps[sequence.step_index].dependency_ids;
        const bool direct = std::ranges::find(parents, ancestor) != parents.end();
        // It may have ended since the claim was made: then what it had failed with before is given.
        const bool failed = given != sequence.dependency_results.end() &&
                            token_in(envelope_result(*given->envelope_json)) <= 0;
        if (parent.by_hand ||
            (mended && !direct && (!parent.done || failed || given == sequence.dependency_results.end()))) {
            ++by_hand;
            given_by_hand += given != sequence.dependency_results.end() ? 1 : 0;
            continue;
        }
        require(given != sequence.dependency_results.end(), what, "started before a step it depends on");
        const std::int64_t token = token_in(envelope_result(*given->envelope_json));
        require(token > 0 && token <= static_cast<std::int64_t>(answers_.size()), what,
                "given a result that no worker made");
        Answer& answer = answers_[static_cast<std::size_t>(token - 1)];
        require(answer.success && &step_of(holds_[answer.hold]) == &parent, what,
                "given the result of another step");
        require(answer.state == Answer::State::Recorded && parent.result == token, what,
                "given a result that was not recorded");
    }
    require(sequence.dependency_results.size() == ancestors.size() - by_hand + given_by_hand, what,
            "given more results than it needs");
}

// The newest progress that was told to be saved is handed out, or a newer one whose answer was lost.
void Model::check_checkpoint(Step& step, const WorkflowStep& seen, const std::string& what) {
    std::int64_t given = 0;
    constexpr std::string_view kCursor = "{\"cursor\":";
    if (seen.checkpoint_json && seen.checkpoint_json->starts_with(kCursor)) {
        const char* first = seen.checkpoint_json->data() + kCursor.size();
        std::from_chars(first, seen.checkpoint_json->data() + seen.checkpoint_json->size(), given);
    }
    const bool lost_answer = std::ranges::find(step.checkpoints_open, given) != step.checkpoints_open.end();
    if (given != step.checkpoint && !(lost_answer && given > step.checkpoint))
        throw Violation(what + ": handed out with checkpoint " + std::to_string(given) + ", the newest is " +
                        std::to_string(step.checkpoint));
    step.checkpoint = given;
    step.checkpoints_open.clear();
}

}  // namespace tasker::host::simulation
