#pragma once
// Why a claim ended: the `event` column of `attempt`. Values are stored: append only.

#include <cstdint>
#include <string_view>

namespace tasker::host {

enum class AttemptEvent : std::uint8_t {
    Succeeded = 0,
    Failed = 1,
    TimedOut = 2,    // the engine's deadline; has an envelope like a failure
    WorkerLost = 3,  // uncharged
    HandedBack = 4,  // uncharged
    Cancelled = 5,
    NoHandler = 6,      // nobody served its lane for too long; has an envelope like a failure
    SetAside = 7,       // the store could not be read or written for its task
    Yielded = 8,        // saved a checkpoint; the attempt goes on under the next fence
    ResetForRetry = 9,  // by an operator, as the two below
    ResolvedManually = 10,
    CompletedManually = 11,  // has an envelope like a success
    LostRunning = 12,  // uncharged: a WorkerLost of a step that ran, with nobody to blame (model/loss.hpp)
    Crashed = 13,      // uncharged: the step killed its worker; with an envelope when it ended the step
};

constexpr std::string_view name(AttemptEvent event) {
    switch (event) {
        case AttemptEvent::Succeeded:
            return "succeeded";
        case AttemptEvent::Failed:
            return "failed";
        case AttemptEvent::TimedOut:
            return "timed_out";
        case AttemptEvent::WorkerLost:
        case AttemptEvent::LostRunning:
            return "worker_lost";
        case AttemptEvent::HandedBack:
            return "handed_back";
        case AttemptEvent::Cancelled:
            return "cancelled";
        case AttemptEvent::NoHandler:
            return "no_handler";
        case AttemptEvent::SetAside:
            return "set_aside";
        case AttemptEvent::Yielded:
            return "yielded";
        case AttemptEvent::ResetForRetry:
            return "reset_for_retry";
        case AttemptEvent::ResolvedManually:
            return "resolved_manually";
        case AttemptEvent::CompletedManually:
            return "completed_manually";
        case AttemptEvent::Crashed:
            return "crashed";
    }
    return "unknown";
}

inline constexpr unsigned kFenceBits = 22;
inline constexpr std::uint32_t kMaxFence = (1U << kFenceBits) - 8;
constexpr std::int64_t attempt_id(std::int64_t step_id, std::uint32_t fence) {
    return (step_id << kFenceBits) | static_cast<std::int64_t>(fence);
}
constexpr std::int64_t first_attempt_id(std::int64_t step_id) { return step_id << kFenceBits; }
constexpr std::int64_t last_attempt_id(std::int64_t step_id) { return ((step_id + 1) << kFenceBits) - 1; }

}  // namespace tasker::host
