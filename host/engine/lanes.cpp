#include "host/engine/lanes.hpp"

#include "host/engine/sqlite.hpp"

namespace tasker::host {

void Lanes::load(SqlConnection& connection) {
    Statement select =
        connection.prepare("SELECT lane_id, ns, callable, method, paused, claim_limit FROM lane");
    for (auto rows = select.query(); rows.next();) {
        ClaimLane lane;
        lane.id = rows.integer(0);
        lane.key = {std::string(rows.text(1)), std::string(rows.text(2)), std::string(rows.text(3))};
        lane.paused = rows.integer(4) != 0;
        lane.limit = rows.maybe_integer(5);
        by_key_.insert_or_assign(lane.key, lane.id);
        by_id_.insert_or_assign(lane.id, std::move(lane));
    }
    recount(connection);
}

void Lanes::recount(SqlConnection& connection) {
    for (auto& [id, lane] : by_id_) lane.ready.clear();
    Statement count = connection.prepare(
        "SELECT lane, neg_prio, count(*) FROM step WHERE state = 1 GROUP BY lane, neg_prio");
    for (auto rows = count.query(); rows.next();) {
        if (const auto lane = by_id_.find(rows.integer(0)); lane != by_id_.end()) {
            lane->second.ready[rows.integer(1)] = rows.integer(2);
        }
    }
}

LaneId Lanes::ensure(SqlConnection& connection, const LaneKey& key) {
    if (const auto known = by_key_.find(key); known != by_key_.end()) return known->second;
    Statement insert =
        connection.prepare("INSERT INTO lane(ns, callable, method) VALUES(?, ?, ?) RETURNING lane_id");
    ClaimLane lane;
    for (auto rows = insert.query(key.namespace_name, key.callable, key.method); rows.next();)
        lane.id = rows.integer(0);
    fresh_.push_back(lane.id);
    lane.key = key;
    by_key_.insert_or_assign(key, lane.id);
    return by_id_.insert_or_assign(lane.id, std::move(lane)).first->first;
}

void Lanes::rolled_back() {
    for (const LaneId id : fresh_) {
        by_key_.erase(by_id_.at(id).key);
        by_id_.erase(id);
    }
    fresh_.clear();
}

void Lanes::forget(LaneId id) {
    by_key_.erase(by_id_.at(id).key);
    by_id_.erase(id);
}

void Lanes::take_ready(LaneId id, std::int64_t neg_prio) {
    auto& ready = by_id_.at(id).ready;
    const auto found = ready.find(neg_prio);
    if (found != ready.end() && --found->second <= 0) ready.erase(found);
}

}  // namespace tasker::host
