// Workers: well-behaved, slow, deaf, confused.

#include <algorithm>
#include <string>

#include "tests/simulation/plan.hpp"
#include "tests/simulation/schedule.hpp"

namespace tasker::host::simulation {

Capacity whole_capacity(unsigned limit) {
    Capacity capacity;
    capacity.slots = 4 * limit;
    for (const char* ns : kNamespaces) {
        for (const char* callable : kCallables) capacity.lanes.push_back({ns, callable, "", limit});
    }
    return capacity;
}

void offer(World& world, Worker& worker, const Capacity& capacity) {
    for (const LaneOffer& lane : capacity.lanes)
        worker.lanes.insert(lane.namespace_name + "/" + lane.callable);
    // Until it is taken in, both the old and the new grant may be used.
    worker.most_claims = std::max<std::size_t>(worker.most_claims, capacity.slots);
    worker.capacity = capacity;
    world.call([&] { worker.runtime->set_capacity(capacity); });
}

namespace {
// What a decision or a batchable step says beside its token; now and then it makes no sense, and must count as a failure.
void decide(World& world, const Hold& held, Answer& answer, StepExecutionResult& result) {
    const Task& task = world.model.tasks()[held.task];
    if (!task.grows || held.step != task.maker) return;
    const bool decision = task.definition->steps[task.maker].type == StepType::Decision;
    const std::string token = R"({"t":)" + std::to_string(answer.token);
    if (!world.calm && world.dice.chance(80)) {
        answer.success = false;
        static constexpr const char* kWrong[] = {
            "}", R"(,"decision_point_outcome":{"type":"create_steps","step_names":["start","b7"]}})",
            R"(,"batch_processing_outcome":{"type":"create_batches","worker_template_name":"join","cursor_configs":[]}})"};
        result.result_json = token + world.dice.pick(kWrong);
        return;
    }
    if (decision) {
        std::string names;
        for (const char* branch : kBranches) {
            if (!world.dice.chance(600)) continue;
            answer.branches.emplace_back(branch);
            names += (names.empty() ? "\"" : ",\"") + std::string(branch) + "\"";
        }
        result.result_json = token + R"(,"decision_point_outcome":)" +
                             (names.empty() ? R"({"type":"no_branches"}})"
                                            : R"({"type":"create_steps","step_names":[)" + names + "]}}");
        return;
    }
    const std::size_t batches = world.dice.below(7);
    answer.workers = std::max<std::size_t>(batches, 1);  // none is one that has nothing to do
    std::string cursors;
    for (std::size_t i = 0; i < batches; ++i) {
        cursors += (i == 0 ? "" : ",") +
                   (R"({"batch_id":")" + std::to_string(i + 1) + R"(","start_cursor":)" + std::to_string(i) +
                    R"(,"end_cursor":)" + std::to_string(i + 1) + R"(,"batch_size":1})");
    }
    result.result_json =
        token + R"(,"batch_processing_outcome":)" +
        (batches == 0
             ? R"({"type":"no_batches"}})"
             : R"({"type":"create_batches","worker_template_name":"work","worker_count":)" +
                   std::to_string(batches) + R"(,"cursor_configs":[)" + cursors + R"(],"total_items":9}})");
}
}  // namespace

void give_answer(World& world, TaskerRuntime& runtime, std::size_t session, std::size_t hold,
                 AnswerKind kind) {
    const Hold& held = world.model.hold(hold);
    Answer& answer = world.model.answer(hold, session);
    const std::string token = std::to_string(answer.token);
    StepExecutionResult result;
    result.task_uuid = held.task_uuid;
    result.step_uuid = held.step_uuid;
    result.success = true;
    result.status = "completed";
    result.execution_time_ms = answer.token;
    result.result_json = R"({"t":)" + token + "}";
    result.worker_id = "w" + std::to_string(session);
    answer.success = kind == AnswerKind::Success;
    if (answer.success) decide(world, held, answer, result);
    if (kind == AnswerKind::BrokenJson) {
        result.result_json = R"({"t":)";
    } else if (kind == AnswerKind::FailedSuccess) {
        result.status = "error";
    } else if (!answer.success) {
        result.success = false;
        result.status = kind == AnswerKind::SilentFailure ? "completed" : "error";
        answer.retryable = kind != AnswerKind::Permanent && kind != AnswerKind::SilentFailure;
        result.error =
            StepError{"failure " + token, "handler_error", "", kind != AnswerKind::Permanent, "{}"};
    }
    if (kind == AnswerKind::RetryAfter)
        answer.retry_after_ms = result.retry_after_ms = world.dice.between(0, 90'000);
    if (kind == AnswerKind::RetryAfterHeader) {
        const std::int64_t seconds = world.dice.between(0, 7200);
        result.headers = {{"retry-AFTER", std::to_string(seconds)}};
        answer.retry_after_ms = seconds * 1000;
    }
    ++world.counts.answers;
    world.trace.note("answer", answer.token);
    world.trace.note("kind", static_cast<std::int64_t>(kind));
    const std::int64_t number = answer.token;
    world.call([&] {
        runtime.complete_step_event(
            held.event_id, std::move(result),
            [&world, number](CompletionVerdict verdict) { world.verdicts.emplace_back(number, verdict); });
    });
}

namespace {
AnswerKind some_kind(Dice& dice) {
    const auto roll = dice.below(100);
    if (roll < 78) return AnswerKind::Success;
    if (roll < 88) return AnswerKind::Retryable;
    if (roll < 92) return AnswerKind::RetryAfter;
    static constexpr AnswerKind kRest[] = {AnswerKind::Permanent,     AnswerKind::RetryAfterHeader,
                                           AnswerKind::BrokenJson,    AnswerKind::FailedSuccess,
                                           AnswerKind::SilentFailure, AnswerKind::Success,
                                           AnswerKind::Retryable,     AnswerKind::Retryable};
    return dice.pick(kRest);
}

void attach(World& world) {
    for (Worker& worker : world.workers) {
        if (worker.runtime) continue;
        world.attach(worker);
        return offer(world, worker, whole_capacity(static_cast<unsigned>(world.dice.between(1, 8))));
    }
}

void poll(World& world) {
    if (Worker* worker = world.some_worker()) world.poll(*worker, 1 + world.dice.below(6));
}

// Most answers are the only one; some are given again later.
void answer(World& world) {
    Worker* worker = world.some_worker();
    if (worker == nullptr || worker->holds.empty()) return;
    const auto at = static_cast<std::ptrdiff_t>(world.dice.below(worker->holds.size()));
    const std::size_t hold = worker->holds[static_cast<std::size_t>(at)];
    if (!world.dice.chance(150)) worker->holds.erase(worker->holds.begin() + at);
    give_answer(world, *worker->runtime, worker->session, hold, some_kind(world.dice));
}

void answer_twice(World& world) {
    Worker* worker = world.some_worker();
    if (worker == nullptr || worker->holds.empty()) return;
    const std::size_t hold = world.dice.pick(worker->holds);
    give_answer(world, *worker->runtime, worker->session, hold, some_kind(world.dice));
    if (!world.dead) give_answer(world, *worker->runtime, worker->session, hold, some_kind(world.dice));
}

// The answer of a worker that is gone reaches another session.
void answer_for_another(World& world) {
    Worker* worker = world.some_worker();
    if (worker == nullptr || world.orphans.empty()) return;
    give_answer(world, *worker->runtime, worker->session, world.dice.pick(world.orphans),
                AnswerKind::Success);
}

void release(World& world) {
    Worker* worker = world.some_worker();
    if (worker == nullptr || worker->holds.empty()) return;
    const auto at = static_cast<std::ptrdiff_t>(world.dice.below(worker->holds.size()));
    const std::size_t hold = worker->holds[static_cast<std::size_t>(at)];
    if (!world.dice.chance(200)) worker->holds.erase(worker->holds.begin() + at);
    world.model.given_back(hold);
    world.call([&] { worker->runtime->release_step_event(world.model.hold(hold).event_id, "simulated"); });
}

void save_checkpoint(World& world) {
    Worker* worker = world.some_worker();
    if (worker == nullptr || worker->holds.empty()) return;
    const std::size_t hold = world.dice.pick(worker->holds);
    const std::int64_t number = ++world.checkpoints;
    std::optional<bool> saved;
    world.call([&] {
        try {
            saved = worker->runtime->save_checkpoint(
                world.model.hold(hold).event_id,
                {std::to_string(number), static_cast<std::uint64_t>(number), ""});
        } catch (const StoreUnavailable&) {
            world.trace.note("unavailable");
        }
    });
    world.model.saved(hold, number, saved);
    world.trace.note("saved", saved.value_or(false) ? 1 : 0);
}

void yield(World& world) {
    Worker* worker = world.some_worker();
    if (worker == nullptr || worker->holds.empty()) return;
    const auto at = static_cast<std::ptrdiff_t>(world.dice.below(worker->holds.size()));
    const std::size_t hold = worker->holds[static_cast<std::size_t>(at)];
    if (!world.dice.chance(200)) worker->holds.erase(worker->holds.begin() + at);
    Answer& answer = world.model.answer(hold, worker->session);
    answer.checkpoint = ++world.checkpoints;
    const std::int64_t number = answer.token;
    world.trace.note("answer", number);
    world.call([&] {
        worker->runtime->yield_step_event(
            world.model.hold(hold).event_id, {std::to_string(world.checkpoints), 1, "[]"},
            [&world, number](CompletionVerdict verdict) { world.verdicts.emplace_back(number, verdict); });
    });
}

// The worker forgets what it was doing: only its time-out or its end gives the step back.
void forget(World& world) {
    Worker* worker = world.some_worker();
    if (worker == nullptr || worker->holds.empty()) return;
    worker->holds.erase(worker->holds.begin() +
                        static_cast<std::ptrdiff_t>(world.dice.below(worker->holds.size())));
}

void heartbeat(World& world) {
    Worker* worker = world.some_worker();
    if (worker == nullptr || worker->holds.empty()) return;
    const Hold& hold = world.model.hold(world.dice.pick(worker->holds));
    const bool alive = worker->runtime->heartbeat(hold.event_id);
    const bool quiet = hold.answers.empty() && !hold.given_back && !world.model.overdue(hold);
    if (alive && (hold.revoked || hold.recorded)) throw Violation("a claim that is over has a heartbeat");
    if (!alive && quiet && !hold.revoked) throw Violation("a live claim has no heartbeat");
    world.trace.note("alive", alive ? 1 : 0);
}

void change_capacity(World& world) {
    Worker* worker = world.some_worker();
    if (worker == nullptr) return;
    Capacity capacity;
    capacity.slots = static_cast<unsigned>(world.dice.below(9));
    for (const char* ns : kNamespaces) {
        for (const char* callable : kCallables) {
            if (world.dice.chance(700))
                capacity.lanes.push_back({ns, callable, "", static_cast<unsigned>(world.dice.below(4))});
        }
    }
    offer(world, *worker, capacity);
}

void drain(World& world) {
    Worker* worker = world.some_worker();
    if (worker == nullptr) return;
    worker->draining = true;
    world.call([&] { worker->runtime->transition_to_graceful_shutdown(); });
}

void end_session(World& world) {
    if (Worker* worker = world.some_worker()) world.end_session(*worker);
}

void housekeeping(World& world) {
    Worker* worker = world.some_worker();
    if (worker == nullptr) return;
    world.trace.note("forgot", static_cast<std::int64_t>(worker->runtime->cleanup_timeouts()));
    world.trace.note("pending",
                     static_cast<std::int64_t>(worker->runtime->check_starvation_warnings().pending));
}

constexpr Action kActions[] = {
    {"attach", 40, attach},
    {"poll", 260, poll},
    {"answer", 420, answer},
    {"answer-twice", 8, answer_twice},
    {"answer-for-another", 6, answer_for_another},
    {"release", 10, release},
    {"save-checkpoint", 12, save_checkpoint},
    {"yield", 12, yield},
    {"forget", 5, forget},
    {"heartbeat", 15, heartbeat},
    {"capacity", 25, change_capacity},
    {"drain", 3, drain},
    {"end-session", 4, end_session},
    {"housekeeping", 4, housekeeping},
};
}  // namespace

std::span<const Action> worker_actions() { return kActions; }

}  // namespace tasker::host::simulation
