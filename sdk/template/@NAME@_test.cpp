#define DOCTEST_CONFIG_IMPLEMENT_WITH_MAIN
#include "@NAME@.hpp"

#include <doctest/doctest.h>

#include <tasker/testing.hpp>

using tasker::testing::StepTest;

TEST_CASE("somebody is greeted with the configured word") {
    const auto run = StepTest::of<@CLASS@>().input({{"name", "Ada"}}).config({{"word", "Welcome"}}).run();
    CHECK(run->result()["greeting"] == "Welcome, Ada!");
}

TEST_CASE("without a name the world is greeted") {
    CHECK(StepTest::of<@CLASS@>().run()->result()["greeting"] == "Hello, world!");
}

TEST_CASE("a bad name is refused and not retried") {
    const auto empty = StepTest::of<@CLASS@>().input({{"name", ""}}).run();
    CHECK(empty->error_code() == "EMPTY_NAME");
    CHECK_FALSE(empty->retryable());
    const auto number = StepTest::of<@CLASS@>().input({{"name", 7}}).run();
    CHECK(number->error_message() == "input 'name': expected string, found integer");
}
