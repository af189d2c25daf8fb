#include "host/model/loss.hpp"

#include <algorithm>

namespace tasker::host {

namespace {
constexpr std::int64_t kFirstDelayMs = 1000, kMostDelayMs = 60'000;

std::string where(const FlightEntry& entry) {
    return "callable '" + entry.callable + "'" +
           (entry.plugin.empty() ? "" : " of plugin '" + entry.plugin + "'");
}
}  // namespace

LossFinding find_loss(std::span<const FlightReport> reports, const Uuid& step_uuid, std::int64_t claimed_ms) {
    for (const FlightReport& report : reports) {
        const FlightEntry* const culprit = report.culprit();
        for (const FlightEntry& entry : report.running) {
            if (entry.step_uuid != step_uuid || entry.claimed_ms != claimed_ms) continue;
            if (culprit == nullptr) return {LossPart::Running, &report, &entry};
            return {culprit == &entry ? LossPart::Blamed : LossPart::Bystander, &report, &entry};
        }
    }
    return {};
}

LossVerdict judge_loss(LossPart part, const LossHistory& before) {
    LossVerdict verdict;
    if (part == LossPart::Blamed) verdict.poison = before.crashes + 1 >= kMaxCrashes;
    if (part != LossPart::Running) return verdict;
    const int losses = before.running_losses + 1;
    verdict.poison = losses >= kMaxRunningLosses;
    if (losses >= kSuspectFrom && !verdict.poison)
        verdict.delay_ms = std::min(kMostDelayMs, kFirstDelayMs << (losses - kSuspectFrom));
    return verdict;
}

std::string loss_note(const LossFinding& finding, const std::string& reason) {
    switch (finding.part) {
        case LossPart::Blamed:
            return "crashed its worker: " + crash_text(*finding.report->crash) + " in " +
                   described(*finding.entry, finding.report->crash->at_ms);
        case LossPart::Running:
            return reason + " while it ran";
        case LossPart::Bystander:
            break;
    }
    return reason;
}

std::string poison_text(const LossFinding& finding) {
    if (finding.part == LossPart::Blamed) {
        return "the step crashed its worker " + std::to_string(kMaxCrashes) + " times, the last time with " +
               crash_text(*finding.report->crash) + " in " + where(*finding.entry);
    }
    return "the step's worker died " + std::to_string(kMaxRunningLosses) +
           " times in a row while it ran, for no reason that is known (killed, or out of memory), in " +
           where(*finding.entry);
}

}  // namespace tasker::host
