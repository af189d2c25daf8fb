#include "host/core/uuid.hpp"

#include <doctest/doctest.h>

#include <set>

#include "tests/support/manual_clock.hpp"

using namespace tasker::host;

TEST_CASE("UUID: text reads back, in either case, and nothing else is taken") {
    const auto uuid = Uuid::parse("0190C3A1-7b2c-7def-8123-456789abcdef");
    REQUIRE(uuid);
    CHECK(uuid->str() == "0190c3a1-7b2c-7def-8123-456789abcdef");
    for (const char* text : {"", "0190c3a17b2c7def8123456789abcdef", "0190c3a1-7b2c-7def-8123-456789abcdeg",
                             "0190c3a1-7b2c-7def-8123-456789abcde", "0190c3a1+7b2c-7def-8123-456789abcdef",
                             "{0190c3a1-7b2c-7def-8123-456789abcd}"}) {
        CAPTURE(text);
        CHECK_FALSE(Uuid::parse(text));
    }
    CHECK(Uuid{}.is_nil());
}

TEST_CASE("UUID: version 7 ones rise strictly, within a millisecond and when the wall clock steps back") {
    testing::ManualClock clock;
    SeededRandom random(1);
    UuidGenerator generator(clock, random);
    Uuid last = generator.next();
    for (int i = 0; i < 20'000; ++i) {
        if (i == 5000) clock.jump_wall(-3'600'000);
        if (i == 15'000) clock.jump_wall(7'200'000);
        const Uuid uuid = generator.next();
        REQUIRE(last < uuid);
        REQUIRE((uuid.bytes[6] >> 4U) == 7);
        REQUIRE((uuid.bytes[8] >> 6U) == 2);
        last = uuid;
    }
}

TEST_CASE("UUID: the first 48 bits are the wall clock's milliseconds") {
    testing::ManualClock clock(1'790'000'000'123);
    SeededRandom random(1);
    const Uuid uuid = UuidGenerator(clock, random).next();
    std::int64_t stamp = 0;
    for (std::size_t i = 0; i < 6; ++i) stamp = stamp * 256 + uuid.bytes[i];
    CHECK(stamp == 1'790'000'000'123);
}
