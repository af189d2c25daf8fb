#include "tests/simulation/world.hpp"

#include <algorithm>

#include "host/core/failpoint.hpp"
#include "tests/simulation/plan.hpp"

namespace tasker::host::simulation {

namespace {
EngineOptions options_of(Dice& dice, const std::filesystem::path& folder) {
    EngineOptions options;
    options.store = folder / "tasker.db";
    options.durability = Durability::Process;
    options.default_step_timeout_ms = dice.chance(500) ? 0 : 20'000;
    options.deadline_backstop_ms = dice.between(0, 15'000);
    options.missing_handler_timeout_ms = dice.chance(200) ? 400'000 : 86'400'000;
    options.upkeep.staleness_interval_ms = dice.chance(200) ? 60'000 : 0;
    return options;
}

Model::Limits limits_of(const EngineOptions& options) {
    return {options.default_step_timeout_ms, options.deadline_backstop_ms,
            options.missing_handler_timeout_ms<86'400'000, options.upkeep.staleness_interval_ms> 0};
}
}  // namespace

World::World(std::uint64_t seed, const std::filesystem::path& folder, std::uint64_t print_from)
    : dice(seed),
      trace(print_from),
      faults(dice),
      clock(faults),
      random(faults, seed ^ 0x5eedU),
      options(options_of(dice, folder)),
      model(limits_of(options)),
      plan(make_plan(dice)) {
    watch_failpoints([this](std::string_view name) { faults.failpoint(name); });
    workers.resize(1 + dice.below(4));
    open();
}

World::~World() {
    faults.quiet();
    if (engine) engine->abandon();
    drop_workers();
    watch_failpoints({});
}

void World::open() {
    while (true) {
        dead = false;
        call([&] {
            engine = std::make_unique<EmbeddedEngine>(options, clock, random, Logger(),
                                                      EmbeddedEngine::Driver::Caller);
        });
        if (!dead) break;
        ++counts.deaths;
        faults.die_after(0);
    }
    engine->set_catalog(std::make_shared<const TemplateCatalog>(plan));
}

void World::drop_workers() {
    for (Worker& worker : workers) {
        worker.runtime.reset();
        for (const std::size_t hold : worker.holds) {
            if (dice.chance(300)) orphans.push_back(hold);
        }
        worker = {};
    }
}

void World::revive() {
    ++counts.deaths;
    dead = true;
    if (engine) engine->abandon();
    drop_workers();
    engine.reset();
    verdicts.clear();
    model.engine_died();
    open();
    audit();
}

// The way a host ends: sessions first, then the engine.
void World::restart() {
    ++counts.restarts;
    for (Worker& worker : workers) {
        if (worker.runtime) end_session(worker);
        if (dead) return;
    }
    call([&] {
        try {
            engine->stop();
        } catch (const StoreUnavailable&) {
            trace.note("unrecorded");
        }
    });
    if (dead) return;
    const bool lost = model.waiting_answers() > 0;
    drop_workers();
    engine.reset();
    verdicts.clear();
    model.engine_died();
    trace.note("lost", lost ? 1 : 0);
    open();
    audit();
}

bool World::turn() {
    bool more = false;
    call([&] { more = engine->drive(); });
    return more && !dead;
}

void World::settle() {
    constexpr int kTooMany = 100'000;
    for (int turns = 0; turn(); ++turns) {
        if (turns > kTooMany) throw Violation("the writer never comes to rest");
    }
    if (dead || in_trouble()) return;
    model.expect_all_answered();
    check_claims();
}

void World::audit() {
    if (dead) return;
    ++counts.audits;
    settle();
    if (dead) return;
    const bool settled = !in_trouble();
    const StoreFacts facts = read_store(options.store);
    model.audit(facts, settled);
    for (const std::string& fault : static_cast<Engine&>(*engine).check())
        throw Violation("store check: " + fault);
    std::size_t claimed = 0;
    for (const Worker& worker : workers) claimed += worker.runtime ? worker.runtime->status().claimed : 0;
    if (settled && claimed != facts.running)
        throw Violation("the sessions hold " + std::to_string(claimed) + " claims, the store " +
                        std::to_string(facts.running));
    const StoreInfo info = engine->info();
    const auto same = [](std::int64_t told, std::size_t counted) {
        return told == static_cast<std::int64_t>(counted);
    };
    if (!same(info.tasks, facts.tasks.size()) || !same(info.open_tasks, facts.open_tasks) ||
        !same(info.steps, facts.all_steps) || !same(info.ready_steps, facts.ready) ||
        !same(info.running_steps, facts.running) || !same(info.waiting_steps, facts.waiting))
        throw Violation("the engine's counts are not those of its store");
    trace.note("tasks", static_cast<std::int64_t>(facts.tasks.size()));
    trace.note("running", static_cast<std::int64_t>(facts.running));
}

void World::listen() {
    model.now(clock.steady_now(), clock.forward());
    for (const Worker& worker : workers) {
        if (!worker.runtime) continue;
        for (const Revocation& revocation : worker.runtime->take_revocations()) {
            trace.note("revoked", static_cast<std::int64_t>(revocation.why));
            model.revoked(revocation.event_id, worker.session, revocation.why, since);
        }
    }
    for (const auto& [token, verdict] : std::exchange(verdicts, {})) {
        trace.note("verdict", token * 10 + static_cast<std::int64_t>(verdict));
        model.verdict(token, verdict, since);
    }
}

// A session that was told less than it holds keeps what it holds, and no more.
void World::check_claims() {
    for (Worker& worker : workers) {
        if (!worker.runtime) continue;
        const std::size_t claimed = worker.runtime->status().claimed;
        if (claimed > worker.most_claims)
            throw Violation("session " + std::to_string(worker.session) + " holds " +
                            std::to_string(claimed) + " claims and granted " +
                            std::to_string(worker.most_claims));
        worker.capacity_open = false;
        worker.most_claims = std::max<std::size_t>(worker.capacity.slots, claimed);
        worker.drained = worker.draining;
    }
}

void World::attach(Worker& worker) {
    worker = {};
    worker.session = ++sessions;
    worker.runtime = engine->attach({"w" + std::to_string(worker.session), {"sim", "aux"}});
    worker.runtime->on_activity([] {});
}

void World::end_session(Worker& worker) {
    std::size_t returned = 0;
    call([&] { returned = worker.runtime->stop(); });
    if (dead) return;
    trace.note("returned", static_cast<std::int64_t>(returned));
    model.session_ended(worker.session);
    for (const std::size_t hold : worker.holds) {
        if (dice.chance(300)) orphans.push_back(hold);
    }
    worker = {};
}

void World::poll(Worker& worker, std::size_t limit) {
    const std::int64_t polled = clock.steady_now();
    const auto events = worker.runtime->poll_step_events(limit);
    const auto alive = [&](const Hold& hold) {
        for (const Worker& other : workers) {
            if (other.runtime && other.session == hold.session)
                return other.runtime->heartbeat(hold.event_id);
        }
        return false;
    };
    for (const StepEvent& event : events) {
        const std::string lane =
            event.task_sequence_step.task_template->namespace_name + "/" + std::string(event.callable());
        if (worker.drained) throw Violation("a drained session was given a step");
        if (!worker.lanes.contains(lane)) throw Violation("lane " + lane + " was not offered by the session");
        worker.holds.push_back(model.delivered(event, worker.session, polled, alive));
        ++counts.deliveries;
        const Hold& hold = model.hold(worker.holds.back());
        trace.note("got", static_cast<std::int64_t>(hold.task * 100 + hold.step));
    }
}

Worker* World::some_worker() {
    Worker& worker = dice.pick(workers);
    return worker.runtime ? &worker : nullptr;
}

}  // namespace tasker::host::simulation
