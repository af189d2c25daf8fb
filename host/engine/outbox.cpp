#include "host/engine/outbox.hpp"

#include <algorithm>

#include "host/core/json_text.hpp"

namespace tasker::host {

namespace {
constexpr std::int64_t kTrimBatch = 2000;
constexpr std::int64_t kTrimShare = 10;  // a look at every tenth of what the queue may hold
}  // namespace

std::string keep_queued(std::vector<DomainEvent>& events) {
    std::erase_if(events, [](const DomainEvent& event) { return event.delivery == DeliveryMode::Fast; });
    std::string dropped;
    const auto drop = [&](const DomainEvent& event, const std::string& why) {
        dropped += (dropped.empty() ? "" : "; ") + ("'" + event.name.substr(0, 128) + "': " + why);
    };
    std::erase_if(events, [&](const DomainEvent& event) {
        const auto fault = json_fault(event.event_json, {.max_depth = 200, .max_bytes = kMaxEventBytes});
        if (fault) drop(event, *fault);
        return fault.has_value();
    });
    if (events.size() > kMaxEventsOfResult) {
        drop(events[kMaxEventsOfResult],
             "more than " + std::to_string(kMaxEventsOfResult) + " events of one result");
        events.resize(kMaxEventsOfResult);
    }
    return dropped;
}

Outbox::Outbox(SqlConnection& connection)
    : connection_(connection),
      insert_(connection.prepare(
          "INSERT INTO domain_event(ns, event_id, name, delivery, stored_ms, bytes, event) "
          "VALUES(?, ?, ?, ?, ?, ?, ?)")) {}

void Outbox::store(const std::vector<DomainEvent>& events, std::int64_t now_ms) {
    for (const DomainEvent& event : events) {
        const Blob id{
            {reinterpret_cast<const char*>(event.event_id.bytes.data()), event.event_id.bytes.size()}};
        const auto bytes = static_cast<std::int64_t>(event.event_json.size());
        insert_.run(event.namespace_name, id, event.name, event.delivery, now_ms, bytes, event.event_json);
        ++stored_;
        stored_bytes_ += bytes;
    }
}

bool Outbox::wants_trim(const UpkeepOptions& limits) const {
    return stored_ > limits.max_events / kTrimShare || stored_bytes_ > limits.max_event_bytes / kTrimShare;
}

bool Outbox::trim(const UpkeepOptions& limits, std::int64_t now_ms, std::int64_t& pushed_out) {
    stored_ = stored_bytes_ = 0;
    std::int64_t events = 0, bytes = 0;
    {
        // Read from the index alone: its rows are small.
        Statement total =
            connection_.prepare("SELECT count(*), sum(bytes) FROM domain_event INDEXED BY domain_event_ns");
        auto rows = total.query();
        if (!rows.next() || rows.integer(0) == 0) return false;
        events = rows.integer(0);
        bytes = rows.integer(1);
    }
    std::int64_t last = 0, looked = 0;
    {
        Statement oldest =
            connection_.prepare("SELECT seq, stored_ms, bytes FROM domain_event ORDER BY seq LIMIT ?");
        for (auto rows = oldest.query(kTrimBatch); rows.next(); ++looked) {
            const bool too_old = rows.integer(1) <= now_ms - limits.retain_events_ms;
            const bool too_many = events > limits.max_events || bytes > limits.max_event_bytes;
            if (!too_old && !too_many) break;
            if (!too_old) ++pushed_out;
            last = rows.integer(0);
            --events;
            bytes -= rows.integer(2);
        }
    }
    if (last == 0) return false;
    connection_.prepare("DELETE FROM domain_event WHERE seq <= ?").run(last);
    return looked == kTrimBatch;
}

}  // namespace tasker::host
