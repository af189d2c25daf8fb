#pragma once
// Which identities were submitted before. Identities are hashes, so an index that takes each one at once rewrites a page
// for every submission as soon as it is bigger than a few hundred pages. Therefore the newest identities wait in memory,
// in the order of the index, and go into it in runs of neighbours that share pages: each transaction that adds some
// moves as many, and sweeps through the index over and over. The task rows are the truth: an identity that is not in
// the index yet is read back from them at the next start. Writer thread only.

#include <cstddef>
#include <cstdint>
#include <set>
#include <string_view>
#include <utility>
#include <vector>

#include "host/engine/sqlite.hpp"

namespace tasker::host {

class IdentityIndex {
  public:
    static constexpr std::size_t kWaiting = 32'768;  // about 2 MiB

    // Reads back what waited. `waiting` is what is kept in memory; tests make it small.
    explicit IdentityIndex(SqlConnection& connection, std::size_t waiting = kWaiting);

    // The rest inside a transaction. The connection outlives the index.
    bool contains(std::int64_t prefix, std::string_view identity);
    // The row of `task_id`, which is the highest so far, is in the store.
    void add(std::int64_t prefix, std::int64_t task_id);
    // Moves what is too much into the store. Before the commit.
    void flush();
    void committed();
    void rolled_back();

  private:
    using Entry = std::pair<std::int64_t, std::int64_t>;  // prefix, task row: the order of the index

    void end_sweep();

    Statement same_task_, find_, insert_, remember_;
    const std::size_t keep_;
    std::set<Entry> waiting_;
    std::int64_t last_task_ = 0;
    // A sweep that came to its end has moved every task up to the one that was the last when it began.
    struct Sweep {
        Entry from{INT64_MIN, INT64_MIN};
        std::int64_t last_task = 0;
        std::int64_t upto = 0;  // what the sweeps before have moved
    };
    Sweep sweep_, sweep_before_;
    std::int64_t last_task_before_ = 0;
    std::vector<Entry> added_, moved_;  // in the transaction in progress
};

// The first bytes of an identity, as the index holds them.
std::int64_t identity_prefix(std::string_view identity);

}  // namespace tasker::host
