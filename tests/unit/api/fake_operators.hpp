#pragma once
// What operators ask of an engine, without a store: what a test puts in comes out, what was asked is kept.

#include <optional>
#include <string>
#include <vector>

#include "host/engine/engine.hpp"

namespace tasker::host::testing {

struct FakeDlq final : DlqClient {
    std::vector<DlqEntry> list(const DlqFilter& asked) override {
        filter = asked;
        return entries;
    }
    std::optional<DlqEntry> find_by_task(const Uuid& task) override {
        for (const DlqEntry& entry : entries) {
            if (entry.task_uuid == task) return entry;
        }
        return std::nullopt;
    }
    std::optional<Refused> update(const Uuid& uuid, const DlqUpdate& asked) override {
        for (const DlqEntry& entry : entries) {
            if (entry.entry_uuid != uuid) continue;
            updates.push_back(asked);
            return std::nullopt;
        }
        return Refused{Refusal::NotFound, "no such entry", ""};
    }
    std::vector<DlqStats> stats() override { return stats_; }
    std::vector<DlqQueueItem> investigation_queue(std::int64_t asked) override {
        limit = asked;
        return queue;
    }
    std::vector<WatchedTask> staleness(std::int64_t asked) override {
        limit = asked;
        return watched;
    }

    DlqFilter filter;
    std::int64_t limit = 0;
    std::vector<DlqEntry> entries;
    std::vector<DlqUpdate> updates;
    std::vector<DlqStats> stats_;
    std::vector<DlqQueueItem> queue;
    std::vector<WatchedTask> watched;
};

struct FakeAnalytics final : AnalyticsClient {
    Performance performance(int asked) override {
        hours = asked;
        return performance_;
    }
    Bottlenecks bottlenecks(int asked, int least) override {
        limit = asked;
        min_executions = least;
        return bottlenecks_;
    }
    int hours = -1, limit = -1, min_executions = -1;
    Performance performance_;
    Bottlenecks bottlenecks_;
};

struct FakeEvents final : EventQueue {
    EventPage list(const std::string& asked, std::int64_t behind, int most) override {
        namespace_name = asked;
        after = behind;
        limit = most;
        return page;
    }
    std::optional<Refused> acknowledge(const std::string& asked, std::int64_t until,
                                       std::int64_t& deleted) override {
        namespace_name = asked;
        up_to = until;
        deleted = 3;
        return std::nullopt;
    }
    std::vector<EventCount> counts() override { return counts_; }

    std::string namespace_name;
    std::int64_t after = -1, up_to = -1;
    int limit = -1;
    EventPage page;
    std::vector<EventCount> counts_;
};

}  // namespace tasker::host::testing
