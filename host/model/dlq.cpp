#include "host/model/dlq.hpp"

#include <array>
#include <cstddef>

namespace tasker::host {

namespace {
struct Names {
    std::string_view text, wire;
};
constexpr std::array<Names, 5> kReasons{{{"staleness_timeout", "StalenessTimeout"},
                                         {"max_retries_exceeded", "MaxRetriesExceeded"},
                                         {"dependency_cycle_detected", "DependencyCycleDetected"},
                                         {"worker_unavailable", "WorkerUnavailable"},
                                         {"manual_dlq", "ManualDlq"}}};
constexpr std::array<Names, 4> kStatuses{{{"pending", "Pending"},
                                          {"manually_resolved", "ManuallyResolved"},
                                          {"permanently_failed", "PermanentlyFailed"},
                                          {{}, "Cancelled"}}};

// A value read from a damaged store must not read past the table.
template <std::size_t N>
Names at(const std::array<Names, N>& names, std::size_t value) {
    return value < N ? names[value] : Names{"unknown", "Unknown"};
}
}  // namespace

std::string_view name(DlqReason reason) { return at(kReasons, static_cast<std::size_t>(reason)).text; }
std::string_view name(DlqStatus status) {
    if (status == DlqStatus::Cancelled) return name(StepState::Cancelled);  // the same word
    return at(kStatuses, static_cast<std::size_t>(status)).text;
}
std::string_view wire_name(DlqReason reason) { return at(kReasons, static_cast<std::size_t>(reason)).wire; }
std::string_view wire_name(DlqStatus status) { return at(kStatuses, static_cast<std::size_t>(status)).wire; }

std::optional<DlqStatus> dlq_status(std::string_view name) {
    for (std::size_t i = 0; i < kStatuses.size(); ++i) {
        const auto status = static_cast<DlqStatus>(i);
        if (tasker::host::name(status) == name || kStatuses[i].wire == name) return status;
    }
    return std::nullopt;
}

int investigation_score(DlqReason reason) {
    switch (reason) {
        case DlqReason::DependencyCycleDetected:
            return 1000;
        case DlqReason::MaxRetriesExceeded:
            return 500;
        case DlqReason::StalenessTimeout:
            return 100;
        case DlqReason::WorkerUnavailable:
            return 50;
        case DlqReason::ManualDlq:
            break;
    }
    return 10;
}

std::string_view name(StalenessHealth health) {
    switch (health) {
        case StalenessHealth::Stale:
            return "stale";
        case StalenessHealth::Warning:
            return "warning";
        case StalenessHealth::Healthy:
            break;
    }
    return "healthy";
}

}  // namespace tasker::host
