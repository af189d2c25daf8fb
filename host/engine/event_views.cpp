#include "host/engine/event_views.hpp"

#include <algorithm>

namespace tasker::host {

namespace {
constexpr std::size_t kMaxPageBytes = std::size_t{8} << 20U;
}  // namespace

EventPage read_events(SqlConnection& reader, const std::string& namespace_name, std::int64_t after,
                      int limit) {
    const std::string columns =
        "SELECT seq, ns, event_id, name, delivery, stored_ms, event FROM domain_event ";
    Statement select = namespace_name.empty()
                           ? reader.prepare(columns + "WHERE seq > ?2 AND ?1 = '' ORDER BY seq LIMIT ?3")
                           : reader.prepare(columns + "WHERE ns = ?1 AND seq > ?2 ORDER BY seq LIMIT ?3");
    EventPage page;
    std::size_t bytes = 0;
    for (auto rows = select.query(namespace_name, after, std::int64_t{limit} + 1); rows.next();) {
        bytes += rows.text(6).size();
        page.more = !page.events.empty() &&
                    (page.events.size() >= static_cast<std::size_t>(limit) || bytes > kMaxPageBytes);
        if (page.more) break;
        StoredEvent stored;
        stored.sequence = rows.integer(0);
        stored.event.namespace_name = rows.text(1);
        const std::string_view id = rows.text(2);
        std::copy_n(id.begin(), std::min(id.size(), stored.event.event_id.bytes.size()),
                    stored.event.event_id.bytes.begin());
        stored.event.name = rows.text(3);
        stored.event.delivery = static_cast<DeliveryMode>(rows.integer(4));
        stored.stored_ms = rows.integer(5);
        stored.event.event_json = rows.text(6);
        page.events.push_back(std::move(stored));
    }
    return page;
}

std::vector<EventCount> count_events(SqlConnection& reader) {
    Statement select = reader.prepare(
        "SELECT ns, count(*), sum(bytes), min(seq), max(seq) FROM domain_event INDEXED BY domain_event_ns "
        "GROUP BY ns");
    std::vector<EventCount> counts;
    for (auto rows = select.query(); rows.next();) {
        counts.push_back(
            {std::string(rows.text(0)), rows.integer(1), rows.integer(2), rows.integer(3), rows.integer(4)});
    }
    return counts;
}

}  // namespace tasker::host
