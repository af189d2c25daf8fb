#include "host/scan/probe_report.hpp"

#include <algorithm>
#include <array>

#include "host/core/json_text.hpp"
#include "host/core/json_view.hpp"
#include "host/loader/printable.hpp"

namespace tasker::host {

namespace {
constexpr std::array<std::string_view, 3> kPhases{"load", "entry", "describe"};
constexpr std::size_t kMostReason = 8192;

// What the line breaks; empty: it was taken in.
std::string take(std::string_view line, std::string_view nonce, ProbeReport& report) {
    if (report.complete) return "there is something behind its end";
    if (json_fault(line, {.max_depth = 16, .max_bytes = kMostReportBytes}) || !json_is_object(line))
        return "a line is not a JSON object: '" + printable(line, 60) + "'";
    if (const auto phase = json_string_member(line, "phase")) {
        if (std::find(kPhases.begin(), kPhases.end(), *phase) == kPhases.end() || !report.verdict.empty())
            return "it has the phase '" + printable(*phase, 40) + "' where none can be";
        report.phase = *phase;
        return {};
    }
    if (const auto verdict = json_string_member(line, "verdict")) {
        if (!report.verdict.empty()) return "it has two verdicts";
        if (*verdict == "ok") {
            report.facts = read_facts(json_member(line, "plugin").value_or(""));
            if (!report.facts) return "its description of the plugin is damaged";
        } else if (*verdict == "unloadable" || *verdict == "incompatible") {
            report.reason = clean_utf8(json_string_member(line, "reason").value_or(""), kMostReason);
        } else {
            return "it has the verdict '" + printable(*verdict, 40) + "'";
        }
        report.verdict = *verdict;
        return {};
    }
    if (json_member(line, "complete") == "true") {
        if (report.verdict.empty()) return "it ends without a verdict";
        if (json_string_member(line, "nonce") != nonce) return "its end has a wrong nonce";
        report.complete = true;
        return {};
    }
    return "a line says nothing that is known: '" + printable(line, 60) + "'";
}
}  // namespace

std::string phase_line(std::string_view phase) { return "{\"phase\":" + json_string(phase) + "}\n"; }

std::string accepted_line(const PluginFacts& facts) {
    return "{\"verdict\":\"ok\",\"plugin\":" + facts_json(facts) + "}\n";
}

std::string refused_line(std::string_view verdict, std::string_view reason) {
    return "{\"verdict\":" + json_string(verdict) +
           ",\"reason\":" + json_string(clean_utf8(reason, kMostReason)) + "}\n";
}

std::string completion_line(std::string_view nonce) {
    return "{\"complete\":true,\"nonce\":" + json_string(nonce) + "}\n";
}

ProbeReport read_probe_report(std::string_view text, std::string_view nonce) {
    ProbeReport report;
    while (report.fault.empty() && !text.empty()) {
        const auto end = text.find('\n');
        if (end == std::string_view::npos) {
            report.fault = "its last line is cut";
            break;
        }
        report.fault = take(text.substr(0, end), nonce, report);
        text.remove_prefix(end + 1);
    }
    if (!report.fault.empty()) report.complete = false;
    if (!report.complete) {
        if (report.fault.empty()) report.fault = report.phase.empty() ? "it is empty" : "it has no end";
        report.facts.reset();
        report.verdict.clear();
        report.reason.clear();
    }
    return report;
}

}  // namespace tasker::host
