#pragma once
// Figures about the past, from the newest rows of the store. Through a lent connection; any thread.

#include <cstdint>

#include "host/engine/pinned_templates.hpp"
#include "host/engine/sqlite.hpp"
#include "host/model/analytics.hpp"

namespace tasker::host {

Performance measure_performance(SqlConnection& reader, int hours, std::int64_t now_ms);
Bottlenecks find_bottlenecks(SqlConnection& reader, PinnedTemplates& pinned, int limit, int min_executions,
                             std::int64_t now_ms);

}  // namespace tasker::host
