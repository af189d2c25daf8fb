#include "host/model/checkpoint.hpp"

#include <doctest/doctest.h>

#include <nlohmann/json.hpp>
#include <string>

using namespace tasker::host;

TEST_CASE("checkpoint: the record has the shape that handlers and a Tasker server know") {
    const std::string first = checkpoint_record({R"({"k":1})", 7, "[2]"}, 0, {});
    CHECK(nlohmann::json::parse(first) ==
          nlohmann::json::parse(
              R"({"cursor":{"k":1},"items_processed":7,"timestamp":"1970-01-01T00:00:00.000Z",)"
              R"("accumulated_results":[2],"history":[{"cursor":{"k":1},)"
              R"("timestamp":"1970-01-01T00:00:00.000Z"}]})"));
    const auto second = nlohmann::json::parse(checkpoint_record({"5", 8, ""}, 1000, first));
    CHECK(second["accumulated_results"].is_null());
    REQUIRE(second["history"].size() == 2);
    CHECK(second["history"][0]["cursor"]["k"] == 1);
    CHECK(second["history"][1]["cursor"] == 5);
}

TEST_CASE("checkpoint: the history keeps the newest thousand, and less when they are large") {
    std::string record;
    for (int i = 0; i < 1100; ++i) record = checkpoint_record({std::to_string(i), 1, ""}, i, record);
    auto history = nlohmann::json::parse(record)["history"];
    CHECK(history.size() == kMaxCheckpointHistory);
    CHECK(history.back()["cursor"] == 1099);
    CHECK(history.front()["cursor"] == 100);
    const std::string large = '"' + std::string(100'000, 'x') + '"';
    for (int i = 0; i < 5; ++i) record = checkpoint_record({large, 1, ""}, i, record);
    CHECK(record.size() < kMaxHistoryBytes + 2 * large.size());
    CHECK(nlohmann::json::parse(record)["history"].size() >= 2);
}

TEST_CASE("checkpoint: a step moved on when its cursor or its count is another") {
    const std::string record = checkpoint_record({"5", 8, ""}, 0, {});
    CHECK_FALSE(moved_on({"5", 8, "1"}, record));
    CHECK_FALSE(moved_on({" 5\n", 8, "1"}, record));
    CHECK(moved_on({"6", 8, ""}, record));
    CHECK(moved_on({"5", 9, ""}, record));
    CHECK(moved_on({"5", 8, ""}, {}));
}

TEST_CASE("checkpoint: what cannot be stored") {
    CHECK_FALSE(checkpoint_fault({"1", 1, ""}).has_value());
    CHECK(checkpoint_fault({"", 1, ""}).has_value());
    CHECK(checkpoint_fault({"{", 1, ""})->find("cursor") != std::string::npos);
    CHECK(checkpoint_fault({"1", 1, "nope"})->find("accumulated results") != std::string::npos);
    const std::string half = '"' + std::string(kMaxCheckpointBytes / 2, 'x') + '"';
    CHECK_FALSE(checkpoint_fault({half, 1, ""}).has_value());
    CHECK(checkpoint_fault({half, 1, half})->find("1 MiB") != std::string::npos);
}
