#include "tests/simulation/schedule.hpp"

#include <string>

#include "tests/simulation/plan.hpp"

namespace tasker::host::simulation {

namespace {
void turn(World& world) { world.trace.note("more", world.turn() ? 1 : 0); }
void settle(World& world) { world.settle(); }

void tick(World& world) { world.clock.advance(world.dice.between(1, 400)); }
void wait_long(World& world) { world.clock.advance(world.dice.between(1000, 90'000)); }
void wait_very_long(World& world) { world.clock.advance(world.dice.between(90'000, 3'000'000)); }
void clock_forward(World& world) { world.clock.jump_wall(world.dice.between(1, 7'200'000)); }
void clock_back(World& world) { world.clock.jump_wall(-world.dice.between(1, 7'200'000)); }
void slow_clock(World& world) { world.clock.slow(world.dice.chance(300)); }

// Anywhere in what comes next: between two statements, before a commit, after it, before the answer.
void die_soon(World& world) { world.faults.die_after(1 + world.dice.below(80)); }
void die_now(World& world) { world.dead = true; }
void restart(World& world) { world.restart(); }
void faulty_disk(World& world) { world.faults.failing(static_cast<unsigned>(world.dice.below(60)), 0); }
void faulty_operations(World& world) {
    // What the engine fails by itself for want of a handler is no operation: its task would rightly be set aside.
    if (world.options.missing_handler_timeout_ms < 86'400'000) return;
    world.faults.failing(0, static_cast<unsigned>(world.dice.below(200)));
}
void no_faults(World& world) { world.faults.failing(0, 0); }
void audit(World& world) { world.audit(); }

constexpr Action kActions[] = {
    {"turn", 350, turn},
    {"settle", 80, settle},
    {"tick", 60, tick},
    {"wait-long", 12, wait_long},
    {"wait-very-long", 1, wait_very_long},
    {"clock-forward", 2, clock_forward},
    {"clock-back", 2, clock_back},
    {"slow-clock", 3, slow_clock},
    {"die-soon", 5, die_soon},
    {"die-now", 1, die_now},
    {"restart", 1, restart},
    {"faulty-disk", 1, faulty_disk},
    {"faulty-operations", 1, faulty_operations},
    {"no-faults", 6, no_faults},
    {"audit", 2, audit},
};

// What a run cannot do without.
constexpr unsigned kEssential = 40;
}  // namespace

std::span<const Action> world_actions() { return kActions; }

Schedule::Schedule(World& world) : world_(world) {
    for (const auto& table : {worker_actions(), client_actions(), world_actions()}) {
        for (Action action : table) {
            static constexpr unsigned kFactors[] = {0, 1, 1, 2, 6};
            if (action.weight < kEssential) action.weight *= world.dice.pick(kFactors);
            if (action.weight == 0) continue;
            total_ += action.weight;
            actions_.push_back(action);
        }
    }
}

void Schedule::step(std::uint64_t number) {
    std::uint64_t roll = world_.dice.below(total_);
    for (const Action& action : actions_) {
        if (roll >= action.weight) {
            roll -= action.weight;
            continue;
        }
        world_.trace.begin(number, action.name);
        action.run(world_);
        while (world_.dead) world_.revive();
        world_.trace.end();
        return;
    }
}

void Schedule::finish(std::uint64_t number) {
    constexpr int kRounds = 600;
    World& world = world_;
    world.calm = true;
    world.faults.quiet();
    world.clock.slow(false);
    world.clock.advance(1000);
    world.trace.begin(number, "finish");
    world.settle();
    for (Worker& worker : world.workers) {
        if (worker.runtime) world.end_session(worker);
    }
    Worker& worker = world.workers.front();
    world.attach(worker);
    Capacity capacity = whole_capacity(50);
    capacity.lanes.push_back({kProbe, "sim.probe", "", 50});
    offer(world, worker, capacity);
    for (int round = 0;; ++round) {
        world.settle();
        world.poll(worker, 1000);
        for (const std::size_t hold : std::exchange(worker.holds, {}))
            give_answer(world, *worker.runtime, worker.session, hold, AnswerKind::Success);
        world.settle();
        const StoreInfo info = world.engine->info();
        if (info.ready_steps == 0 && info.running_steps == 0 && info.waiting_steps == 0) break;
        if (info.ready_steps == 0 && info.running_steps == 0) world.clock.advance(61'000);
        if (round > kRounds) throw Violation("the tasks never come to an end");
    }
    world.audit();
    // Only what is blocked by a failure is open now.
    for (std::size_t i = 0; i < world.model.tasks().size(); ++i) {
        const Task& task = world.model.tasks()[i];
        if (task.known != Task::Known::Exists) continue;
        const auto view = world.engine->tasks().get(*task.uuid);
        if (!view) throw Violation("an accepted task cannot be seen");
        if (is_terminal(view->state)) continue;
        if (view->state != TaskState::BlockedByFailures)
            throw Violation("task " + std::to_string(task.token) + " is open and nothing blocks it");
        world.model.cancelling(i);
        std::optional<Refused> refused;
        world.call([&] { refused = world.engine->tasks().cancel(*task.uuid); });
        world.model.cancelled(i, refused);
    }
    world.restart();
    if (world.engine->info().open_tasks != 0) throw Violation("a task is still open at the end");
    world.trace.end();
}

}  // namespace tasker::host::simulation
