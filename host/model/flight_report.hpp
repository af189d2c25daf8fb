#pragma once
// What a flight recorder's file says after the death of its process. The file is taken for hostile: sizes are checked,
// texts are bounded and cleaned, and where anything is odd nothing is believed.

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "host/core/uuid.hpp"

namespace tasker::host {

// A step whose handler was running.
struct FlightEntry {
    Uuid task_uuid, step_uuid;
    std::int64_t claimed_ms = 0, started_ms = 0;  // wall clock
    std::string plugin, callable, step;           // plugin: empty for a handler of the program itself
    bool publishing = false;                      // it had returned, its publishers were being asked
};

struct FlightReport {
    struct Crash {
        int signal = 0;  // 0: exit() was called
        bool stack_overflow = false;
        std::uint64_t address = 0;
        std::int64_t at_ms = 0;
        std::optional<std::size_t> culprit;  // into `running`; nothing: any of them, or none
    };
    int pid = 0;
    std::vector<FlightEntry> running;
    std::optional<Crash> crash;

    const FlightEntry* culprit() const {
        return crash && crash->culprit ? &running[*crash->culprit] : nullptr;
    }
};

// Of processes that died. Null: nothing is known of any.
using FlightReports = std::shared_ptr<const std::vector<FlightReport>>;

// Nothing when these bytes are no recorder's, or one's of another boot.
std::optional<FlightReport> flight_report(std::string_view bytes, const Uuid& boot);

// "signal 11 (Segmentation fault)", "signal 11 (Segmentation fault), a stack overflow,", "exit()": what " in ..." follows.
std::string crash_text(const FlightReport::Crash& crash);
// "callable 'orders.charge' of plugin 'orders' (step 'charge' 0198..., 812 ms in)"
std::string described(const FlightEntry& entry, std::int64_t now_ms);
// How a process ended (`how`), and in which step; what it ran when nobody is to blame.
std::string end_text(const FlightReport& report, const std::string& how, std::int64_t now_ms);

}  // namespace tasker::host
