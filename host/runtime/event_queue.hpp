#pragma once
// The durable queue of domain events: what steps published, in the order in which their results were accepted. An event
// is there if and only if the result is. It stays until it is acknowledged, or too old, or pushed out by newer ones
// (UpkeepOptions). Blocking: an acknowledgement is durable when it returns. Thread-safe.

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "host/model/domain_event.hpp"
#include "host/model/task_request.hpp"

namespace tasker::host {

struct StoredEvent {
    std::int64_t sequence = 0;  // rising, never used twice
    DomainEvent event;
    std::int64_t stored_ms = 0;
};

struct EventPage {
    std::vector<StoredEvent> events;  // by sequence
    bool more = false;                // there are others after the last one
};

struct EventCount {
    std::string namespace_name;
    std::int64_t events = 0, bytes = 0, oldest_sequence = 0, newest_sequence = 0;
};

class EventQueue {
  public:
    virtual ~EventQueue() = default;

    // Events after `after` (0: from the beginning) of one namespace, of all when it is empty. At most `limit`, and about
    // 8 MiB; at least one if there is any.
    virtual EventPage list(const std::string& namespace_name, std::int64_t after, int limit) = 0;
    // Deletes the namespace's events up to and with `up_to`. How many there were goes to `deleted`. Nothing when it was
    // done.
    virtual std::optional<Refused> acknowledge(const std::string& namespace_name, std::int64_t up_to,
                                               std::int64_t& deleted) = 0;
    virtual std::vector<EventCount> counts() = 0;
};

}  // namespace tasker::host
