#pragma once
// What can happen in a run, with weights, and the order that the seed draws. A new kind of work is a new action in one of
// the tables, and the rules that it brings in the model.

#include <cstdint>
#include <span>
#include <string_view>
#include <vector>

#include "tests/simulation/world.hpp"

namespace tasker::host::simulation {

struct Action {
    std::string_view name;
    unsigned weight;
    void (*run)(World&);
};

std::span<const Action> worker_actions();  // polls, answers of every kind, drains, ends
std::span<const Action> client_actions();  // submissions, cancels, lookups
std::span<const Action> world_actions();   // time, deaths, a full disk, a look at the store

class Schedule {
  public:
    // Each run leaves some actions out and does others more often: few mixes find what one mix hides.
    explicit Schedule(World& world);
    void step(std::uint64_t number);
    // Everything calms down: workers serve everything and succeed. Then every task must come to its end.
    void finish(std::uint64_t number);

  private:
    World& world_;
    std::vector<Action> actions_;
    std::uint64_t total_ = 0;
};

// For the tables and the end.
void offer(World& world, Worker& worker, const Capacity& capacity);
enum class AnswerKind : std::uint8_t {
    Success,
    Retryable,
    Permanent,
    RetryAfter,
    RetryAfterHeader,
    BrokenJson,
    FailedSuccess,
    SilentFailure
};
void give_answer(World& world, TaskerRuntime& runtime, std::size_t session, std::size_t hold,
                 AnswerKind kind);
Capacity whole_capacity(unsigned limit);
void check_priorities(World& world);

}  // namespace tasker::host::simulation
