#pragma once
// The report of tasker-plugin-probe: JSON lines on descriptor 3. Written by the probe while foreign code runs in its
// process, so what is read may be anything. Pure.
//
//   {"phase":"load"}                              the probe is about to do this: load, entry, describe
//   {"verdict":"ok","plugin":{...}}               or "unloadable", "incompatible" with a "reason"
//   {"complete":true,"nonce":"..."}               the last line; the nonce came over descriptor 3

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>

#include "host/scan/plugin_facts.hpp"

namespace tasker::host {

inline constexpr int kProbeReportFd = 3;
inline constexpr std::size_t kProbeNonceBytes = 32;
// What is kept of a report; one that is longer is none.
inline constexpr std::size_t kMostReportBytes = std::size_t{4} << 20U;
// The probe could not begin: the machine's trouble, not the plugin's.
inline constexpr int kProbeCannotBegin = 75;

std::string phase_line(std::string_view phase);
std::string accepted_line(const PluginFacts& facts);
// `verdict`: "unloadable" or "incompatible".
std::string refused_line(std::string_view verdict, std::string_view reason);
std::string completion_line(std::string_view nonce);

struct ProbeReport {
    std::string phase;      // the last one that was begun; empty: none
    bool complete = false;  // a verdict and the completion with the right nonce, and nothing behind it
    std::string verdict;    // "ok", "unloadable", "incompatible"
    std::string reason;     // of the latter two
    std::optional<PluginFacts> facts;  // of "ok"
    std::string fault;                 // why it is not complete, in words
};
// Takes time and memory in proportion to the text.
ProbeReport read_probe_report(std::string_view text, std::string_view nonce);

}  // namespace tasker::host
