// The slot's state machine as a whole: every situation that can be reached, and long random lives.

#include <doctest/doctest.h>

#include <array>
#include <deque>
#include <map>
#include <random>
#include <set>
#include <string>
#include <vector>

#include "host/model/slot.hpp"

namespace tasker::host {

namespace {
using Event = SlotEvent::Kind;
using Action = SlotAction::Kind;

// What the processes really do, as far as they were told and have answered; kept apart from what the slot believes.
struct World {
    struct Process {
        bool claims = false;
        Action told = Action::Spawn;
        bool operator<(const Process& other) const {
            return std::pair(claims, told) < std::pair(other.claims, other.told);
        }
    };
    Slot slot;
    std::map<SlotProcessId, Process> processes;
    std::int64_t now = 1'000'000;

    // Empty when all is well.
    std::string feed(const SlotEvent& event, const SlotOptions& options, double jitter = 0.5) {
        const auto process = processes.find(event.process);
        if (process != processes.end()) {
            // Only an answer to PAUSE ends the claiming; one that crossed a RESUME does not.
            if (event.kind == Event::Paused && process->second.told == Action::Pause)
                process->second.claims = false;
            if (event.kind == Event::Exited) processes.erase(process);
        }
        for (const SlotAction& action : advance(slot, event, now, options, jitter)) {
            if (const std::string fault = carry_out(action); !fault.empty()) return fault;
        }
        int claiming = 0;
        for (const auto& [id, one] : processes) claiming += one.claims ? 1 : 0;
        if (claiming > 1) return "two processes claim";
        if (processes.size() > 2) return "three processes";
        std::size_t known = 0;
        for (const auto& one : {slot.current, slot.candidate}) known += one && processes.contains(one->id);
        if (known != processes.size()) return "a process was forgotten";
        return {};
    }
    std::string carry_out(const SlotAction& action) {
        if (action.kind == Action::Spawn) {
            if (action.generation == 0) return "nothing was started";
            return processes.try_emplace(action.process).second ? "" : "a process was started twice";
        }
        const bool command = action.kind == Action::Activate || action.kind == Action::Pause ||
                             action.kind == Action::Resume || action.kind == Action::Drain ||
                             action.kind == Action::AskToStop || action.kind == Action::Kill;
        if (!command) return {};
        const auto process = processes.find(action.process);
        if (process == processes.end()) return "a process that is gone was told something";
        // Until it has answered a drain it may still be claiming, but it can never begin to.
        if (process->second.told == Action::Kill) return "a process that was killed was told something";
        if (action.kind == Action::Activate || action.kind == Action::Resume) {
            if (process->second.told == Action::Drain) return "a draining process was told to claim";
            process->second.claims = true;
        }
        if (action.kind != Action::AskToStop) process->second.told = action.kind;
        return {};
    }

    // Which of the situations that behave alike this is: without times and numbers of processes.
    std::string key() const {
        std::string out(name(slot.state));
        for (const auto& one : {slot.current, slot.candidate}) {
            out += '|';
            if (!one) continue;
            const auto real = processes.at(one->id);
            for (const auto part :
                 {static_cast<int>(one->phase), int{one->killed}, int{one->asked}, int{one->warned},
                  int(one->deadline_ms < SlotProcess::kNoDeadline), int{real.claims},
                  static_cast<int>(real.told), static_cast<int>(one->generation), int(one->accepted > 0)})
                out += std::to_string(part) + ',';
        }
        for (const auto part :
             {static_cast<int>(slot.last_good), static_cast<int>(slot.next), static_cast<int>(slot.pending),
              int{slot.proven}, int{slot.stopped}, int(slot.due_ms < SlotProcess::kNoDeadline),
              static_cast<int>(slot.crashes_ms.size())})
            out += '/' + std::to_string(part);
        return out;
    }
};

SlotOptions short_loop() {
    SlotOptions options;
    options.loop_crashes = 2;
    options.loop_ms = 1'000'000'000;
    options.rollback_on_errors = true;
    options.min_errors = 1;
    return options;
}

constexpr std::array kOfProcess{Event::Ready, Event::Paused,  Event::Activated, Event::Resumed,
                                Event::Idle,  Event::Results, Event::Exited};

// Every event that can come in this situation, with the time at which it does.
std::vector<std::pair<World, SlotEvent>> successors(const World& world) {
    std::vector<std::pair<World, SlotEvent>> all;
    for (const Generation generation : {1U, 2U})
        all.emplace_back(world, SlotEvent{Event::Change, 0, generation});
    for (const Event kind : {Event::Stop, Event::Kill, Event::Start})
        all.emplace_back(world, SlotEvent{kind});
    for (const auto& [id, process] : world.processes) {
        for (const Event kind : kOfProcess) {
            SlotEvent event{kind, id};
            event.accepted = 1;
            all.emplace_back(world, event);
            event.errors = 1;
            if (kind == Event::Results) all.emplace_back(world, event);
            event.from_outside = true;
            if (kind == Event::Exited) all.emplace_back(world, event);
        }
    }
    // Whichever deadline comes first.
    for (int which = 0; which < 3; ++which) {
        World late = world;
        std::int64_t* deadline = which == 0                          ? &late.slot.due_ms
                                 : which == 1 && late.slot.current   ? &late.slot.current->deadline_ms
                                 : which == 2 && late.slot.candidate ? &late.slot.candidate->deadline_ms
                                                                     : nullptr;
        if (deadline == nullptr || *deadline == SlotProcess::kNoDeadline) continue;
        late.now += 1;
        *deadline = late.now;
        for (std::int64_t* other :
             {&late.slot.due_ms, late.slot.current ? &late.slot.current->deadline_ms : nullptr,
              late.slot.candidate ? &late.slot.candidate->deadline_ms : nullptr}) {
            if (other != nullptr && other != deadline && *other <= late.now) *other = late.now + 1;
        }
        all.emplace_back(late, SlotEvent{Event::Tick});
    }
    return all;
}
}  // namespace

TEST_CASE(
    "slot: in no situation that can be reached do two processes claim, and each leads back to an active "
    "one") {
    SlotOptions options = short_loop();
    SUBCASE("where two processes may run beside each other") {}
    SUBCASE("where they may not") { options.overlap = false; }
    std::map<std::string, std::set<std::string>> comes_from;
    std::map<std::string, World> seen;
    std::set<SlotState> states;
    std::deque<std::string> open;
    World start;
    seen.emplace(start.key(), start);
    open.push_back(start.key());
    while (!open.empty()) {
        const std::string key = open.front();
        open.pop_front();
        const World here = seen.at(key);
        states.insert(here.slot.state);
        for (auto& [world, event] : successors(here)) {
            const std::string fault = world.feed(event, options);
            if (!fault.empty()) FAIL(key << ", event " << static_cast<int>(event.kind) << ": " << fault);
            // Beyond that a count of crashes says nothing new.
            if (world.slot.crashes_ms.size() > 3) world.slot.crashes_ms.resize(3);
            for (auto* one : {&world.slot.current, &world.slot.candidate}) {
                if (*one && (*one)->accepted > 1) (*one)->accepted = 1;
                if (*one && (*one)->errors > 1) (*one)->errors = 1;
            }
            const std::string next = world.key();
            comes_from[next].insert(key);
            if (seen.emplace(next, world).second) open.push_back(next);
        }
    }
    // Without an overlap nobody waits for anybody.
    CHECK(states.size() == (options.overlap ? 14 : 7));
    CHECK(seen.size() > (options.overlap ? 500 : 100));
    // Backwards from every situation in which somebody claims for good.
    std::set<std::string> leads_to_active;
    for (const auto& [key, world] : seen) {
        if (world.slot.state == SlotState::Active && !world.slot.current->killed) {
            leads_to_active.insert(key);
            open.push_back(key);
        }
    }
    while (!open.empty()) {
        const std::string key = open.front();
        open.pop_front();
        for (const std::string& before : comes_from[key]) {
            if (leads_to_active.insert(before).second) open.push_back(before);
        }
    }
    for (const auto& [key, world] : seen) {
        if (!leads_to_active.contains(key)) FAIL_CHECK("there is no way out of " << key);
    }
}

TEST_CASE(
    "slot: long random lives keep the rules, and end in an active process once nothing goes wrong any more") {
    for (unsigned seed = 1; seed <= 100; ++seed) {
        std::mt19937 random(seed);
        const auto below = [&](std::size_t bound) { return static_cast<std::size_t>(random() % bound); };
        SlotOptions options;
        options.rollback_on_errors = seed % 2 == 0;
        World world;
        Generation generation = 1;
        REQUIRE(world.feed({Event::Change, 0, generation}, options) == "");
        for (int i = 0; i < 400; ++i) {
            SlotEvent event;
            world.now += static_cast<std::int64_t>(below(3000));
            const std::size_t what = below(100);
            if (what < 6) {
                event = {Event::Change, 0, ++generation};
            } else if (what < 8) {
                event.kind = std::array{Event::Stop, Event::Kill, Event::Start}.at(below(3));
            } else if (what < 40 || world.processes.empty()) {
                event.kind = Event::Tick;
            } else {
                auto process = world.processes.begin();
                std::advance(process, static_cast<std::ptrdiff_t>(below(world.processes.size())));
                event.process = process->first;
                event.kind = kOfProcess.at(below(kOfProcess.size() - (below(4) == 0 ? 0 : 1)));
                event.accepted = below(30);
                event.errors = below(event.accepted + 1);
            }
            const std::string fault = world.feed(event, options, static_cast<double>(below(100)) / 100);
            if (!fault.empty()) FAIL("seed " << seed << ", step " << i << ": " << fault);
        }
        // From here on everybody does as told, and whoever is killed dies.
        REQUIRE(world.feed({Event::Start}, options) == "");
        REQUIRE(world.feed({Event::Change, 0, ++generation}, options) == "");
        for (int i = 0; i < 200; ++i) {
            std::vector<SlotEvent> answers;
            for (const auto& one : {world.slot.current, world.slot.candidate}) {
                if (!one) continue;
                using Phase = SlotProcess::Phase;
                const Event answer = one->killed || one->phase == Phase::Draining ? Event::Exited
                                     : one->phase == Phase::Starting              ? Event::Ready
                                     : one->phase == Phase::Activating            ? Event::Activated
                                     : one->phase == Phase::Pausing               ? Event::Paused
                                     : one->phase == Phase::Resuming              ? Event::Resumed
                                                                                  : Event::Idle;
                answers.push_back({answer, one->id});
            }
            for (const SlotEvent& answer : answers) REQUIRE(world.feed(answer, options) == "");
            // Time passes only while nobody owes an answer.
            if (!answers.empty()) continue;
            world.now = std::max(world.now, std::min(next_tick(world.slot), world.now + 100'000));
            REQUIRE(world.feed({Event::Tick}, options) == "");
        }
        REQUIRE(world.slot.state == SlotState::Active);
        CHECK(world.slot.current->generation == generation);
        CHECK(world.slot.last_good == generation);
    }
}

}  // namespace tasker::host
