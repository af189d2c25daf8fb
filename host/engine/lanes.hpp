#pragma once
// Claim lanes: (namespace, callable, method) as a small number, and what is ready in each, kept beside the store's ready
// index so that an empty lane costs nothing. Used by the writer thread only.

#include <compare>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

namespace tasker::host {

class SqlConnection;

using LaneId = std::int64_t;

struct LaneKey {
    std::string namespace_name, callable, method;
    friend auto operator<=>(const LaneKey&, const LaneKey&) = default;
};

struct ClaimLane {
    LaneId id = 0;
    LaneKey key;
    bool paused = false;
    std::optional<std::int64_t> limit;  // claimed at the same time, all sessions together
    std::int64_t claimed = 0;
    std::map<std::int64_t, std::int64_t> ready;  // negative priority -> steps
    std::int64_t unserved_since_ms = 0;          // steady; 0: somebody serves it
    std::int64_t wait_at_least_until_ms = 0;  // steady; its steps are not given up before, whatever their age

    bool open() const { return !paused && !ready.empty() && (!limit || claimed < *limit); }
};

class Lanes {
  public:
    void load(SqlConnection& connection);
    // Counts the ready index again: after open, and after a rollback.
    void recount(SqlConnection& connection);
    // Finds or inserts the lane. A new one is written by the transaction in progress.
    LaneId ensure(SqlConnection& connection, const LaneKey& key);
    // The lanes that were added since the last commit are there to stay, or never were.
    void committed() { fresh_.clear(); }
    void rolled_back();

    // The lane's row was deleted. Precondition: nobody serves it and no step is in it.
    void forget(LaneId id);

    // Precondition: `id` came from here.
    ClaimLane& at(LaneId id) { return by_id_.at(id); }
    const ClaimLane& at(LaneId id) const { return by_id_.at(id); }
    std::map<LaneId, ClaimLane>& all() { return by_id_; }
    const std::map<LaneId, ClaimLane>& all() const { return by_id_; }
    void add_ready(LaneId id, std::int64_t neg_prio) { ++by_id_.at(id).ready[neg_prio]; }
    void take_ready(LaneId id, std::int64_t neg_prio);

  private:
    std::map<LaneId, ClaimLane> by_id_;
    std::map<LaneKey, LaneId> by_key_;
    std::vector<LaneId> fresh_;
};

}  // namespace tasker::host
