#pragma once
// What a worker counts, in the text format of Prometheus (version 0.0.4). Pure.

#include <cstddef>
#include <string>
#include <vector>

#include "host/model/worker_status.hpp"

namespace tasker::host {

inline constexpr std::size_t kMaxMetricSeries = 200;  // callables above that are added up under "other"

// Label values are escaped, whatever is in them.
std::string metrics_text(const WorkerStatus& status, const std::vector<HandlerCounts>& handlers);

}  // namespace tasker::host
