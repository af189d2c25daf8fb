#pragma once
// What a worker's process leaves behind when it dies: a flight recorder's file, written as if by it.

#include <algorithm>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <string>
#include <vector>

#include "host/core/flight_file.hpp"
#include "host/core/flight_layout.hpp"
#include "host/model/flight_report.hpp"
#include "host/model/step_event.hpp"

namespace tasker::host::testing {

class DeadWorker {
  public:
    DeadWorker() {
        header_.boot = boot_of_this_machine().bytes;
        header_.pid = 4711;
    }
    // Ran this step when it died.
    DeadWorker& ran(const StepEvent& event) {
        FlightSlot slot;
        slot.phase = static_cast<std::uint32_t>(FlightPhase::Handler);
        slot.started_ms = event.claimed_ms;
        slot.claimed_ms = event.claimed_ms;
        slot.task_uuid = event.task_uuid.bytes;
        slot.step_uuid = event.step_uuid.bytes;
        slot.plugin_size = put(slot.plugin, "orders");
        slot.callable_size = put(slot.callable, event.callable());
        slot.step_size = put(slot.step, event.task_sequence_step.workflow_step.name);
        slots_.push_back(slot);
        return *this;
    }
    // The thread of the step that was added last has crashed.
    DeadWorker& crashed(int signal = 11) {
        header_.crash_state = static_cast<std::uint32_t>(FlightCrashState::Written);
        header_.crash_slot = static_cast<std::uint32_t>(slots_.size() - 1);
        header_.crash_signal = signal;
        header_.crashed_ms = slots_.back().started_ms + 812;
        return *this;
    }
    std::string bytes() const {
        FlightHeader header = header_;
        header.slots = static_cast<std::uint32_t>(slots_.size());
        std::string out(sizeof header + slots_.size() * sizeof(FlightSlot), '\0');
        std::memcpy(out.data(), &header, sizeof header);
        if (!slots_.empty())
            std::memcpy(out.data() + sizeof header, slots_.data(), slots_.size() * sizeof(FlightSlot));
        return out;
    }
    void leave_in(const std::filesystem::path& file) const {
        std::filesystem::create_directories(file.parent_path());
        std::ofstream(file, std::ios::binary) << bytes();
    }
    FlightReports reports() const {
        return std::make_shared<const std::vector<FlightReport>>(
            1, flight_report(bytes(), boot_of_this_machine()).value());
    }

  private:
    template <std::size_t Size>
    static std::uint8_t put(std::array<char, Size>& to, std::string_view text) {
        const std::size_t size = std::min(text.size(), Size);
        std::memcpy(to.data(), text.data(), size);
        return static_cast<std::uint8_t>(size);
    }
    FlightHeader header_;
    std::vector<FlightSlot> slots_;
};

}  // namespace tasker::host::testing
