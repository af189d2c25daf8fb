#include "host/engine/identity_index.hpp"

#include <algorithm>
#include <cstring>

namespace tasker::host {

namespace {
// Beside what was just added: how a long list that was read back becomes short again.
constexpr std::size_t kCatchUp = 64;
}  // namespace

std::int64_t identity_prefix(std::string_view identity) {
    std::int64_t prefix = 0;
    std::memcpy(&prefix, identity.data(), sizeof prefix);
    return prefix;
}

IdentityIndex::IdentityIndex(SqlConnection& connection, std::size_t waiting)
    // Of a task that was pruned the identity is kept apart, for a while.
    : same_task_(connection.prepare("SELECT 1 FROM task WHERE task_id = ?1 AND identity = ?2 UNION ALL "
                                    "SELECT 1 FROM pruned_identity WHERE task_id = ?1 AND identity = ?2")),
      find_(connection.prepare("SELECT 1 FROM task_identity i LEFT JOIN task t USING(task_id) LEFT JOIN "
                               "pruned_identity p USING(task_id) "
                               "WHERE i.prefix = ?1 AND (t.identity = ?2 OR p.identity = ?2)")),
      // Not for the first time after a restart in mid-sweep: what was moved is read back too.
      insert_(connection.prepare("INSERT OR IGNORE INTO task_identity(prefix, task_id) VALUES(?, ?)")),
      remember_(connection.prepare("INSERT INTO meta(k, v) VALUES('identities_upto', ?), "
                                   "('identities_from', ?), ('identities_sweep', ?) "
                                   "ON CONFLICT(k) DO UPDATE SET v = excluded.v")),
      keep_(waiting) {
    Statement progress = connection.prepare("SELECT v FROM meta WHERE k = ?");
    const auto saved = [&](std::string_view key, std::int64_t otherwise) {
        auto rows = progress.query(key);
        return rows.next() ? rows.integer(0) : otherwise;
    };
    sweep_.upto = saved("identities_upto", 0);
    sweep_.from.first = saved("identities_from", INT64_MIN);
    Statement load = connection.prepare(
        "SELECT identity_prefix, task_id FROM task WHERE identity_prefix IS NOT NULL AND task_id > ?1 UNION "
        "ALL "
        "SELECT identity_prefix, task_id FROM pruned_identity WHERE task_id > ?1 ORDER BY task_id");
    for (auto rows = load.query(sweep_.upto); rows.next();) {
        last_task_ = rows.integer(1);
        waiting_.emplace(rows.integer(0), last_task_);
    }
    sweep_.last_task = saved("identities_sweep", last_task_);
    committed();
}

bool IdentityIndex::contains(std::int64_t prefix, std::string_view identity) {
    for (auto same = waiting_.lower_bound({prefix, INT64_MIN});
         same != waiting_.end() && same->first == prefix; ++same) {
        if (same_task_.query(same->second, Blob{identity}).next()) return true;
    }
    return find_.query(prefix, Blob{identity}).next();
}

void IdentityIndex::add(std::int64_t prefix, std::int64_t task_id) {
    waiting_.emplace(prefix, task_id);
    added_.emplace_back(prefix, task_id);
    last_task_ = task_id;
}

void IdentityIndex::flush() {
    if (added_.empty() || waiting_.size() <= keep_) return;
    const std::size_t count = std::min(waiting_.size() - keep_, 2 * added_.size() + kCatchUp);
    auto next = waiting_.lower_bound(sweep_.from);
    for (std::size_t i = 0; i < count; ++i) {
        if (next == waiting_.end()) {
            end_sweep();
            next = waiting_.begin();
        }
        insert_.run(next->first, next->second);
        moved_.push_back(*next);
        next = waiting_.erase(next);
    }
    if (next == waiting_.end()) {
        end_sweep();
    } else {
        sweep_.from = *next;
    }
    remember_.run(sweep_.upto, sweep_.from.first, sweep_.last_task);
}

void IdentityIndex::end_sweep() {
    const std::int64_t upto = sweep_.last_task;
    sweep_ = Sweep{};
    sweep_.upto = upto;
    sweep_.last_task = last_task_;
}

void IdentityIndex::committed() {
    added_.clear();
    moved_.clear();
    sweep_before_ = sweep_;
    last_task_before_ = last_task_;
}

void IdentityIndex::rolled_back() {
    waiting_.insert(moved_.begin(), moved_.end());
    for (const Entry& entry : added_) waiting_.erase(entry);
    sweep_ = sweep_before_;
    last_task_ = last_task_before_;
    committed();
}

}  // namespace tasker::host
