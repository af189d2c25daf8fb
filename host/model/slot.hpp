#pragma once
// The life of one namespace under a supervisor: which of its worker processes may claim, and what is done when one of them
// appears, answers, dies or falls silent. Pure: the supervisor carries the actions out and feeds back what happened.
//
// A generation is one set of plugins, templates and settings; it may be run by several processes one after the other. A
// slot has at most two processes at a time, and at no time two that may claim: a new one is let in only after the old one
// has said that it is paused, or is dead. Whoever does not answer in time is killed, and what follows waits for its end.

#include <cstdint>
#include <limits>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace tasker::host {

using Generation = std::uint32_t;     // rising; 0: none
using SlotProcessId = std::uint64_t;  // rising within a slot; 0: none

enum class SlotState : std::uint8_t {
    Idle,             // no process: nothing to run yet, or stopped
    Starting,         // candidate starts, nobody claims
    Activating,       // candidate was told to claim, nobody else there
    Active,           // current claims
    Preparing,        // current claims, candidate starts
    Pausing,          // current was told to pause, candidate stands by
    Switching,        // current is paused, candidate was told to claim
    Probation,        // candidate claims, current is paused but could go on
    Resuming,         // current was told to claim again
    Draining,         // candidate claims for good, current ends
    BackoffDraining,  // candidate died, current still ends
    Backoff,          // no process; the next start is due
    Held,             // no process: it crashed too often, somebody must look
    Stopping,         // what is there ends; then what is pending starts, unless the slot is stopped
};
std::string_view name(SlotState state);

struct SlotOptions {
    std::int64_t ready_ms = 30'000;  // from a process's start to its READY
    std::int64_t answer_ms = 2'000;  // to PAUSE, ACTIVATE, RESUME
    std::int64_t probation_ms =
        2'000;  // probation ends after this or so many accepted results, whichever is first
    std::uint64_t probation_results = 20;
    std::int64_t soft_drain_ms = 30'000;  // then its handlers are asked to stop
    std::int64_t hard_drain_ms = 10'000;  // and this much later it is killed
    std::int64_t backoff_ms = 250, max_backoff_ms = 30'000;
    std::int64_t healthy_ms = 60'000;  // a process that lived so long begins the back-off anew
    std::size_t loop_crashes = 5;      // so many within loop_ms: held
    std::int64_t loop_ms = 60'000;
    // Roll back when at least `min_errors` results of a candidate in probation are errors and their share is more than three
    // times the old one's; else that is only a warning.
    bool rollback_on_errors = false;
    // Else a change ends the old process before the new one starts: memory for one at a time, and nobody claims meanwhile.
    bool overlap = true;
    std::uint64_t min_errors = 5;
};

struct SlotProcess {
    enum class Phase : std::uint8_t {
        Starting,
        Standby,
        Activating,
        Active,
        Pausing,
        Paused,
        Resuming,
        Draining,
    };
    static constexpr std::int64_t kNoDeadline = std::numeric_limits<std::int64_t>::max();

    SlotProcessId id = 0;
    Generation generation = 0;
    Phase phase = Phase::Starting;
    bool killed = false;                     // its end is on the way
    bool asked = false;                      // draining: its handlers were asked to stop
    bool warned = false;                     // of its error rate
    std::string why_killed;                  // what it did wrong
    std::int64_t deadline_ms = kNoDeadline;  // of what it was last told
    std::int64_t started_ms = 0;
    std::uint64_t accepted = 0, errors = 0;  // results; errors are among them

    // It may hold a permission to claim, as far as the slot can know.
    bool may_claim() const {
        return phase == Phase::Activating || phase == Phase::Active || phase == Phase::Pausing ||
               phase == Phase::Resuming;
    }
};

struct Slot {
    SlotState state = SlotState::Idle;
    std::optional<SlotProcess> current, candidate;
    Generation last_good = 0;  // the newest that stood its probation
    Generation next = 0;       // Backoff: what is started when its time has come
    Generation pending = 0;    // a change that came at a time when it could not be taken
    bool proven = false;       // Active: the current one has stood its probation
    bool stopped = false;      // Idle: until somebody says Start
    std::int64_t due_ms = SlotProcess::kNoDeadline;  // of the state: probation's or back-off's end
    int failures = 0;                                // starts and lives that ended badly, in a row
    std::vector<std::int64_t> crashes_ms;            // within the last loop_ms
    std::string last_fault;                          // why the last one ended badly
    SlotProcessId last_process = 0;
};

struct SlotEvent {
    enum class Kind : std::uint8_t {
        Change,     // this generation is to run; it was checked
        Ready,      // of a starting process
        Paused,     // it claims nothing any more
        Activated,  // it claims
        Resumed,    // it claims again
        Idle,       // it has asked for work and there is none
        Results,    // so many more were accepted, and so many of them were errors
        Exited,     // reaped, and its claims are taken back
        Tick,       // time has passed
        Stop,       // end what runs, and start nothing
        Kill,       // the same, at once
        Start,      // go on after Stop or when held
    } kind = Kind::Tick;
    SlotProcessId process = 0;
    Generation generation = 0;
    std::uint64_t accepted = 0, errors = 0;
    std::string why = {};       // Exited: how
    bool from_outside = false;  // Exited: killed by somebody who was not told to
};

struct SlotAction {
    enum class Kind : std::uint8_t {
        Spawn,  // a process of this generation, standing by
        Activate,
        Pause,
        Resume,
        Drain,       // finish what runs and end
        AskToStop,   // its handlers should give up
        Kill,        // SIGKILL to its group; Exited follows
        Committed,   // this generation is the one to come back to
        RolledBack,  // this generation is given up, and why
        Warn,
        Hold,  // nothing is started any more until somebody looks
    } kind = Kind::Warn;
    SlotProcessId process = 0;
    Generation generation = 0;
    std::string why = {};

    bool operator==(const SlotAction&) const = default;
};

// What the event makes of the slot (changed in place), and what is to be done, in order. `jitter` in [0, 1) spreads
// restarts. An event of a process that is not there any more changes nothing.
std::vector<SlotAction> advance(Slot& slot, const SlotEvent& event, std::int64_t now_ms,
                                const SlotOptions& options, double jitter);

// When a Tick is due; SlotProcess::kNoDeadline: never.
std::int64_t next_tick(const Slot& slot);

}  // namespace tasker::host
