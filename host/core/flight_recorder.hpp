#pragma once
// What each executor thread of a process does at this moment, kept in a small file that is mapped into memory and so
// outlives the process: whoever looks after its death learns which step was running where. Written with plain stores, no
// system call and no lock in the way of a handler's call.

#include <atomic>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <memory>
#include <mutex>
#include <string_view>
#include <vector>

#include "host/core/flight_layout.hpp"
#include "host/core/owned_fd.hpp"
#include "host/core/uuid.hpp"

namespace tasker::host {

struct FlightRecorderOptions {
    std::filesystem::path file;  // made here; must not be there. Its folder is made, too
    std::uint32_t slots = 64;    // threads beyond that are not recorded
    // Called on each thread that takes a seat; what it returns lives as long as the seat.
    std::function<std::shared_ptr<void>()> on_thread = {};
};

// How a process came to its end, as the thread that ends it knows it.
struct FlightEnd {
    int signal = 0;  // 0: exit() was called
    std::uintptr_t address = 0;
    bool of_this_thread =
        true;  // false: a signal from outside, which says nothing about this process or the thread that took it
};

class FlightRecorder {
  public:
    // Throws Error when the file cannot be made. While this object lives the file is locked (flight_is_over()).
    explicit FlightRecorder(FlightRecorderOptions options);
    // Removes the file: nothing is left to tell.
    ~FlightRecorder();
    FlightRecorder(const FlightRecorder&) = delete;
    FlightRecorder& operator=(const FlightRecorder&) = delete;

    // The crash record: who was it? Async-signal-safe; the first one counts, and none of a forked child.
    void record_end(const FlightEnd& end) noexcept;
    // Whether a handler's call is going on on the calling thread of this process. Async-signal-safe.
    bool is_in_a_call() const noexcept;
    const std::filesystem::path& file() const { return options_.file; }

  private:
    friend class FlightSeat;
    struct Seat {
        std::atomic<std::int32_t> tid = 0;        // 0: free
        std::uintptr_t stack_low = 0, guard = 0;  // the end of its stack, and how far that is guarded
    };
    std::uint32_t sit_down();
    void stand_up(std::uint32_t place) noexcept;
    void make_file();

    const FlightRecorderOptions options_;
    const int pid_;
    OwnedFd fd_;
    FlightHeader* header_ = nullptr;
    FlightSlot* slots_ = nullptr;
    std::mutex mutex_;  // of taking seats
    std::vector<Seat> seats_;
};

struct FlightCall {
    std::string_view plugin, callable, step;  // cut to what a slot holds
    const Uuid& task_uuid;
    const Uuid& step_uuid;
    std::int64_t started_ms = 0, claimed_ms = 0;
};

// A thread's place in the recorder; made, used and destroyed on that thread.
class FlightSeat {
  public:
    // Null: nothing is recorded.
    explicit FlightSeat(std::shared_ptr<FlightRecorder> recorder);
    ~FlightSeat();
    FlightSeat(const FlightSeat&) = delete;
    FlightSeat& operator=(const FlightSeat&) = delete;

    void begin(const FlightCall& call) noexcept;
    void phase(FlightPhase phase) noexcept;
    void end() noexcept { phase(FlightPhase::Idle); }

  private:
    const std::shared_ptr<FlightRecorder> recorder_;
    std::uint32_t place_ = kNoFlightSlot;
    FlightSlot* slot_ = nullptr;  // null: there is none
    std::shared_ptr<void> kept_;
};

}  // namespace tasker::host
