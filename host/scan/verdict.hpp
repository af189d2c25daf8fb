#pragma once
// What the end of a probe says of the plugin. Pure.

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "host/scan/plugin_facts.hpp"

namespace tasker::host {

enum class VerdictKind : std::uint8_t {
    Ok,
    Incompatible,  // it answered, and the host cannot use the answer
    Unloadable,    // the system loader refused it
    Crashed,
    Hung,
    Exited,   // its process ended without a complete report
    Unknown,  // the probe could not be made: the machine's trouble
};
std::string_view name(VerdictKind kind);
std::optional<VerdictKind> verdict_kind(std::string_view name);
// Kept by content hash, so that the file is not probed again.
bool is_kept(VerdictKind kind);
// Not run again until somebody takes it out of the quarantine.
bool is_quarantined(VerdictKind kind);

struct Verdict {
    VerdictKind kind = VerdictKind::Unknown;
    std::string reason;                // with the phase and the remedy; empty when Ok
    std::optional<PluginFacts> facts;  // when Ok
    std::string output;                // the beginning of what it printed, fit for people
};

// How the probe's process ended, and what it left.
struct ProbeEnding {
    enum class How : std::uint8_t { NotStarted, Exited, Killed, TimedOut };
    How how = How::NotStarted;
    int code = 0;               // of Exited; the signal of Killed
    std::string start_fault;    // of NotStarted
    std::int64_t limit_ms = 0;  // of TimedOut
    std::string report;         // at most kMostReportBytes
    bool report_cut = false;
    std::string output;  // of its descriptors 1 and 2, cut
    std::uint64_t output_bytes = 0;
};
inline constexpr std::size_t kMostProbeOutput = std::size_t{64} << 10U;

// Complete report, right nonce and exit code 0, or it failed.
Verdict judge(const ProbeEnding& ending, std::string_view nonce);

}  // namespace tasker::host
