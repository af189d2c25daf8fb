#pragma once
// What a worker counts, in the text format of Prometheus (version 0.0.4). The names of a Tasker worker where it has them
// (protocol.md part 10), and ours. Pure.

#include <cstddef>
#include <string>
#include <vector>

#include "host/engine/engine.hpp"
#include "host/model/worker_status.hpp"

namespace tasker::host {

// Labels take their values from closed sets: what plugins and templates name, and of these so many at most. Those above
// are added up under "other".
inline constexpr std::size_t kMaxMetricSeries = 200;

struct MetricFacts {
    WorkerStatus status;
    std::vector<HandlerCounts> handlers{};
    std::string version{};
    std::vector<QueueDepth> queues{};  // empty, too, when the store cannot be read
    bool store_in_trouble = false;
};

// Label values are escaped, whatever is in them.
std::string metrics_text(const MetricFacts& facts);

}  // namespace tasker::host
