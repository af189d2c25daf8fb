#pragma once
// What becomes of a step whose worker's process died. Its attempt is never charged. Three things are told apart:
//
//   blamed     the process's crash record names it: a fatal signal, or exit(), on the thread that ran it, or on any thread
//              while nothing else ran. It counts as a crash; the third one is a permanent error, whatever max_attempts says.
//   running    it ran, and nobody knows why the process died: SIGKILL, no memory left, a fault on a thread that ran no
//              handler while several ran. That is no crash, also where nothing else ran, because an operator's SIGKILL looks the same. The
//              first such loss means nothing. From the second in a row on the step is a suspect: it waits 1, 2, 4 ... 60 s
//              and runs while no other suspect of its namespace does, which has a minute for that. The tenth in a row is a permanent error. What kills
//              its process each time gets there within minutes; a step that was hit by chance has answered long before,
//              and any answer of its own starts the count again.
//   bystander  everything else: claimed and not started, or running next to the one to blame. Ready again at once.
//
// After a reboot or a power cut nobody is blamed and nothing counts: what is on the disk may be of any moment.

#include <cstdint>
#include <span>
#include <string>

#include "host/model/flight_report.hpp"

namespace tasker::host {

inline constexpr int kMaxCrashes = 3;
inline constexpr int kMaxRunningLosses = 10;  // in a row
inline constexpr int kSuspectFrom = 2;        // running losses in a row

enum class LossPart : std::uint8_t { Bystander, Running, Blamed };

// Where a claim is found in the reports of processes that died. The claim is that of `claimed_ms`: a report that was used
// once already names no later one.
struct LossFinding {
    LossPart part = LossPart::Bystander;
    const FlightReport* report = nullptr;  // null: in none of them
    const FlightEntry* entry = nullptr;
};
LossFinding find_loss(std::span<const FlightReport> reports, const Uuid& step_uuid, std::int64_t claimed_ms);

// What came before this loss.
struct LossHistory {
    int crashes = 0;
    int running_losses = 0;  // in a row, since the step's last answer
};
struct LossVerdict {
    bool poison = false;        // it ends in a permanent error
    std::int64_t delay_ms = 0;  // until it is ready again
};
LossVerdict judge_loss(LossPart part, const LossHistory& before);

// For the audit trail, and for the error that ends it: what happened, in which callable of which plugin.
std::string loss_note(const LossFinding& finding, const std::string& reason);
std::string poison_text(const LossFinding& finding);

}  // namespace tasker::host
