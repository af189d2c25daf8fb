// Clients: submissions one by one and many at once, sent again, with and without keys; cancels; lookups.

#include <algorithm>
#include <limits>
#include <string>

#include "tests/simulation/plan.hpp"
#include "tests/simulation/schedule.hpp"

namespace tasker::host::simulation {

namespace {
constexpr std::size_t kMostOpenTasks = 400;

TaskRequest request_of(World& world, const TaskTemplate& definition) {
    TaskRequest request;
    request.namespace_name = definition.namespace_name;
    request.name = definition.name;
    request.version = definition.version;
    request.priority = static_cast<int>(world.dice.between(-2, 2));
    if (world.dice.chance(5)) request.priority = std::numeric_limits<int>::min();
    if (world.dice.chance(5)) request.priority = std::numeric_limits<int>::max();
    const bool wants_key = definition.identity == IdentityStrategy::CallerProvided || world.dice.chance(200);
    if (wants_key && !world.dice.chance(50)) {
        if (world.keys.empty() || world.dice.chance(800))
            world.keys.push_back("k" + std::to_string(world.keys.size()));
        request.idempotency_key = world.dice.pick(world.keys);
    }
    request.context_json = R"({"t":)" + std::to_string(world.model.tasks().size() + 1) + "}";
    return request;
}

struct Planned {
    std::vector<TaskRequest> requests;
    std::vector<std::size_t> tasks;
};

void plan(World& world, Planned& planned, const TaskTemplate& definition, TaskRequest request) {
    const auto known =
        world.engine->catalog()->find(definition.namespace_name, definition.name, definition.version);
    planned.tasks.push_back(world.model.plan_task(known, request));
    planned.requests.push_back(std::move(request));
    ++world.counts.submissions;
}

// False when the engine died over it.
bool send(World& world, const Planned& planned) {
    std::vector<SubmitOutcome> outcomes;
    world.call([&] { outcomes = world.engine->tasks().create_batch(planned.requests); });
    if (world.dead) return false;
    for (std::size_t i = 0; i < outcomes.size(); ++i) world.model.submitted(planned.tasks[i], outcomes[i]);
    return true;
}

const TaskTemplate& some_template(World& world) {
    return world.plan[world.dice.below(world.plan.size() - 1)];
}

void submit_many(World& world, std::size_t count) {
    if (world.model.tasks().size() >= kMostOpenTasks) return;
    Planned planned;
    for (std::size_t i = 0; i < count; ++i) {
        const TaskTemplate& definition = some_template(world);
        plan(world, planned, definition, request_of(world, definition));
    }
    world.trace.note("first", static_cast<std::int64_t>(planned.tasks.front()));
    send(world, planned);
}

void submit(World& world) { submit_many(world, 1); }
void submit_batch(World& world) { submit_many(world, 2 + world.dice.below(12)); }

// A client that heard nothing sends the same once more.
void submit_again(World& world) {
    if (world.model.tasks().empty()) return;
    const std::size_t index = world.dice.below(world.model.tasks().size());
    const Task& task = world.model.tasks()[index];
    const std::string context = R"({"t":)" + std::to_string(task.token) + "}";
    if (!task.identity || task.identity->find(" context ") == std::string::npos) return;
    TaskRequest request;
    request.namespace_name = task.definition->namespace_name;
    request.name = task.definition->name;
    request.version = task.definition->version;
    request.priority = task.priority;
    request.context_json = context;
    SubmitOutcome outcome;
    world.call([&] { outcome = world.engine->tasks().create(request); });
    world.trace.note("token", task.token);
    if (!world.dead) world.model.resubmitted(index, outcome);
}

void look_up(World& world) {
    if (world.keys.empty()) return;
    const TaskTemplate& definition = some_template(world);
    const std::string key = world.dice.pick(world.keys);
    const auto uuid = world.engine->tasks().find_by_idempotency_key(definition.namespace_name,
                                                                    definition.name, definition.version, key);
    world.model.found(definition.id() + " key " + key, uuid);
    world.trace.note("found", uuid ? 1 : 0);
}

void cancel(World& world) {
    if (world.model.tasks().empty()) return;
    const std::size_t index = world.dice.below(world.model.tasks().size());
    const Task& task = world.model.tasks()[index];
    if (!task.uuid) return;
    world.trace.note("task", task.token);
    world.model.cancelling(index);
    std::optional<Refused> refused;
    world.call([&] { refused = world.engine->tasks().cancel(*task.uuid); });
    if (!world.dead) world.model.cancelled(index, refused);
}

void act_on_step(World& world) {
    if (world.model.tasks().empty()) return;
    std::size_t index = world.dice.below(world.model.tasks().size());
    // Mostly where there is something to mend.
    const auto failed = [&](std::size_t at) {
        return std::ranges::any_of(world.model.tasks()[at].steps,
                                   [](const Step& step) { return step.failed; });
    };
    for (int tries = 0; tries < 20 && !failed(index); ++tries)
        index = world.dice.below(world.model.tasks().size());
    const Task& task = world.model.tasks()[index];
    if (task.known != Task::Known::Exists || !task.uuid || task.definition->name == kProbe || task.grows)
        return;
    std::size_t step = world.dice.below(task.steps.size());
    for (std::size_t i = 0; i < task.steps.size(); ++i) {
        if (task.steps[i].failed && world.dice.chance(700)) step = i;
    }
    const auto view = world.engine->tasks().get(*task.uuid);
    if (!view) throw Violation("an accepted task cannot be seen");
    static constexpr StepAction::Kind kKinds[] = {
        StepAction::Kind::ResetForRetry, StepAction::Kind::ResetForRetry, StepAction::Kind::ResolveManually,
        StepAction::Kind::CompleteManually};
    StepAction action;
    action.kind = world.dice.pick(kKinds);
    action.reason = "simulated";
    action.by = "operator";
    action.result_json = R"({"t":)" + std::to_string(-task.token) + "}";
    world.trace.note("step", task.token * 100 + static_cast<std::int64_t>(step));
    world.trace.note("kind", static_cast<std::int64_t>(action.kind));
    world.model.ordering(index, step, action.kind);
    std::optional<Refused> refused;
    world.call([&] {
        refused = world.engine->tasks().act_on_step(*task.uuid, view->steps.at(step).step_uuid, action);
    });
    if (world.dead) return;
    world.trace.note("refused", refused ? 1 : 0);
    world.model.ordered(index, step, refused);
}

void view(World& world) {
    if (world.model.tasks().empty()) return;
    const Task& task = world.model.tasks()[world.dice.below(world.model.tasks().size())];
    if (task.known != Task::Known::Exists) return;
    const auto seen = world.engine->tasks().get(*task.uuid);
    if (!seen) throw Violation("an accepted task cannot be seen");
    if (task.cancelled && seen->state != TaskState::Cancelled)
        throw Violation("a cancelled task is shown as open");
    for (std::size_t i = 0; i < task.steps.size() && !task.grows; ++i) {
        const StepState state = seen->steps.at(i).state;
        if (task.steps[i].done && state != StepState::Complete && state != StepState::ResolvedManually)
            throw Violation("a step whose success was told is shown as open");
    }
    world.trace.note("state", static_cast<std::int64_t>(seen->state));
}

constexpr Action kActions[] = {
    {"submit", 45, submit},
    {"submit-batch", 10, submit_batch},
    {"submit-again", 8, submit_again},
    {"look-up", 6, look_up},
    {"cancel", 5, cancel},
    {"view", 10, view},
    {"act-on-step", 6, act_on_step},
    {"priorities", 3, check_priorities},
};

// The prober's tasks that are ready, the best first: by priority, then in the order of submission.
std::vector<std::size_t> ready_probes(const World& world) {
    std::vector<std::size_t> ready;
    const auto& tasks = world.model.tasks();
    for (std::size_t i = 0; i < tasks.size(); ++i) {
        const Task& task = tasks[i];
        if (task.definition->name == kProbe && task.known == Task::Known::Exists && !task.cancelled &&
            !task.steps[0].done && !task.steps[0].failed)
            ready.push_back(i);
    }
    std::ranges::stable_sort(
        ready, [&](std::size_t a, std::size_t b) { return tasks[a].priority > tasks[b].priority; });
    return ready;
}
}  // namespace

// A lane that nobody serves meanwhile: whoever comes must be given the best that is there, the best first.
void check_priorities(World& world) {
    const auto free =
        std::ranges::find_if(world.workers, [](const Worker& worker) { return !worker.runtime; });
    if (free == world.workers.end() || world.in_trouble()) return;
    // What nobody serves is tried again later there, and then not ready.
    if (world.options.missing_handler_timeout_ms < 86'400'000) return;
    Planned planned;
    for (std::uint64_t i = 2 + world.dice.below(8); i > 0; --i) {
        TaskRequest request = request_of(world, world.plan.back());
        request.idempotency_key.reset();
        plan(world, planned, world.plan.back(), request);
    }
    if (!send(world, planned)) return;
    world.audit();  // also for what the engine gave up because nobody came
    if (world.dead || world.in_trouble()) return;
    const std::vector<std::size_t> expected = ready_probes(world);
    world.attach(*free);
    const auto slots = static_cast<unsigned>(1 + world.dice.below(expected.size() + 1));
    offer(world, *free, {slots, {{kProbe, "sim.probe", "", 100}}});
    world.settle();
    if (world.dead || world.in_trouble()) return;
    world.poll(*free, 1000);
    const std::size_t count = std::min<std::size_t>(slots, expected.size());
    if (free->holds.size() != count) {
        throw Violation("a free worker was given " + std::to_string(free->holds.size()) + " steps of " +
                        std::to_string(expected.size()) + " that are ready, with " + std::to_string(slots) +
                        " slots; it holds " + std::to_string(free->runtime->status().claimed) +
                        ", ready in the store are " + std::to_string(world.engine->info().ready_steps));
    }
    for (std::size_t i = 0; i < count; ++i) {
        const Task& got = world.model.tasks()[world.model.hold(free->holds[i]).task];
        if (got.priority != world.model.tasks()[expected[i]].priority)
            throw Violation("a step of a lower priority was handed out first");
    }
    const std::vector<std::size_t> holds = std::exchange(free->holds, {});
    for (const std::size_t hold : holds) {
        if (!world.dead) give_answer(world, *free->runtime, free->session, hold, AnswerKind::Success);
    }
    if (!world.dead) world.end_session(*free);
}

std::span<const Action> client_actions() { return kActions; }

}  // namespace tasker::host::simulation
