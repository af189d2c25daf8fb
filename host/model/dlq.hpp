#pragma once
// Dead letter queue entries as values: records for people who look into tasks that went nowhere. Resolving one changes
// nothing about its task.

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "host/core/uuid.hpp"
#include "host/model/states.hpp"

namespace tasker::host {

// Values are stored: append only.
enum class DlqReason : std::uint8_t {
    StalenessTimeout = 0,  // the only one that the engine gives by itself
    MaxRetriesExceeded = 1,
    DependencyCycleDetected = 2,
    WorkerUnavailable = 3,
    ManualDlq = 4,
};
enum class DlqStatus : std::uint8_t {
    Pending = 0,
    ManuallyResolved = 1,
    PermanentlyFailed = 2,
    Cancelled = 3
};

// snake_case, as in settings and texts.
std::string_view name(DlqReason reason);
std::string_view name(DlqStatus status);
// As tasker-server's documents spell them: StalenessTimeout.
std::string_view wire_name(DlqReason reason);
std::string_view wire_name(DlqStatus status);
// In either spelling.
std::optional<DlqStatus> dlq_status(std::string_view name);
// How much sooner than others an entry should be looked at; its minutes in the queue are added.
int investigation_score(DlqReason reason);

struct DlqEntry {
    Uuid entry_uuid, task_uuid;
    TaskState original_state = TaskState::Pending;
    DlqReason reason = DlqReason::StalenessTimeout;
    DlqStatus status = DlqStatus::Pending;
    std::int64_t created_ms = 0, updated_ms = 0;
    std::optional<std::int64_t> resolved_ms;
    std::string notes, resolved_by;  // empty: nothing was said
    std::string snapshot_json;       // an object: the task as it was
    std::string metadata_json;       // an object; empty: none
};

struct DlqFilter {
    std::optional<DlqStatus> status;
    std::int64_t limit = 50, offset = 0;
};

// What an investigation found; what is not given stays as it is.
struct DlqUpdate {
    std::optional<DlqStatus> status;
    std::optional<std::string> notes, resolved_by, metadata_json;
};

struct DlqStats {
    DlqReason reason = DlqReason::StalenessTimeout;
    std::int64_t total = 0, pending = 0, manually_resolved = 0, permanently_failed = 0, cancelled = 0;
    std::optional<std::int64_t> oldest_ms, newest_ms;
    std::optional<double> average_resolution_minutes;
};

struct DlqQueueItem {
    DlqEntry entry;
    std::string namespace_name, task_name;
    double minutes_in_dlq = 0, priority_score = 0;
    std::optional<std::int64_t> minutes_in_state;  // when it was found
};

enum class StalenessHealth : std::uint8_t { Healthy, Warning, Stale };
std::string_view name(StalenessHealth health);

// An open task that staleness detection watches.
struct WatchedTask {
    Uuid task_uuid;
    std::string namespace_name, task_name;
    TaskState state = TaskState::Pending;
    std::int64_t minutes_in_state = 0, age_minutes = 0, threshold_minutes = 0;
    StalenessHealth health = StalenessHealth::Healthy;
    int priority = 0;
};

}  // namespace tasker::host
