#pragma once
// What the simulation gives the engine in place of the world: time, randomness, and a death, or a refusal of the disk, at
// any place where the engine asks for them or passes a failpoint.

#include <chrono>
#include <cstdint>
#include <stdexcept>
#include <string_view>

#include "host/core/clock.hpp"
#include "host/core/error.hpp"
#include "host/core/random.hpp"
#include "tests/simulation/dice.hpp"

namespace tasker::host::simulation {

// The process dies here. No std::exception: nothing may catch it on the way out.
struct Crash {};

// When the process dies, and which failpoints fail. One thread.
class Faults {
  public:
    explicit Faults(Dice& dice) : dice_(dice) {}

    // Dies after this many places; 0: does not.
    void die_after(std::uint64_t places) { left_ = places; }
    bool is_armed() const { return left_ > 0; }
    // In thousand, each time a failpoint is passed.
    void failing(unsigned disk, unsigned logic) {
        disk_ = disk;
        logic_ = logic;
    }
    void quiet() { left_ = disk_ = logic_ = 0; }
    // Faults happen between these two only, so not while the store is looked at.
    void enter() { inside_ = true; }
    void leave() {
        inside_ = false;
        failed_ = false;
    }

    void place() {
        if (!inside_ || left_ == 0) return;
        if (--left_ == 0) throw Crash{};
    }
    void failpoint(std::string_view name) {
        if (!inside_) return;
        place();
        if (disk_ > 0 && dice_.chance(disk_)) throw StoreUnavailable("the disk of the simulation is full");
        const bool of_one_operation = name.starts_with("complete.after_") || name == "submit.before_commit";
        // At most one in a call: its second try succeeds, so that nothing has to be recorded as impossible.
        if (!failed_ && of_one_operation && name != "complete.after_commit" && dice_.chance(logic_)) {
            failed_ = true;
            throw std::runtime_error("an operation of the simulation fails");
        }
    }

  private:
    Dice& dice_;
    std::uint64_t left_ = 0;
    unsigned disk_ = 0, logic_ = 0;
    bool inside_ = false, failed_ = false;
};

class SimulatedClock final : public Clock {
  public:
    explicit SimulatedClock(Faults& faults) : faults_(faults) {}

    std::int64_t unix_ms() const override { return read() + wall_offset_; }
    std::int64_t steady_ms() const override { return read(); }
    std::chrono::milliseconds real_wait(std::int64_t) const override { return std::chrono::milliseconds{0}; }

    void advance(std::int64_t ms) {
        steady_ += ms;
        forward_ += ms;
    }
    void jump_wall(std::int64_t ms) {
        wall_offset_ += ms;
        if (ms > 0) forward_ += ms;
    }
    // Each look at a slow clock takes a millisecond of it.
    void slow(bool now) { slow_ = now; }
    std::int64_t steady_now() const { return steady_; }
    // How far the wall clock has moved forward in all: no timer may be quicker than that.
    std::int64_t forward() const { return forward_; }

  private:
    std::int64_t read() const {
        faults_.place();
        if (slow_) {
            ++steady_;
            ++forward_;
        }
        return steady_;
    }

    Faults& faults_;
    bool slow_ = false;
    mutable std::int64_t steady_ = 1'000'000, forward_ = 0;
    std::int64_t wall_offset_ = 1'790'000'000'000;
};

class SimulatedRandom final : public Random {
  public:
    SimulatedRandom(Faults& faults, std::uint64_t seed) : faults_(faults), dice_(seed) {}
    std::uint64_t next() override {
        faults_.place();
        return dice_.next();
    }

  private:
    Faults& faults_;
    Dice dice_;
};

}  // namespace tasker::host::simulation
