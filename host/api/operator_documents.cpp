#include "host/api/operator_documents.hpp"

#include <array>
#include <cstdio>
#include <optional>

#include "host/api/json_list.hpp"
#include "host/api/json_writer.hpp"
#include "host/core/clock.hpp"
#include "host/core/json_text.hpp"
#include "host/model/states.hpp"

namespace tasker::host {

namespace {
std::string naive(std::int64_t unix_ms) {
    std::string text = rfc3339(unix_ms);
    if (text.ends_with('Z')) text.pop_back();
    return text;
}
std::string naive(std::optional<std::int64_t> unix_ms) { return unix_ms ? naive(*unix_ms) : std::string{}; }

// More digits than a percentage needs: rates and seconds are small.
std::string precise(double value) {
    std::array<char, 64> text{};
    std::snprintf(text.data(), text.size(), "%.6g", value);
    std::string out = text.data();
    if (out.find_first_of(".e") == std::string::npos) out += ".0";
    return out;
}

template <class Member>
std::string object_of(Member&& members) {
    std::string out;
    JsonObject object(out);
    members(object);
    object.end();
    return out;
}

std::string slow_step(const SlowItem& item) {
    return object_of([&](JsonObject& object) {
        object.text("namespace_name", item.namespace_name)
            .text("task_name", item.task_name)
            .text("version", item.version)
            .text("step_name", item.step_name)
            .raw("average_duration_seconds", precise(item.average_seconds))
            .raw("max_duration_seconds", precise(item.max_seconds))
            .number("execution_count", item.executions)
            .number("error_count", item.errors)
            .raw("error_rate", precise(item.error_rate))
            .time("last_executed_at", item.last_ms);
    });
}

std::string slow_task(const SlowItem& item) {
    return object_of([&](JsonObject& object) {
        object.text("namespace_name", item.namespace_name)
            .text("task_name", item.task_name)
            .text("version", item.version)
            .raw("average_duration_seconds", precise(item.average_seconds))
            .raw("max_duration_seconds", precise(item.max_seconds))
            .number("execution_count", item.executions)
            .raw("average_step_count", precise(item.average_step_count))
            .number("error_count", item.errors)
            .raw("error_rate", precise(item.error_rate))
            .time("last_executed_at", item.last_ms);
    });
}

std::string health_counts(const StateCounts& counts) {
    return object_of([&](JsonObject& object) {
        std::int64_t tasks = 0, steps = 0;
        for (std::size_t i = 0; i < counts.tasks.size(); ++i) {
            object.number(std::string(name(static_cast<TaskState>(i))) + "_tasks", counts.tasks[i]);
            tasks += counts.tasks[i];
        }
        object.number("total_tasks", tasks);
        for (std::size_t i = 0; i < counts.steps.size(); ++i) {
            object.number(std::string(name(static_cast<StepState>(i))) + "_steps", counts.steps[i]);
            steps += counts.steps[i];
        }
        object.number("total_steps", steps);
    });
}
}  // namespace

std::string dlq_entry_document(const DlqEntry& entry) {
    return object_of([&](JsonObject& object) {
        object.text("dlq_entry_uuid", entry.entry_uuid.str())
            .text("task_uuid", entry.task_uuid.str())
            .text("original_state", name(entry.original_state))
            .text("dlq_reason", wire_name(entry.reason))
            .text("dlq_timestamp", naive(entry.created_ms))
            .text("resolution_status", wire_name(entry.status))
            .maybe_text("resolution_timestamp", naive(entry.resolved_ms))
            .maybe_text("resolution_notes", entry.notes)
            .maybe_text("resolved_by", entry.resolved_by)
            .raw("task_snapshot", entry.snapshot_json, "{}")
            .raw("metadata", entry.metadata_json)
            .text("created_at", naive(entry.created_ms))
            .text("updated_at", naive(entry.updated_ms));
    });
}

std::string dlq_list_document(const std::vector<DlqEntry>& entries) {
    return json_list(entries, dlq_entry_document);
}

std::string dlq_stats_document(const std::vector<DlqStats>& stats) {
    return json_list(stats, [](const DlqStats& one) {
        return object_of([&](JsonObject& object) {
            object.text("dlq_reason", wire_name(one.reason))
                .number("total_entries", one.total)
                .number("pending", one.pending)
                .number("manually_resolved", one.manually_resolved)
                .number("permanent_failures", one.permanently_failed)
                .number(name(DlqStatus::Cancelled), one.cancelled)
                .maybe_text("oldest_entry", naive(one.oldest_ms))
                .maybe_text("newest_entry", naive(one.newest_ms))
                .raw("avg_resolution_time_minutes", one.average_resolution_minutes
                                                        ? precise(*one.average_resolution_minutes)
                                                        : std::string{});
        });
    });
}

std::string dlq_queue_document(const std::vector<DlqQueueItem>& items) {
    return json_list(items, [](const DlqQueueItem& item) {
        return object_of([&](JsonObject& object) {
            object.text("dlq_entry_uuid", item.entry.entry_uuid.str())
                .text("task_uuid", item.entry.task_uuid.str())
                .text("original_state", name(item.entry.original_state))
                .text("dlq_reason", wire_name(item.entry.reason))
                .text("dlq_timestamp", naive(item.entry.created_ms))
                .raw("minutes_in_dlq", precise(item.minutes_in_dlq))
                .maybe_text("namespace_name", item.namespace_name)
                .maybe_text("task_name", item.task_name)
                .text("current_state", name(item.entry.original_state))
                .raw("time_in_state_minutes",
                     item.minutes_in_state ? std::to_string(*item.minutes_in_state) : std::string{})
                .raw("priority_score", precise(item.priority_score));
        });
    });
}

std::string staleness_document(const std::vector<WatchedTask>& tasks) {
    return json_list(tasks, [](const WatchedTask& task) {
        return object_of([&](JsonObject& object) {
            object.text("task_uuid", task.task_uuid.str())
                .maybe_text("namespace_name", task.namespace_name)
                .maybe_text("task_name", task.task_name)
                .text("current_state", name(task.state))
                .number("time_in_state_minutes", task.minutes_in_state)
                .number("task_age_minutes", task.age_minutes)
                .number("staleness_threshold_minutes", task.threshold_minutes)
                .text("health_status", name(task.health))
                .number("priority", task.priority);
        });
    });
}

std::string performance_document(const Performance& found) {
    return object_of([&](JsonObject& object) {
        object.number("total_tasks", found.total_tasks)
            .number("active_tasks", found.active_tasks)
            .number("completed_tasks", found.completed_tasks)
            .number("failed_tasks", found.failed_tasks)
            .raw("completion_rate", precise(found.completion_rate))
            .raw("error_rate", precise(found.error_rate))
            .raw("average_task_duration_seconds", precise(found.average_task_seconds))
            .raw("average_step_duration_seconds", precise(found.average_step_seconds))
            .number("tasks_per_hour", found.tasks_per_hour)
            .number("steps_per_hour", found.steps_per_hour)
            .raw("system_health_score", precise(found.health_score))
            .text("analysis_period_start", rfc3339(found.period_start_ms))
            .text("calculated_at", rfc3339(found.calculated_ms))
            .boolean("sampled", found.sampled);
    });
}

std::string bottlenecks_document(const Bottlenecks& found) {
    return object_of([&](JsonObject& object) {
        const std::string resources = object_of([&](JsonObject& inner) {
            inner.raw("database_pool_utilization", precise(found.pool_utilization))
                .raw("system_health", health_counts(found.counts));
        });
        object.raw("slow_steps", json_list(found.steps, slow_step))
            .raw("slow_tasks", json_list(found.tasks, slow_task))
            .raw("resource_utilization", resources)
            .raw("recommendations",
                 json_list(found.recommendations, [](const std::string& text) { return json_string(text); }));
    });
}

std::string event_page_document(const EventPage& page, std::int64_t after) {
    const std::string events = json_list(page.events, [](const StoredEvent& stored) {
        return object_of([&](JsonObject& object) {
            object.number("sequence", stored.sequence)
                .text("event_id", stored.event.event_id.str())
                .text("event_name", stored.event.name)
                .text("namespace", stored.event.namespace_name)
                .text("delivery_mode", name(stored.event.delivery))
                .time("stored_at", stored.stored_ms)
                .raw("event", stored.event.event_json);
        });
    });
    return object_of([&](JsonObject& object) {
        object.raw("events", events)
            .number("next_after", page.events.empty() ? after : page.events.back().sequence)
            .boolean("has_more", page.more);
    });
}

std::string event_counts_document(const std::vector<EventCount>& counts) {
    return json_list(counts, [](const EventCount& one) {
        return object_of([&](JsonObject& object) {
            object.text("namespace", one.namespace_name)
                .number("events", one.events)
                .number("bytes", one.bytes)
                .number("oldest_sequence", one.oldest_sequence)
                .number("newest_sequence", one.newest_sequence);
        });
    });
}

std::string prune_document(const PruneReport& report) {
    return object_of([&](JsonObject& object) {
        object.boolean("dry_run", report.dry_run)
            .number("complete_tasks", report.complete_tasks)
            .number("failed_tasks", report.failed_tasks)
            .number("steps", report.steps)
            .number("kept_pending_dlq", report.kept_pending_dlq)
            .number("identities", report.identities)
            .number("templates", report.templates)
            .number("lanes", report.lanes)
            .number("pages", report.pages)
            .number("free_pages", report.free_pages);
    });
}

}  // namespace tasker::host
