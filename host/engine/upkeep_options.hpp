#pragma once
// What the engine does by itself beside running steps, and what pruning is asked to do. Values.

#include <cstdint>
#include <optional>

namespace tasker::host {

struct UpkeepOptions {
    // Between two looks for tasks that do not get on; 0: never.
    std::int64_t staleness_interval_ms = 300'000;
    // Prune by itself, once an hour. Off, because what is deleted cannot be had back, and a history that nobody asked to
    // delete is expected to be there; how the store grows can be seen and is slow.
    bool retention = false;
    std::int64_t retain_complete_ms = std::int64_t{7} * 86'400'000;
    std::int64_t retain_failed_ms = std::int64_t{30} * 86'400'000;
    // How long after its pruning a task's identity is still a duplicate.
    std::int64_t retain_identities_ms = std::int64_t{30} * 86'400'000;
    // Domain events that nobody acknowledged. A queue that nobody reads must not fill the disk, so this is always on.
    std::int64_t retain_events_ms = std::int64_t{7} * 86'400'000;
    std::int64_t max_events = 100'000;
    std::int64_t max_event_bytes = std::int64_t{256} << 20U;
};

struct PruneOptions {
    // Age of what goes, counted from the end of the task; nothing: as in UpkeepOptions.
    std::optional<std::int64_t> complete_ms;  // complete, resolved_manually
    std::optional<std::int64_t> failed_ms;    // error, cancelled
    bool dry_run = false;                     // only count
    // Also gives all free pages back to the disk, in one transaction for which everybody waits (8 us a page). Without it
    // the file becomes smaller bit by bit while there is nothing else to do, and not to its last free page.
    bool compact = false;
};

struct PruneReport {
    bool dry_run = false;
    std::int64_t complete_tasks = 0, failed_tasks = 0;  // deleted with everything of theirs
    std::int64_t steps = 0;
    std::int64_t kept_pending_dlq = 0;  // old enough, but under investigation
    std::int64_t identities = 0;        // forgotten: these tasks could be submitted again
    std::int64_t templates = 0, lanes = 0;
    std::int64_t free_pages = 0;  // of the file, ready for new rows
    std::int64_t pages = 0;
};

}  // namespace tasker::host
