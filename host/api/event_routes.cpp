// The durable queue of domain events: read after a sequence, acknowledged up to one. tasker-server has no such routes; there
// it is a queue of the database.

#include <array>
#include <charconv>
#include <limits>
#include <system_error>

#include "host/api/json_body.hpp"
#include "host/api/operator_documents.hpp"
#include "host/api/route_table.hpp"

namespace tasker::host {

namespace {
constexpr int kMaxEvents = 1000;
constexpr std::size_t kMaxNamespace = 128;

std::optional<std::int64_t> sequence(const std::string& text) {
    if (text.empty()) return 0;
    std::int64_t value = 0;
    const auto [end, fault] = std::from_chars(text.data(), text.data() + text.size(), value);
    if (fault != std::errc{} || end != text.data() + text.size() || value < 0) return std::nullopt;
    return value;
}

ApiResponse list_events(const Call& call) {
    const auto after = sequence(call.query("after"));
    const auto limit = number(call.query("limit"), 100, 1, kMaxEvents);
    if (!after) return bad_request("after must be a sequence number, 0 for the beginning");
    if (!limit) return bad_request("limit must be a number from 1 to " + std::to_string(kMaxEvents));
    const EventPage page = call.context.engine.events().list(call.query("namespace"), *after, *limit);
    return {200, event_page_document(page, *after)};
}

ApiResponse count_events(const Call& call) {
    return {200, event_counts_document(call.context.engine.events().counts())};
}

ApiResponse acknowledge(const Call& call) {
    JsonBody fields(call.request.body, {"namespace", "up_to"});
    const auto space = fields.text("namespace", kMaxNamespace, true);
    const auto up_to = fields.number("up_to", 1, std::numeric_limits<std::int64_t>::max(), true);
    if (!fields.fault().empty()) return bad_request(fields.fault());
    std::int64_t deleted = 0;
    if (const auto refused = call.context.engine.events().acknowledge(*space, *up_to, deleted))
        return refuse(*refused);
    return {200, "{\"acknowledged\":" + std::to_string(deleted) + "}"};
}

constexpr std::array kRoutes{
    Route{"GET", {"v1", "domain_events"}, list_events},
    Route{"GET", {"v1", "domain_events", "counts"}, count_events},
    Route{"POST", {"v1", "domain_events", "acknowledge"}, acknowledge},
};
}  // namespace

RouteTable event_routes() { return kRoutes; }

}  // namespace tasker::host
