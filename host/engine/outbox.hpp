#pragma once
// Domain events on their way out: written in the transaction that accepts the result which published them, so that an event
// exists if and only if its result does. Writer thread only; inside a transaction.

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "host/engine/sqlite.hpp"
#include "host/engine/upkeep_options.hpp"
#include "host/model/domain_event.hpp"

namespace tasker::host {

inline constexpr std::size_t kMaxEventBytes = std::size_t{4} << 20U;  // an event holds the step's whole input
inline constexpr std::size_t kMaxEventsOfResult = 1000;

// Takes out what is not for the queue (fast delivery) and what it cannot hold. What was dropped, in words; empty when
// nothing was. Any thread.
std::string keep_queued(std::vector<DomainEvent>& events);

class Outbox {
  public:
    explicit Outbox(SqlConnection& connection);

    void store(const std::vector<DomainEvent>& events, std::int64_t now_ms);
    // Enough was stored since the last trim() that it is worth another look.
    bool wants_trim(const UpkeepOptions& limits) const;
    // Deletes some of what is too old or too much, oldest first. What was pushed out unread by newer events goes to
    // `pushed_out`. True when there is more to delete.
    bool trim(const UpkeepOptions& limits, std::int64_t now_ms, std::int64_t& pushed_out);

  private:
    SqlConnection& connection_;
    Statement insert_;
    std::int64_t stored_ = 0, stored_bytes_ = 0;  // since the last trim
};

}  // namespace tasker::host
