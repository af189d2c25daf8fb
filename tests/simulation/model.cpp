#include "tests/simulation/model.hpp"

#include <algorithm>
#include <charconv>

namespace tasker::host::simulation {

namespace {
void require(bool holds, const std::string& what, const char* rule) {
    if (!holds) throw Violation(what + ": " + rule);
}

// The least delay after so many attempts, spelled out once more: the engine's own rule is what is on trial.
std::int64_t least_delay(const RetryPolicy& policy, std::int64_t attempts) {
    constexpr std::int64_t kJitterFrom = 8000;
    std::int64_t factor = 0, before = 1, last = 1;
    switch (policy.backoff) {
        case Backoff::None:
            break;
        case Backoff::Linear:
            factor = attempts;
            break;
        case Backoff::Exponential:
            factor = std::int64_t{1} << attempts;
            break;
        case Backoff::Fibonacci:  // 1, 2, 3, 5, ...
            for (std::int64_t i = 1; i < attempts; ++i) before = std::exchange(last, last + before);
            factor = last;
            break;
    }
    const std::int64_t delay = std::min(policy.base_ms * factor, policy.max_ms);
    return delay < kJitterFrom ? delay : delay * 85 / 100 - 1;
}
}  // namespace

std::int64_t token_in(std::string_view json) {
    const auto at = json.find("\"t\":");
    if (at == std::string_view::npos) return 0;
    std::int64_t token = 0;
    const char* first = json.data() + at + 4;
    if (*first == ' ') ++first;
    std::from_chars(first, json.data() + json.size(), token);
    return token;
}

std::size_t Model::plan_task(std::shared_ptr<const TaskTemplate> definition, const TaskRequest& request) {
    Task task;
    task.token = static_cast<std::int64_t>(tasks_.size()) + 1;
    task.priority = request.priority;
    if (request.idempotency_key) {
        task.identity = definition->id() + " key " + *request.idempotency_key;
    } else if (definition->identity == IdentityStrategy::Strict) {
        task.identity = definition->id() + " context " + request.context_json;
    }
    task.steps.resize(definition->steps.size());
    for (std::size_t i = 0; i < task.steps.size(); ++i) {
        task.steps[i].of = i;
        const StepType type = definition->steps[i].type;
        if (type != StepType::Decision && type != StepType::Batchable) continue;
        task.grows = true;
        task.maker = i;
    }
    task.definition = std::move(definition);
    if (task.identity) by_identity_[*task.identity].push_back(tasks_.size());
    tasks_.push_back(std::move(task));
    return tasks_.size() - 1;
}

void Model::submitted(std::size_t index, const SubmitOutcome& outcome) {
    Task& task = tasks_[index];
    const std::string what = "submission " + std::to_string(task.token);
    bool open = false, exists = false;
    if (task.identity) {
        for (const std::size_t same : by_identity_[*task.identity]) {
            if (same == index) continue;
            open = open || tasks_[same].known == Task::Known::Open;
            exists = exists || tasks_[same].known == Task::Known::Exists;
        }
    }
    if (const auto* uuid = std::get_if<Uuid>(&outcome)) {
        require(!exists, what, "two tasks of one identity");
        task.known = Task::Known::Exists;
        task.uuid = *uuid;
        return;
    }
    const Refused& refused = std::get<Refused>(outcome);
    if (refused.why == Refusal::Duplicate) {
        require(open || exists, what, "refused as a duplicate of a task that was never accepted");
    } else if (refused.why == Refusal::Invalid) {
        require(task.definition->identity == IdentityStrategy::CallerProvided && !task.identity, what,
                "a sound submission was refused as invalid");
    } else {
        require(refused.why == Refusal::Unavailable, what, "a known template was not found");
    }
    task.known = Task::Known::Refused;
}

void Model::resubmitted(std::size_t index, const SubmitOutcome& outcome) {
    if (tasks_[index].known != Task::Known::Exists) return submitted(index, outcome);
    const auto* refused = std::get_if<Refused>(&outcome);
    require(
        refused != nullptr && (refused->why == Refusal::Duplicate || refused->why == Refusal::Unavailable),
        "submission " + std::to_string(tasks_[index].token), "sent twice, it made two tasks");
}

void Model::found(const std::string& identity, const std::optional<Uuid>& uuid) {
    bool open = false;
    const auto known = by_identity_.find(identity);
    if (known != by_identity_.end()) {
        for (const std::size_t index : known->second) {
            const Task& task = tasks_[index];
            open = open || task.known == Task::Known::Open;
            if (task.known != Task::Known::Exists) continue;
            require(uuid == task.uuid, identity, "the lookup by key misses an accepted task");
            return;
        }
    }
    require(!uuid || open, identity, "the lookup by key found a task that nobody submitted");
}

void Model::cancelled(std::size_t index, const std::optional<Refused>& refused) {
    Task& task = tasks_[index];
    task.cancel_open = false;
    const std::string what = "task " + std::to_string(task.token);
    if (!refused) {
        require(!task.cancelled, what, "a cancelled task was cancelled again");
        task.cancelled = true;
        return;
    }
    require(refused->why != Refusal::NotFound || task.known != Task::Known::Exists, what,
            "an accepted task cannot be found");
    const bool all_done = std::ranges::all_of(task.steps, [](const Step& step) { return step.done; });
    // Which steps a growing task has, and which task was given up as stale, only the store knows.
    const bool unknown = task.grows || limits_.gives_up_stale;
    require(refused->why != Refusal::Invalid || all_done || task.cancelled || unknown, what,
            "an open task cannot be cancelled");
}

void Model::ordering(std::size_t task, std::size_t step, StepAction::Kind kind) {
    tasks_[task].steps[step].ordered = kind;
}

void Model::ordered(std::size_t index, std::size_t step_index, const std::optional<Refused>& refused) {
    Task& task = tasks_[index];
    Step& step = task.steps[step_index];
    const std::string what =
        "action on step " + std::to_string(step_index) + " of task " + std::to_string(task.token);
    const StepAction::Kind kind = *std::exchange(step.ordered, std::nullopt);
    const bool reset = kind == StepAction::Kind::ResetForRetry;
    if (!refused) {
        require(!step.done, what, "a step that is done was changed by hand");
        require(!task.cancelled, what, "a step of a cancelled task was changed by hand");
        return carry_out(task, step, kind);
    }
    require(refused->why != Refusal::NotFound, what, "an accepted task or its step cannot be found");
    const bool sound = !task.cancelled && (reset ? step.failed : !step.done);
    require(refused->why != Refusal::Invalid || !sound || limits_.gives_up_stale, what,
            "a sound action was refused");
}

// What an operator does is done with the store's transaction, whoever held the step.
void Model::carry_out(Task& task, Step& step, StepAction::Kind kind) {
    ++step.orders;
    if (kind == StepAction::Kind::ResetForRetry) {
        step.charged = 0;
        step.not_before = 0;
    } else {
        step.done = step.by_hand = true;
        step.result = -task.token;
    }
    step.failed = false;
    for (const std::size_t hold : step.holds) holds_[hold].given_back = true;
    const bool blocked = std::ranges::any_of(task.steps, [](const Step& other) { return other.failed; });
    if (blocked) {
        step.frozen = step.frozen || kind == StepAction::Kind::ResetForRetry;
    } else {
        for (Step& other : task.steps) other.frozen = false;
    }
}

Task& Model::task_of(const std::string& context, const std::string& what) {
    const std::int64_t token = token_in(context);
    require(token > 0 && token <= static_cast<std::int64_t>(tasks_.size()), what,
            "the context is of no submission");
    Task& task = tasks_[static_cast<std::size_t>(token - 1)];
    require(task.known != Task::Known::Refused, what, "a refused submission made a task");
    return task;
}

void Model::saved(std::size_t index, std::int64_t checkpoint, std::optional<bool> saved) {
    Hold& hold = holds_[index];
    Step& step = step_of(hold);
    const std::string what = "checkpoint of step " + std::to_string(hold.step) + " of task " +
                             std::to_string(tasks_[hold.task].token);
    if (!saved) return step.checkpoints_open.push_back(checkpoint);
    const bool ended = hold.revoked || hold.given_back || hold.over || hold.recorded || hold.life != life_;
    if (!*saved) return require(ended || overdue(hold), what, "that of a live claim was refused");
    require(!hold.revoked && !hold.over && hold.life == life_ && step.holds.back() == index, what,
            "that of a claim that is over was saved");
    step.checkpoint = checkpoint;
}

Answer& Model::answer(std::size_t hold, std::size_t session) {
    Answer answer;
    answer.token = static_cast<std::int64_t>(answers_.size()) + 1;
    answer.hold = hold;
    answer.session = session;
    answer.forward = forward_;
    answer.life = life_;
    answer.after_the_end = holds_[hold].over;
    ++waiting_;
    holds_[hold].answers.push_back(answer.token);
    answers_.push_back(answer);
    return answers_.back();
}

void Model::verdict(std::int64_t token, CompletionVerdict verdict, std::int64_t since) {
    Answer& answer = answers_[static_cast<std::size_t>(token - 1)];
    Hold& hold = holds_[answer.hold];
    const Task& task = tasks_[hold.task];
    const std::string what = "result " + std::to_string(token) + " for step " + std::to_string(hold.step) +
                             " of task " + std::to_string(task.token);
    require(answer.state == Answer::State::Waiting, what, "answered twice");
    --waiting_;
    if (verdict == CompletionVerdict::Superseded) {
        answer.state = Answer::State::Refused;
        const bool own = answer.session == hold.session && hold.life == life_;
        const bool ended = hold.revoked || hold.given_back || hold.over || hold.recorded || task.cancelled;
        if (!own || ended) return;
        // Its time-out was on the way to a store that could not be written: with a result there is nobody to tell.
        require(overdue(hold), what, "the result of a live claim was refused");
        hold.revoked = true;
        return charge(hold, true, std::nullopt, since);
    }
    require(hold.life == life_ && answer.session == hold.session, what,
            "the result of a claim that the session does not have was taken");
    if (verdict == CompletionVerdict::AlreadyRecorded) {
        answer.state = Answer::State::Repeated;
        require(hold.recorded || hold.yielded, what, "a result that was never recorded counts as recorded");
        return;
    }
    require(!hold.recorded, what, "two results of one claim were recorded");
    require(!hold.revoked && !answer.after_the_end, what, "the result of a claim that is over was recorded");
    require(step_of(hold).holds.back() == answer.hold, what, "a late result was recorded");
    require(!task.cancelled, what, "a result was recorded for a cancelled task");
    if (answer.checkpoint == 0) return record(answer);
    answer.state = Answer::State::Repeated;  // not a result
    hold.over = hold.yielded = true;
    step_of(hold).checkpoint = answer.checkpoint;
}

void Model::record(Answer& answer) {
    answer.state = Answer::State::Recorded;
    Hold& hold = holds_[answer.hold];
    hold.recorded = true;
    ++recorded_;
    if (!answer.success) return charge(hold, answer.retryable, answer.retry_after_ms, answer.forward);
    Step& step = step_of(hold);
    if (step.done) throw Violation("result " + std::to_string(answer.token) + ": the step is done already");
    step.done = true;
    step.result = answer.token;
    ++step.charged;
    Task& task = tasks_[hold.task];
    if (!task.grows || hold.step != task.maker) return;
    task.branches = answer.branches;
    task.workers = answer.workers;
}

void Model::charge(const Hold& hold, bool retryable, std::optional<std::int64_t> retry_after_ms,
                   std::int64_t forward) {
    constexpr std::int64_t kMostMs = 3'600'000;
    Task& task = tasks_[hold.task];
    Step& step = step_of(hold);
    const RetryPolicy& policy = task.definition->steps[step.of].retry;
    ++step.charged;
    if (retryable && policy.retryable && step.charged < policy.max_attempts) {
        const std::int64_t delay = retry_after_ms ? std::clamp<std::int64_t>(*retry_after_ms, 0, kMostMs)
                                                  : least_delay(policy, step.charged);
        step.not_before = forward + delay;
        return;
    }
    step.failed = true;
    freeze(task);
}

// What is not ready now can only start once somebody unblocks the task: a step with a parent that is not done, nor may be by
// now, and one that waits for its next attempt.
void Model::freeze(Task& task) {
    if (task.grows) return;  // what it waits for is not known here
    const auto undecided = [&](const Step& step) {
        for (const std::size_t hold : step.holds) {
            for (const std::int64_t token : holds_[hold].answers) {
                const Answer& answer = answers_[static_cast<std::size_t>(token - 1)];
                if (answer.success && answer.state == Answer::State::Waiting) return true;
            }
        }
        return false;
    };
    for (std::size_t i = 0; i < task.steps.size(); ++i) {
        Step& step = task.steps[i];
        if (step.not_before > forward_ && !undecided(step)) step.frozen = true;
        for (const std::size_t parent : task.definition->steps[i].dependency_ids) {
            if (!task.steps[parent].done && !undecided(task.steps[parent])) step.frozen = true;
        }
    }
}

void Model::revoked(const Uuid& event_id, std::size_t session, Revocation::Why why, std::int64_t since) {
    const auto found = by_event_.find(event_id);
    const std::string what = "revocation of " + event_id.str();
    require(found != by_event_.end(), what, "the session was never given it");
    Hold& hold = holds_[found->second];
    require(hold.session == session && hold.life == life_, what, "told to another session");
    require(!hold.revoked && !hold.recorded, what, "the claim was over already");
    hold.revoked = true;
    const Task& task = tasks_[hold.task];
    switch (why) {
        case Revocation::Why::Cancelled:
            require(task.cancelled || task.cancel_open || step_of(hold).ordered || hold.given_back, what,
                    "nobody cancelled the task");
            return;
        case Revocation::Why::TimedOut:
            require(overdue(hold), what, "timed out early");
            return charge(hold, true, std::nullopt, since);
        case Revocation::Why::LeaseLost:
            throw Violation(what + ": a sound task was set aside");
    }
}

void Model::session_ended(std::size_t session) {
    for (Hold& hold : holds_) {
        if (hold.session == session && hold.life == life_ && !hold.recorded && !hold.revoked)
            hold.given_back = true;
    }
}

void Model::engine_died() {
    ++life_;
    waiting_ = 0;
    for (Answer& answer : answers_) {
        if (answer.state != Answer::State::Waiting) continue;
        answer.state = Answer::State::Unknown;
        if (answer.checkpoint > 0) step_of(holds_[answer.hold]).checkpoints_open.push_back(answer.checkpoint);
    }
}

void Model::expect_all_answered() const {
    if (waiting_ > 0)
        throw Violation(std::to_string(waiting_) + " results were given and never answered: lost");
}

}  // namespace tasker::host::simulation
