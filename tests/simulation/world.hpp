#pragma once
// One simulated run: the engine on its store, the workers, the model. The engine is the one that ships, without its thread;
// a death drops it where it stands and opens the same file again.

#include <cstdint>
#include <filesystem>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "host/engine/embedded_engine.hpp"
#include "tests/simulation/dice.hpp"
#include "tests/simulation/injected.hpp"
#include "tests/simulation/model.hpp"

namespace tasker::host::simulation {

struct Worker {
    std::unique_ptr<TaskerRuntime> runtime;  // null: not there
    std::size_t session = 0;                 // never used twice
    std::set<std::string> lanes;             // namespace/callable, ever offered by this session
    std::size_t most_claims = 0;             // what may be claimed now, as far as it was told
    Capacity capacity;
    bool capacity_open = false;  // told, and not taken in yet
    bool draining = false, drained = false;
    std::vector<std::size_t> holds;  // not answered, or answered and worth another answer
};

struct Counts {
    std::uint64_t deaths = 0, restarts = 0, submissions = 0, deliveries = 0, answers = 0, troubles = 0,
                  audits = 0;
};

class World {
  public:
    World(std::uint64_t seed, const std::filesystem::path& folder, std::uint64_t print_from);
    ~World();
    World(const World&) = delete;
    World& operator=(const World&) = delete;

    // Calls into the engine. A death in it is noted, and dealt with by revive().
    template <class Use>
    bool call(Use&& use) {
        if (dead) return false;
        since = clock.forward();
        faults.enter();
        try {
            std::forward<Use>(use)();
            faults.leave();
        } catch (const Crash&) {
            faults.leave();
            trace.note("DIES");
            dead = true;
        } catch (...) {
            faults.leave();
            throw;
        }
        listen();
        return !dead;
    }
    // One turn of the writer. False when nothing is left to do.
    bool turn();
    void settle();
    // The dead process is replaced by another; the store is looked at.
    void revive();
    void restart();
    void audit();
    bool in_trouble() const { return !dead && !engine->trouble().empty(); }

    void attach(Worker& worker);
    void end_session(Worker& worker);
    Worker* some_worker();
    // Takes what the worker's session has for it; each event is held against the model.
    void poll(Worker& worker, std::size_t limit);

    Dice dice;
    Trace trace;
    Faults faults;
    SimulatedClock clock;
    SimulatedRandom random;
    EngineOptions options;
    Model model;
    std::vector<TaskTemplate> plan;
    std::unique_ptr<EmbeddedEngine> engine;
    std::vector<Worker> workers;
    std::vector<std::size_t> orphans;  // holds of workers that are gone: their answers may still come
    std::vector<std::pair<std::int64_t, CompletionVerdict>> verdicts;
    std::vector<std::string> keys;  // idempotency keys in use
    std::size_t sessions = 0;
    std::int64_t checkpoints = 0;
    std::int64_t since = 0;
    bool dead = false, calm = false;
    Counts counts;

  private:
    void open();
    // What the engine told meanwhile: revocations, verdicts, claims.
    void listen();
    void check_claims();
    void drop_workers();
};

}  // namespace tasker::host::simulation
