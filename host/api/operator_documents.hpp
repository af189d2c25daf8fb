#pragma once
// The documents of the routes for operators, as tasker-server answers them: dead letters have times without a zone and
// names in its own spelling (StalenessTimeout). Pure.

#include <cstdint>
#include <string>
#include <vector>

#include "host/engine/upkeep_options.hpp"
#include "host/model/analytics.hpp"
#include "host/model/dlq.hpp"
#include "host/runtime/event_queue.hpp"

namespace tasker::host {

std::string dlq_entry_document(const DlqEntry& entry);
std::string dlq_list_document(const std::vector<DlqEntry>& entries);
std::string dlq_stats_document(const std::vector<DlqStats>& stats);
std::string dlq_queue_document(const std::vector<DlqQueueItem>& items);
std::string staleness_document(const std::vector<WatchedTask>& tasks);

std::string performance_document(const Performance& found);
std::string bottlenecks_document(const Bottlenecks& found);

// {"events": [...], "next_after": N, "has_more": B}; each event as it is stored, beside its sequence.
std::string event_page_document(const EventPage& page, std::int64_t after);
std::string event_counts_document(const std::vector<EventCount>& counts);

std::string prune_document(const PruneReport& report);

}  // namespace tasker::host
