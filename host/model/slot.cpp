#include "host/model/slot.hpp"

#include <algorithm>
#include <array>
#include <utility>

namespace tasker::host {

namespace {
using Phase = SlotProcess::Phase;
using Kind = SlotAction::Kind;
constexpr std::int64_t kNever = SlotProcess::kNoDeadline;

class Step {
  public:
    Step(Slot& slot, const SlotOptions& options, std::int64_t now_ms, double jitter)
        : slot_(slot), options_(options), now_(now_ms), jitter_(jitter) {}

    void apply(const SlotEvent& event);
    std::vector<SlotAction> actions;

  private:
    SlotProcess* find(SlotProcessId id) {
        if (slot_.current && slot_.current->id == id) return &*slot_.current;
        if (slot_.candidate && slot_.candidate->id == id) return &*slot_.candidate;
        return nullptr;
    }
    void act(Kind kind, const SlotProcess& process, std::string why = {}) {
        actions.push_back({kind, process.id, process.generation, std::move(why)});
    }
    // What it is told, and by when it must have answered.
    void tell(SlotProcess& process, Kind kind, Phase phase, std::int64_t within_ms) {
        process.phase = phase;
        process.deadline_ms = now_ + within_ms;
        act(kind, process);
    }
    void enter(SlotState state) {
        slot_.state = state;
        slot_.due_ms = kNever;
    }

    void change(Generation generation);
    void ready(SlotProcess& process);
    void paused(SlotProcess& process);
    void activated(SlotProcess& process);
    void resumed(SlotProcess& process);
    void results(SlotProcess& process, const SlotEvent& event);
    void judge(SlotProcess& process);
    void exited(std::optional<SlotProcess>& process, const std::string& how);
    void current_exited(const SlotProcess& process, const std::string& why);
    void candidate_exited(const SlotProcess& process, const std::string& why);
    void tick();
    void late(SlotProcess& process);
    void stop(bool at_once);
    void start();

    void spawn(Generation generation, SlotState state);
    void kill(SlotProcess& process, std::string why);
    void drain(SlotProcess& process);
    void resume_current();
    void become_active();
    void passed();
    void prove();
    void ended_badly(const SlotProcess& process, const std::string& why);
    void back_off();

    Slot& slot_;
    const SlotOptions& options_;
    const std::int64_t now_;
    const double jitter_;
    bool from_outside_ = false;
};

void Step::apply(const SlotEvent& event) {
    using Event = SlotEvent::Kind;
    switch (event.kind) {
        case Event::Change:
            return change(event.generation);
        case Event::Tick:
            return tick();
        case Event::Stop:
            return stop(false);
        case Event::Kill:
            return stop(true);
        case Event::Start:
            return start();
        default:
            break;
    }
    SlotProcess* process = find(event.process);
    if (process == nullptr) return;
    if (event.kind == Event::Exited) {
        from_outside_ = event.from_outside && !process->killed;
        return exited(slot_.current && process == &*slot_.current ? slot_.current : slot_.candidate,
                      event.why);
    }
    // What it says while it dies comes too late to count.
    if (process->killed) return;
    if (event.kind == Event::Ready) ready(*process);
    if (event.kind == Event::Paused) paused(*process);
    if (event.kind == Event::Activated) activated(*process);
    if (event.kind == Event::Resumed) resumed(*process);
    if (event.kind == Event::Results) results(*process, event);
    if (event.kind == Event::Idle && process->phase == Phase::Active) passed();
}

void Step::spawn(Generation generation, SlotState state) {
    SlotProcess process;
    process.id = ++slot_.last_process;
    process.generation = generation;
    process.started_ms = now_;
    process.deadline_ms = now_ + options_.ready_ms;
    act(Kind::Spawn, process);
    slot_.candidate = std::move(process);
    enter(state);
}

void Step::kill(SlotProcess& process, std::string why) {
    if (std::exchange(process.killed, true)) return;
    process.deadline_ms = kNever;
    process.why_killed = why;
    act(Kind::Kill, process, std::move(why));
}

void Step::drain(SlotProcess& process) {
    if (process.killed) return;
    tell(process, Kind::Drain, Phase::Draining, options_.soft_drain_ms);
}

void Step::change(Generation generation) {
    switch (slot_.state) {
        case SlotState::Idle:
            if (slot_.stopped) break;
            return spawn(generation, SlotState::Starting);
        case SlotState::Held:
            slot_.failures = 0;
            slot_.crashes_ms.clear();
            return spawn(generation, SlotState::Starting);
        case SlotState::Active:
            if (options_.overlap) return spawn(generation, SlotState::Preparing);
            slot_.pending = generation;
            enter(SlotState::Stopping);
            return drain(*slot_.current);
        case SlotState::Preparing:
            // The one that starts is old already.
            slot_.pending = generation;
            return kill(*slot_.candidate, "a newer generation came");
        default:
            break;
    }
    slot_.pending = generation;
}

void Step::ready(SlotProcess& process) {
    if (process.phase != Phase::Starting) return;
    process.phase = Phase::Standby;
    process.deadline_ms = kNever;
    if (slot_.state == SlotState::Starting) {
        tell(process, Kind::Activate, Phase::Activating, options_.answer_ms);
        enter(SlotState::Activating);
    } else if (slot_.state == SlotState::Preparing) {
        if (!slot_.current->killed) tell(*slot_.current, Kind::Pause, Phase::Pausing, options_.answer_ms);
        enter(SlotState::Pausing);
    }
}

void Step::paused(SlotProcess& process) {
    if (process.phase != Phase::Pausing) return;
    process.phase = Phase::Paused;
    process.deadline_ms = kNever;
    if (slot_.state != SlotState::Pausing) return;
    tell(*slot_.candidate, Kind::Activate, Phase::Activating, options_.answer_ms);
    enter(SlotState::Switching);
}

void Step::activated(SlotProcess& process) {
    if (process.phase != Phase::Activating) return;
    process.phase = Phase::Active;
    process.deadline_ms = kNever;
    if (slot_.state == SlotState::Activating) return become_active();
    if (slot_.state != SlotState::Switching) return;
    enter(SlotState::Probation);
    slot_.due_ms = now_ + options_.probation_ms;
}

void Step::resumed(SlotProcess& process) {
    if (process.phase != Phase::Resuming) return;
    process.phase = Phase::Active;
    process.deadline_ms = kNever;
    enter(SlotState::Active);
    if (!slot_.proven) slot_.due_ms = now_ + options_.probation_ms;
    if (slot_.pending != 0) change(std::exchange(slot_.pending, 0));
}

// The candidate claims and there is no other: it is the current one from here on.
void Step::become_active() {
    slot_.current = std::exchange(slot_.candidate, std::nullopt);
    slot_.proven = slot_.current->generation == slot_.last_good;
    enter(SlotState::Active);
    if (!slot_.proven) slot_.due_ms = now_ + options_.probation_ms;
    if (slot_.pending != 0) change(std::exchange(slot_.pending, 0));
}

void Step::results(SlotProcess& process, const SlotEvent& event) {
    process.accepted += event.accepted;
    process.errors += event.errors;
    if (process.phase != Phase::Active) return;
    judge(process);
    if (!process.killed && process.accepted >= options_.probation_results) passed();
}

// Whether the candidate fails far more often than the old one did.
void Step::judge(SlotProcess& process) {
    if (slot_.state != SlotState::Probation || process.id != slot_.candidate->id || process.warned) return;
    if (process.errors < options_.min_errors) return;
    const SlotProcess& old = *slot_.current;
    // errors/accepted > 3 * old.errors/old.accepted, without a division.
    if (process.errors * std::max<std::uint64_t>(old.accepted, 1) <= 3 * old.errors * process.accepted)
        return;
    process.warned = true;
    const std::string why = std::to_string(process.errors) + " of its " + std::to_string(process.accepted) +
                            " results are errors; of the old generation's " + std::to_string(old.accepted) +
                            " it was " + std::to_string(old.errors);
    if (options_.rollback_on_errors) return kill(process, why);
    act(Kind::Warn, process, why);
}

// The one that claims has stood its probation.
void Step::passed() {
    if (slot_.state == SlotState::Probation) {
        if (slot_.candidate->killed) return;
        act(Kind::Committed, *slot_.candidate);
        slot_.last_good = slot_.candidate->generation;
        enter(SlotState::Draining);
        drain(*slot_.current);
    } else if (slot_.state == SlotState::Active || slot_.state == SlotState::Preparing) {
        prove();
    }
}

void Step::prove() {
    if (std::exchange(slot_.proven, true)) return;
    slot_.due_ms = kNever;
    act(Kind::Committed, *slot_.current);
    slot_.last_good = slot_.current->generation;
}

void Step::exited(std::optional<SlotProcess>& process, const std::string& how) {
    const bool was_current = &process == &slot_.current;
    const SlotProcess gone = *std::exchange(process, std::nullopt);
    const std::string why = gone.why_killed.empty() ? how : gone.why_killed;
    if (slot_.state != SlotState::Stopping)
        return was_current ? current_exited(gone, why) : candidate_exited(gone, why);
    if (slot_.current || slot_.candidate) return;
    enter(SlotState::Idle);
    if (!slot_.stopped) start();
}

void Step::current_exited(const SlotProcess& process, const std::string& why) {
    switch (slot_.state) {
        case SlotState::Active:
        case SlotState::Resuming:
            ended_badly(process, why);
            return back_off();
        case SlotState::Preparing:
            // The candidate starts all the same; nobody claims until it is ready.
            return enter(SlotState::Starting);
        case SlotState::Pausing:
            tell(*slot_.candidate, Kind::Activate, Phase::Activating, options_.answer_ms);
            return enter(SlotState::Activating);
        case SlotState::Switching:
            return enter(SlotState::Activating);
        case SlotState::Probation:
        case SlotState::Draining:
            return become_active();
        case SlotState::BackoffDraining:
            return back_off();
        default:
            return;
    }
}

void Step::candidate_exited(const SlotProcess& process, const std::string& why) {
    switch (slot_.state) {
        case SlotState::Starting:
        case SlotState::Activating:
            ended_badly(process, why);
            return back_off();
        case SlotState::Preparing:
            actions.push_back({Kind::RolledBack, process.id, process.generation, why});
            enter(SlotState::Active);
            if (!slot_.proven) slot_.due_ms = now_ + options_.probation_ms;
            if (slot_.pending != 0) change(std::exchange(slot_.pending, 0));
            return;
        case SlotState::Pausing:
        case SlotState::Switching:
        case SlotState::Probation:
            actions.push_back({Kind::RolledBack, process.id, process.generation, why});
            return resume_current();
        case SlotState::Draining:
            ended_badly(process, why);
            return enter(SlotState::BackoffDraining);
        default:
            return;
    }
}

void Step::resume_current() {
    enter(SlotState::Resuming);
    SlotProcess& current = *slot_.current;
    // When it is dying anyway its end decides.
    if (!current.killed) tell(current, Kind::Resume, Phase::Resuming, options_.answer_ms);
}

void Step::ended_badly(const SlotProcess& process, const std::string& why) {
    if (now_ - process.started_ms >= options_.healthy_ms) slot_.failures = 0;
    if (process.generation != slot_.last_good)
        actions.push_back({Kind::RolledBack, process.id, process.generation, why});
    slot_.proven = false;
    slot_.next = slot_.last_good != 0 ? slot_.last_good : process.generation;
    slot_.last_fault = why;
    // Who worked and was killed by an operator, or for want of memory, did not crash: it is started again soon, however often.
    const bool worked = process.phase != Phase::Starting && process.phase != Phase::Standby &&
                        process.phase != Phase::Activating;
    if (from_outside_ && worked) {
        slot_.failures = 0;
    } else {
        slot_.crashes_ms.push_back(now_);
    }
    std::erase_if(slot_.crashes_ms, [&](std::int64_t at) { return at <= now_ - options_.loop_ms; });
}

// Nobody is left. What comes next is the newest that was good, unless a change has come meanwhile.
void Step::back_off() {
    if (slot_.crashes_ms.size() >= options_.loop_crashes) {
        enter(SlotState::Held);
        actions.push_back({Kind::Hold, 0, slot_.next,
                           std::to_string(slot_.crashes_ms.size()) + " crashes within " +
                               std::to_string(options_.loop_ms / 1000) +
                               " s, the last one: " + slot_.last_fault});
        if (slot_.pending != 0) change(std::exchange(slot_.pending, 0));
        return;
    }
    const std::int64_t most =
        std::min(options_.max_backoff_ms, options_.backoff_ms << std::min(slot_.failures, 20));
    ++slot_.failures;
    enter(SlotState::Backoff);
    slot_.due_ms = now_ + static_cast<std::int64_t>(static_cast<double>(most) * jitter_);
}

void Step::tick() {
    for (auto* process : {&slot_.current, &slot_.candidate}) {
        if (*process && (*process)->deadline_ms <= now_) late(**process);
    }
    if (slot_.due_ms > now_) return;
    if (slot_.state == SlotState::Backoff) {
        const Generation pending = std::exchange(slot_.pending, 0);
        return spawn(pending != 0 ? pending : slot_.next, SlotState::Starting);
    }
    slot_.due_ms = kNever;
    passed();
}

void Step::late(SlotProcess& process) {
    static constexpr std::array<std::string_view, 8> kSilent{
        "was not ready in time", "", "did not answer ACTIVATE", "",
        "did not answer PAUSE",  "", "did not answer RESUME",   "did not end in time"};
    if (process.phase == Phase::Draining && !process.asked) {
        process.asked = true;
        process.deadline_ms = now_ + options_.hard_drain_ms;
        return act(Kind::AskToStop, process);
    }
    kill(process, std::string(kSilent.at(static_cast<std::size_t>(process.phase))));
}

void Step::stop(bool at_once) {
    slot_.stopped = true;
    // What ran is what a Start brings back.
    if (slot_.current) {
        slot_.next = slot_.current->generation;
    } else if (slot_.candidate) {
        slot_.next = slot_.candidate->generation;
    }
    if (slot_.state != SlotState::Idle) enter(SlotState::Stopping);
    for (auto* process : {&slot_.current, &slot_.candidate}) {
        if (!*process) continue;
        SlotProcess& one = **process;
        const bool idle = one.phase == Phase::Starting || one.phase == Phase::Standby;
        if (at_once || idle) {
            kill(one, "stopped");
        } else if (one.phase != Phase::Draining) {
            drain(one);
        }
    }
    if (!slot_.current && !slot_.candidate) enter(SlotState::Idle);
}

void Step::start() {
    slot_.stopped = false;
    if (slot_.state != SlotState::Idle && slot_.state != SlotState::Held) return;
    const Generation pending = std::exchange(slot_.pending, 0);
    const Generation wanted = pending != 0 ? pending : slot_.next != 0 ? slot_.next : slot_.last_good;
    if (wanted != 0) change(wanted);
}
}  // namespace

std::string_view name(SlotState state) {
    static constexpr std::array<std::string_view, 14> kNames{
        "idle",      "starting", "activating", "active",           "preparing", "pausing", "switching",
        "probation", "resuming", "draining",   "backoff_draining", "backoff",   "held",    "stopping"};
    return kNames.at(static_cast<std::size_t>(state));
}

std::vector<SlotAction> advance(Slot& slot, const SlotEvent& event, std::int64_t now_ms,
                                const SlotOptions& options, double jitter) {
    Step step(slot, options, now_ms, jitter);
    step.apply(event);
    return std::move(step.actions);
}

std::int64_t next_tick(const Slot& slot) {
    std::int64_t next = slot.due_ms;
    if (slot.current) next = std::min(next, slot.current->deadline_ms);
    if (slot.candidate) next = std::min(next, slot.candidate->deadline_ms);
    return next;
}

}  // namespace tasker::host
