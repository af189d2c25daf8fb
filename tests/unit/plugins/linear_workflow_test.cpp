#include "plugins/linear_workflow/handlers.hpp"

#include <doctest/doctest.h>

#include <cstdint>
#include <limits>
#include <tasker/testing.hpp>

using tasker::json;
using tasker::testing::StepTest;
using namespace linear_workflow;

namespace {

constexpr std::int64_t kMax = std::numeric_limits<std::int64_t>::max();
constexpr std::int64_t kMin = std::numeric_limits<std::int64_t>::min();

template <class H>
tasker::testing::StepRun compute(const char* before, const json& value, const json& operand) {
    return StepTest::of<H>().dependency(before, {{"value", value}}).config({{"operand", operand}}).run();
}

}  // namespace

TEST_CASE("the example's four steps turn 6 into 36, 46, 138 and 69") {
    const auto squared = StepTest::of<Square>().input({{"number", 6}}).run();
    CHECK(squared->result() == json{{"value", 36}});
    const auto added = compute<Add>("square", squared->result()["value"], 10);
    CHECK(added->result() == json{{"value", 46}});
    const auto multiplied = compute<Multiply>("add", added->result()["value"], 3);
    CHECK(multiplied->result() == json{{"value", 138}});
    CHECK(compute<Divide>("multiply", multiplied->result()["value"], 2)->result() == json{{"value", 69}});
}

TEST_CASE("an odd number has no integer at the end and fails there for good") {
    const auto run = compute<Divide>("multiply", (7 * 7 + 10) * 3, 2);
    CHECK(run->error_message() == "177 / 2 is not an integer");
    CHECK(run->error_code() == "INEXACT_DIVISION");
    CHECK_FALSE(run->retryable());
}

TEST_CASE("values at the edge of 64 bits are exact, and beyond it a permanent failure") {
    struct Row {
        const char* name;
        tasker::testing::StepRun run;
        const char* code;
        std::int64_t value;
    };
    const Row rows[] = {
        {"square edge", StepTest::of<Square>().input({{"number", 3037000499}}).run(), "",
         9223372030926249001},
        {"square over", StepTest::of<Square>().input({{"number", 3037000500}}).run(), "OVERFLOW", 0},
        {"square negative", StepTest::of<Square>().input({{"number", -3}}).run(), "", 9},
        {"add edge", compute<Add>("square", kMax - 10, 10), "", kMax},
        {"add over", compute<Add>("square", kMax - 9, 10), "OVERFLOW", 0},
        {"add under", compute<Add>("square", kMin, -1), "OVERFLOW", 0},
        {"multiply over", compute<Multiply>("add", kMax, 2), "OVERFLOW", 0},
        {"multiply by zero", compute<Multiply>("add", kMax, 0), "", 0},
        {"divide negative", compute<Divide>("multiply", -138, 2), "", -69},
        {"divide by zero", compute<Divide>("multiply", 138, 0), "DIVISION_BY_ZERO", 0},
        {"divide inexactly", compute<Divide>("multiply", 139, 2), "INEXACT_DIVISION", 0},
        {"divide the lowest by -1", compute<Divide>("multiply", kMin, -1), "OVERFLOW", 0},
    };
    for (const auto& row : rows) {
        CAPTURE(row.name);
        CHECK(row.run->error_code() == row.code);
        if (*row.code == '\0') {
            CHECK(row.run->result() == json{{"value", row.value}});
        } else {
            CHECK(row.run->error_type() == "permanent_error");
            CHECK_FALSE(row.run->retryable());
        }
    }
}

TEST_CASE("input, operand and earlier value are validated") {
    struct Row {
        tasker::testing::StepRun run;
        const char* message;
    };
    const Row rows[] = {
        {StepTest::of<Square>().run(), "input 'number' is required and is missing"},
        {StepTest::of<Square>().input({{"number", nullptr}}).run(), "input 'number' is required and is null"},
        {StepTest::of<Square>().input({{"number", "6"}}).run(),
         "input 'number': expected integer, found string"},
        {StepTest::of<Square>().input({{"number", 6.5}}).run(),
         "input 'number': expected integer, found number"},
        {StepTest::of<Add>().config({{"operand", 1}}).run(),
         "field of dependency 'square.value' is required and is missing"},
        {StepTest::of<Add>().dependency("square", {{"value", 1}}).run(),
         "config 'operand' is required and is missing"},
        {compute<Divide>("multiply", "x", 2),
         "field of dependency 'multiply.value': expected integer, found string"},
    };
    for (const auto& row : rows) {
        CHECK(row.run->error_message() == row.message);
        CHECK(row.run->error_type() == "validation_error");
        CHECK_FALSE(row.run->retryable());
    }
}
