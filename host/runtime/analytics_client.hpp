#pragma once
// Figures about the past, at a bounded price: at most the newest 100,000 tasks and 100,000 ended claims are looked at, on a
// reading connection. Blocking. Thread-safe.

#include "host/model/analytics.hpp"

namespace tasker::host {

class AnalyticsClient {
  public:
    virtual ~AnalyticsClient() = default;

    // `hours` back from now; 0: one hour.
    virtual Performance performance(int hours) = 0;
    // Of the last 24 hours; what ran fewer than `min_executions` times does not count.
    virtual Bottlenecks bottlenecks(int limit, int min_executions) = 0;
};

}  // namespace tasker::host
