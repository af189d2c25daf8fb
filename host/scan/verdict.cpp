#include "host/scan/verdict.hpp"

#include <algorithm>
#include <array>
#include <csignal>
#include <cstring>
#include <utility>

#include "host/loader/printable.hpp"
#include "host/scan/probe_report.hpp"

namespace tasker::host {

namespace {
constexpr std::array<std::pair<VerdictKind, std::string_view>, 7> kNames{
    {{VerdictKind::Ok, "ok"},
     {VerdictKind::Incompatible, "incompatible"},
     {VerdictKind::Unloadable, "unloadable"},
     {VerdictKind::Crashed, "crashed"},
     {VerdictKind::Hung, "hung"},
     {VerdictKind::Exited, "exited"},
     {VerdictKind::Unknown, "unknown"}}};

std::string signal_text(int number) {
    const char* abbreviation = ::sigabbrev_np(number);
    return abbreviation == nullptr ? "signal " + std::to_string(number) : "SIG" + std::string(abbreviation);
}

std::string seconds(std::int64_t ms) {
    return ms % 1000 == 0 ? std::to_string(ms / 1000) + " s" : std::to_string(ms) + " ms";
}

// What the probe did when it ended, as the object of "in".
std::string_view doing(const std::string& phase) {
    if (phase == "load") return "load (its static constructors run there)";
    if (phase == "entry") return "its entry tasker_plugin_entry_v0()";
    if (phase == "describe") return "describe (its tables are read, get_extension() is asked)";
    return "the probe, before it was loaded";
}

Verdict verdict_of(const ProbeEnding& ending, const ProbeReport& report) {
    const std::string where(doing(report.phase));
    switch (ending.how) {
        case ProbeEnding::How::NotStarted:
            return {VerdictKind::Unknown,
                    "the probe could not be started: " + ending.start_fault +
                        "; tasker-plugin-probe belongs beside tasker-host",
                    {},
                    {}};
        case ProbeEnding::How::TimedOut:
            return {VerdictKind::Hung,
                    "took longer than " + seconds(ending.limit_ms) + " in " + where + " and was killed",
                    {},
                    {}};
        case ProbeEnding::How::Killed:
            if (ending.code == SIGKILL)
                return {VerdictKind::Unknown,
                        "its probe was killed from outside in " + where + ", perhaps for want of memory",
                        {},
                        {}};
            if (ending.code == SIGXCPU)
                return {VerdictKind::Hung, "used up its processor time in " + where, {}, {}};
            return {VerdictKind::Crashed, "died with " + signal_text(ending.code) + " in " + where, {}, {}};
        case ProbeEnding::How::Exited:
            break;
    }
    if (ending.code == kProbeCannotBegin && report.phase.empty())
        return {VerdictKind::Unknown, "the probe could not begin", {}, {}};
    if (ending.code == 0 && report.complete && !ending.report_cut) {
        if (report.verdict == "ok") return {VerdictKind::Ok, {}, report.facts, {}};
        return {report.verdict == "unloadable" ? VerdictKind::Unloadable : VerdictKind::Incompatible,
                report.reason,
                {},
                {}};
    }
    const std::string fault =
        ending.report_cut
            ? "it wrote more than " + std::to_string(kMostReportBytes >> 20U) + " MiB into the report"
            : (report.complete ? "after its report" : "without a complete report: " + report.fault);
    return {
        VerdictKind::Exited, "exited " + std::to_string(ending.code) + " in " + where + ", " + fault, {}, {}};
}
}  // namespace

std::string_view name(VerdictKind kind) {
    const auto found =
        std::find_if(kNames.begin(), kNames.end(), [&](const auto& one) { return one.first == kind; });
    return found->second;
}

std::optional<VerdictKind> verdict_kind(std::string_view name) {
    const auto found =
        std::find_if(kNames.begin(), kNames.end(), [&](const auto& one) { return one.second == name; });
    if (found == kNames.end()) return std::nullopt;
    return found->first;
}

bool is_kept(VerdictKind kind) { return kind != VerdictKind::Unknown; }

bool is_quarantined(VerdictKind kind) {
    return kind == VerdictKind::Crashed || kind == VerdictKind::Hung || kind == VerdictKind::Exited;
}

Verdict judge(const ProbeEnding& ending, std::string_view nonce) {
    constexpr std::size_t kMostOutput = 2048;
    Verdict verdict = verdict_of(ending, read_probe_report(ending.report, nonce));
    verdict.output = clean_utf8(ending.output, kMostOutput);
    return verdict;
}

}  // namespace tasker::host
