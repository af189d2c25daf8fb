#include <doctest/doctest.h>

#include <set>

#include "host/engine/row_uuid.hpp"

using namespace tasker::host;

TEST_CASE("A derived UUID is a version 7 UUID that gives its row back") {
    const RowUuid ids(0x1234567890ABCDEF);
    std::set<Uuid> seen;
    for (const std::int64_t id :
         {std::int64_t{1}, std::int64_t{2}, std::int64_t{4'000'000}, (std::int64_t{1} << 40) - 1}) {
        for (const std::int64_t created : {std::int64_t{0}, std::int64_t{1'790'000'000'000}}) {
            const Uuid uuid = ids.make(RowKind::Step, created, id);
            CHECK(uuid.str()[14] == '7');
            CHECK(std::string("89ab").find(uuid.str()[19]) != std::string::npos);
            const auto row = ids.parse(RowKind::Step, uuid);
            REQUIRE(row);
            CHECK(row->id == id);
            CHECK(row->created_ms == created);
            CHECK(seen.insert(uuid).second);
        }
    }
}

TEST_CASE("A UUID of another kind, another store or a changed bit is not ours") {
    const RowUuid ids(42);
    const Uuid uuid = ids.make(RowKind::Task, 1'790'000'000'000, 17);
    CHECK_FALSE(ids.parse(RowKind::Step, uuid));
    CHECK_FALSE(RowUuid(43).parse(RowKind::Task, uuid));
    for (std::size_t bit = 0; bit < 128; ++bit) {
        Uuid changed = uuid;
        changed.bytes[bit / 8] = static_cast<std::uint8_t>(changed.bytes[bit / 8] ^ (1U << (bit % 8)));
        CHECK_FALSE(ids.parse(RowKind::Task, changed));
    }
    CHECK_FALSE(ids.parse(RowKind::Task, Uuid{}));
}
