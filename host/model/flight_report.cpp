#include "host/model/flight_report.hpp"

#include <algorithm>
#include <array>
#include <cstring>

#include "host/core/flight_layout.hpp"

namespace tasker::host {

namespace {
constexpr int kMaxSignal = 64;
constexpr std::size_t kNamed = 3;  // running steps that a text names

template <std::size_t Size>
std::string text_of(const std::array<char, Size>& from, std::uint8_t size) {
    std::string text(from.data(), std::min<std::size_t>(size, Size));
    for (char& c : text) {
        if (c < 0x20 || c > 0x7e) c = '?';
    }
    return text;
}

std::optional<FlightEntry> entry_of(const FlightSlot& slot) {
    const auto phase = static_cast<FlightPhase>(slot.phase);
    if (phase != FlightPhase::Handler && phase != FlightPhase::Events) return std::nullopt;
    FlightEntry entry;
    entry.task_uuid.bytes = slot.task_uuid;
    entry.step_uuid.bytes = slot.step_uuid;
    entry.claimed_ms = slot.claimed_ms;
    entry.started_ms = slot.started_ms;
    entry.plugin = text_of(slot.plugin, slot.plugin_size);
    entry.callable = text_of(slot.callable, slot.callable_size);
    entry.step = text_of(slot.step, slot.step_size);
    entry.publishing = phase == FlightPhase::Events;
    return entry;
}

std::optional<FlightReport::Crash> crash_of(const FlightHeader& header) {
    if (header.crash_state != static_cast<std::uint32_t>(FlightCrashState::Written)) return std::nullopt;
    if (header.crash_signal < 0 || header.crash_signal > kMaxSignal) return std::nullopt;
    FlightReport::Crash crash;
    crash.signal = header.crash_signal;
    crash.stack_overflow = header.stack_overflow == 1;
    crash.address = header.fault_address;
    crash.at_ms = header.crashed_ms;
    return crash;
}
}  // namespace

std::optional<FlightReport> flight_report(std::string_view bytes, const Uuid& boot) {
    FlightHeader header;
    if (bytes.size() < sizeof header || bytes.size() > kMaxFlightBytes) return std::nullopt;
    std::memcpy(&header, bytes.data(), sizeof header);
    if (header.magic != kFlightMagic || header.version != kFlightVersion || header.boot != boot.bytes ||
        boot.is_nil() || header.slots > kMaxFlightSlots ||
        bytes.size() != sizeof header + header.slots * sizeof(FlightSlot))
        return std::nullopt;
    FlightReport report;
    report.pid = header.pid;
    report.crash = crash_of(header);
    for (std::uint32_t i = 0; i < header.slots; ++i) {
        FlightSlot slot;
        std::memcpy(&slot, bytes.data() + sizeof header + i * sizeof slot, sizeof slot);
        auto entry = entry_of(slot);
        if (!entry) continue;
        if (report.crash && header.crash_slot == i) report.crash->culprit = report.running.size();
        report.running.push_back(std::move(*entry));
    }
    // A thread that a plugin made runs no step; where one step ran, it is that one's.
    if (report.crash && header.crash_inside == 1 && !report.crash->culprit && report.running.size() == 1)
        report.crash->culprit = 0;
    return report;
}

std::string crash_text(const FlightReport::Crash& crash) {
    if (crash.signal == 0) return "exit()";
    const char* what = ::sigdescr_np(crash.signal);
    return "signal " + std::to_string(crash.signal) +
           (what == nullptr ? "" : " (" + std::string(what) + ")") +
           (crash.stack_overflow ? ", a stack overflow," : "");
}

std::string described(const FlightEntry& entry, std::int64_t now_ms) {
    // A clock that was set says nothing.
    const std::int64_t took = std::max<std::int64_t>(now_ms - entry.started_ms, 0);
    return (entry.publishing ? "the publishers of callable '" : "callable '") + entry.callable + "'" +
           (entry.plugin.empty() ? "" : " of plugin '" + entry.plugin + "'") + " (step '" + entry.step +
           "' " + entry.step_uuid.str() + ", " + std::to_string(took) + " ms in)";
}

std::string end_text(const FlightReport& report, const std::string& how, std::int64_t now_ms) {
    if (const FlightEntry* culprit = report.culprit()) {
        const std::string where = described(*culprit, report.crash->at_ms);
        // The code is what the host made of it.
        if (report.crash->signal == 0)
            return "called exit(): exited without shutdown handshake during " + where;
        return how + (report.crash->stack_overflow ? ", a stack overflow," : "") + " in " + where;
    }
    if (report.running.empty()) return how;
    std::string ran;
    for (std::size_t i = 0; i < std::min(report.running.size(), kNamed); ++i)
        ran += (i == 0 ? "" : ", ") + described(report.running[i], now_ms);
    if (report.running.size() > kNamed)
        ran += " and " + std::to_string(report.running.size() - kNamed) + " more";
    return how + " while it ran " + ran;
}

}  // namespace tasker::host
