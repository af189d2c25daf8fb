#pragma once
// How much of the store's file is free, and when that is worth making it smaller: only when it is much, and not to the last
// page, because new rows want room too.

#include <cstdint>

#include "host/engine/sqlite.hpp"

namespace tasker::host {

struct FreePages {
    explicit FreePages(SqlConnection& connection)
        : pages(connection.integer("PRAGMA page_count")), free(connection.integer("PRAGMA freelist_count")) {}

    bool worth_shrinking() const { return free > kFew && free > pages / 4; }
    bool worth_going_on() const { return free > kFew && free > pages / 10; }

    static constexpr std::int64_t kFew = 4096;
    std::int64_t pages = 0, free = 0;
};

}  // namespace tasker::host
