#pragma once
// The queue of domain events as its readers see it. Through a lent connection; any thread.

#include <string>
#include <vector>

#include "host/engine/sqlite.hpp"
#include "host/runtime/event_queue.hpp"

namespace tasker::host {

EventPage read_events(SqlConnection& reader, const std::string& namespace_name, std::int64_t after,
                      int limit);
std::vector<EventCount> count_events(SqlConnection& reader);

}  // namespace tasker::host
