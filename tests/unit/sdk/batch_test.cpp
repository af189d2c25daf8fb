// Batches: cutting, the analyzer, the worker with its checkpoints, the aggregator.
#include <limits>
#include <random>
#include <string>
#include <vector>

#include "support.hpp"

using tasker::BatchConfig;
using tasker::BatchWorkerContext;
using tasker::BatchWorkerOutcome;
using tasker::create_cursor_configs;
using tasker::create_cursor_ranges;
using tasker::CursorConfig;
using tasker::json;
using tasker::StepContext;
using tasker::StepHandlerResult;
using tasker::ValidationError;
using tasker::testing::StepTest;

namespace {

std::vector<std::int64_t> sizes(const std::vector<CursorConfig>& cursors) {
    std::vector<std::int64_t> all;
    for (const auto& cursor : cursors) all.push_back(cursor.batch_size);
    return all;
}

// Every item is in exactly one batch, in order; no batch is empty; ids count up.
void check_cover(const std::vector<CursorConfig>& cursors, std::int64_t total) {
    std::int64_t at = 0, number = 0;
    for (const auto& cursor : cursors) {
        ++number;
        const std::string digits = std::to_string(number);
        CHECK(cursor.batch_id == std::string(digits.size() < 3 ? 3 - digits.size() : 0, '0') + digits);
        CHECK(cursor.start_cursor == at);
        CHECK(cursor.batch_size > 0);
        at += cursor.batch_size;
        CHECK(cursor.end_cursor == at);
    }
    CHECK(at == total);
}

class Analyze : public tasker::BatchAnalyzer {
  public:
    static constexpr std::string_view handler_name = "test.analyze";
    StepHandlerResult call(StepContext& context) override {
        const auto mode = context.require_input<std::string>("mode");
        if (mode == "workers")
            return batch_analyzer_success("load", create_cursor_configs(1000, 3), 1000, {{"m", 1}});
        if (mode == "zero") return batch_analyzer_success("load", create_cursor_configs(0, 3));
        if (mode == "flexible") {
            return batch_analyzer_success("load", {{"x", "a", "m", 10}, {"y", {{"k", 1}}, {{"k", 9}}, 0}});
        }
        if (mode == "twice") return batch_analyzer_success("load", {{"x", 0, 1, 1}, {"x", 1, 2, 1}});
        if (mode == "none") return no_batches_result("empty file", {{"rows", 0}});
        return batch_failure("no file");
    }
};

using AnalyzeRows =
    tasker::batch_analyzer_function<"test.rows", "load",
                                    [](const json& rows) {
                                        return BatchConfig{.total_items = rows.get<int>(), .batch_size = 2};
                                    },
                                    tasker::inputs<"rows">>;

using AnalyzeNames = tasker::batch_analyzer_function<"test.names", "load", [](StepContext&) {
    return std::vector<CursorConfig>{{"n", "a", "z", 26}};
}>;

// One item a call; the last call ends it.
class Load : public tasker::BatchWorker {
  public:
    static constexpr std::string_view handler_name = "test.load";
    StepHandlerResult call(StepContext& context) override {
        if (auto nothing = tasker::handle_no_op_worker(context)) return *nothing;
        const BatchWorkerContext batch(context);
        const auto done = static_cast<std::int64_t>(batch.items_processed()) + 1;
        auto sum = batch.accumulated_results().value_or(json::array());
        sum.push_back(batch.position());
        if (batch.position() + 1 < batch.end_cursor())
            return checkpoint_yield(batch.position() + 1, done, sum);
        return batch_worker_success(
            {.items_processed = done, .last_cursor = batch.end_cursor(), .results = sum});
    }
};

using LoadOne = tasker::batch_worker_function<
    "test.load_one",
    [](const BatchWorkerContext& batch, const json& factor) {
        if (batch.has_checkpoint())
            return BatchWorkerOutcome{.items_processed = factor.get<int>()}.to_step_result();
        return tasker::CheckpointYield{batch.end_cursor() - 1, 1}.to_step_result();
    },
    tasker::inputs<"factor">>;

using Sum =
    tasker::aggregator_function<"test.sum", "analyze", "load_", [](const tasker::AggregationScenario& all) {
        return tasker::aggregate_batch_worker_results(all);
    }>;

tasker::testing::StepRun analyzed(const char* mode) {
    return StepTest::of<Analyze>().input({{"mode", mode}}).run();
}

json cursor(json start, json end) {
    return {{"batch_id", "001"},
            {"start_cursor", std::move(start)},
            {"end_cursor", std::move(end)},
            {"batch_size", 3}};
}

}  // namespace

TEST_CASE("B01: work for a number of workers is cut evenly, ids count from 001, no batch is empty") {
    CHECK(sizes(create_cursor_configs(1000, 3)) == std::vector<std::int64_t>{334, 334, 332});
    CHECK(sizes(create_cursor_configs(2, 5)) == std::vector<std::int64_t>{1, 1});
    CHECK(sizes(create_cursor_configs(10, 4)) == std::vector<std::int64_t>{3, 3, 3, 1});
    CHECK(create_cursor_configs(0, 3).empty());
    CHECK(create_cursor_configs(1000, 1000).back().batch_id == "1000");
    CHECK_THROWS_AS(create_cursor_configs(5, 0), ValidationError);
    CHECK_THROWS_AS(create_cursor_configs(-1, 2), ValidationError);
    CHECK_THROWS_AS(create_cursor_configs(std::numeric_limits<std::int64_t>::max(), 1), ValidationError);
}

TEST_CASE("B02: ranges cover every item once, whatever the sizes") {
    CHECK(sizes(create_cursor_ranges(5, 2)) == std::vector<std::int64_t>{2, 2, 1});
    CHECK(sizes(create_cursor_ranges(10, 2, 3)) == std::vector<std::int64_t>{4, 4, 2});
    CHECK(sizes(create_cursor_ranges(10, 9, 3)) == std::vector<std::int64_t>{9, 1});
    CHECK(create_cursor_ranges(0, 2).empty());
    CHECK_THROWS_AS(create_cursor_ranges(5, 0), ValidationError);
    CHECK_THROWS_AS(create_cursor_ranges(-5, 1), ValidationError);
    CHECK_THROWS_AS(create_cursor_ranges(5, 1, -1), ValidationError);
    CHECK_THROWS_AS(create_cursor_ranges(100'001, 1), ValidationError);
    std::mt19937_64 random(20241);
    const auto up_to = [&](std::int64_t most) {
        return static_cast<std::int64_t>(random() % static_cast<std::uint64_t>(most + 1));
    };
    for (int i = 0; i < 2000; ++i) {
        const auto total = up_to(5000), size = 1 + up_to(300), most = up_to(40), workers = 1 + up_to(60);
        CAPTURE(total);
        CAPTURE(size);
        CAPTURE(most);
        CAPTURE(workers);
        const auto ranges = create_cursor_ranges(total, size, most);
        check_cover(ranges, total);
        if (most > 0) CHECK(ranges.size() <= static_cast<std::size_t>(most));
        const auto configs = create_cursor_configs(total, workers);
        check_cover(configs, total);
        CHECK(configs.size() <= static_cast<std::size_t>(workers));
    }
}

TEST_CASE("B03: cursors are integers, strings or objects") {
    const auto run = analyzed("flexible");
    REQUIRE(run.batches().size() == 2);
    CHECK(run.batches()[0] ==
          json{{"batch_id", "x"}, {"start_cursor", "a"}, {"end_cursor", "m"}, {"batch_size", 10}});
    CHECK(run.batches()[1]["end_cursor"] == json{{"k", 9}});
}

TEST_CASE("B04: an analyzer's result has batch_processing_outcome with equal counts") {
    const auto run = analyzed("workers");
    const auto& outcome = run->result()["batch_processing_outcome"];
    CHECK(outcome["type"] == "create_batches");
    CHECK(outcome["worker_template_name"] == "load");
    CHECK(outcome["worker_count"] == 3);
    CHECK(outcome["cursor_configs"].size() == 3);
    CHECK(outcome["total_items"] == 1000);
    CHECK(run->result()["worker_count"] == 3);
    CHECK(run->result()["total_items"] == 1000);
    CHECK(run->result()["batch_metadata"] == json{{"m", 1}});
    CHECK(run->metadata() == json{{"batch_analyzer", true}});
    const auto twice = analyzed("twice");
    CHECK(twice->error_code() == "INVALID_BATCH_OUTCOME");
    CHECK_FALSE(twice->retryable());
    CHECK(analyzed("other")->error_code() == "BATCH_ERROR");
}

TEST_CASE("B05: no batches, with a reason") {
    const auto run = analyzed("none");
    CHECK(run.batches().empty());
    CHECK(run->result() == json{{"batch_processing_outcome", {{"type", "no_batches"}}},
                                {"reason", "empty file"},
                                {"rows", 0}});
}

TEST_CASE("B06: zero items are no batches by themselves") {
    CHECK(analyzed("zero")->result()["batch_processing_outcome"] == json{{"type", "no_batches"}});
    const auto run = StepTest::of<AnalyzeRows>().input({{"rows", 0}}).run();
    CHECK(run->result()["batch_processing_outcome"] == json{{"type", "no_batches"}});
    CHECK(run->result()["reason"] == "no items");
}

TEST_CASE("H08: lambdas analyse, work and aggregate") {
    CHECK(StepTest::of<AnalyzeRows>().input({{"rows", 5}}).run().batches().size() == 3);
    CHECK(StepTest::of<AnalyzeNames>().run().batches()[0]["batch_id"] == "n");
    CHECK(StepTest::of<AnalyzeRows>().run()->error_code() == "MISSING_VALUE");
    auto worker = StepTest::of<LoadOne>();
    worker.batch(cursor(0, 3)).input({{"factor", 7}});
    const auto first = worker.run();
    REQUIRE(first.yielded());
    CHECK(first.checkpoints().at(0).cursor == 2);
    CHECK(worker.resume(first).run()->result()["items_processed"] == 7);
    CHECK(StepTest::of<LoadOne>().no_op_batch().run()->result()["no_op"] == true);
}

TEST_CASE("B07: a placeholder ends at once with a no-op") {
    const auto run = StepTest::of<Load>().no_op_batch().run();
    CHECK(run->result() == json{{"batch_id", "000"},
                                {"no_op", true},
                                {"processed_count", 0},
                                {"message", "there was nothing to process"}});
}

namespace {
class Look : public tasker::BatchWorker {
  public:
    static constexpr std::string_view handler_name = "test.look";
    StepHandlerResult call(StepContext& context) override {
        const BatchWorkerContext batch(context);
        return success({{"id", batch.batch_id()},
                        {"start", batch.start_cursor<json>()},
                        {"at", batch.position<json>()},
                        {"size", batch.batch_size()},
                        {"field", batch.cursor_field()},
                        {"strategy", batch.failure_strategy()},
                        {"items", batch.items_processed()},
                        {"state", batch.accumulated_results().value_or("none")}});
    }
};
}  // namespace

TEST_CASE("B08: the batch of a worker is validated and has the checkpoint") {
    const auto look = [](const json& given) { return StepTest::of<Look>().batch(given).run(); };
    CHECK(look(cursor(0, 3))->result() == json{{"id", "001"},
                                               {"start", 0},
                                               {"at", 0},
                                               {"size", 3},
                                               {"field", "id"},
                                               {"strategy", "fail_fast"},
                                               {"items", 0},
                                               {"state", "none"}});
    CHECK(look(cursor("a", "b"))->result()["start"] == "a");
    CHECK(look(cursor({{"k", 1}}, {{"k", 2}}))->result()["start"] == json{{"k", 1}});
    const auto resumed =
        StepTest::of<Look>()
            .batch(cursor(0, 3))
            .checkpoint({{"cursor", 0}, {"items_processed", 5}, {"accumulated_results", {1}}})
            .run();
    CHECK(resumed->result()["items"] == 5);
    CHECK(resumed->result()["state"] == json{1});

    json nameless = cursor(0, 3);
    nameless["batch_id"] = "";
    const std::vector<std::pair<json, std::string>> rows{
        {json::object(), "no cursor"},        {nameless, "no batch_id"},
        {cursor(nullptr, 3), "start_cursor"}, {cursor(0, nullptr), "end_cursor"},
        {cursor(0, "z"), "of two types"},     {cursor(4, 3), "behind end_cursor"},
    };
    for (const auto& [given, part] : rows) {
        const auto run = look(given);
        CHECK(run->error_code() == "INVALID_BATCH_CURSOR");
        CHECK_FALSE(run->retryable());
        CHECK_MESSAGE(run->error_message().find(part) != std::string::npos, run->error_message());
    }
    CHECK(StepTest::of<Look>().run()->error_code() == "INVALID_BATCH_CURSOR");
}

TEST_CASE("B09: a worker's result has the flat names") {
    const auto result = BatchWorkerOutcome{
        .items_processed = 10,
        .items_failed = 1,
        .items_skipped = 2,
        .last_cursor = 9,
        .errors = {{{"row", 3}}},
        .batch_metadata = {
            {"file", "x"}}}.to_step_result();
    CHECK(result.result() == json{{"items_processed", 10},
                                  {"items_succeeded", 7},
                                  {"items_failed", 1},
                                  {"items_skipped", 2},
                                  {"last_cursor", 9},
                                  {"errors", {{{"row", 3}}}},
                                  {"batch_metadata", {{"file", "x"}}}});
    CHECK(result.metadata() == json{{"batch_worker", true}});
    CHECK_THROWS_AS(BatchWorkerOutcome{.items_processed = -1}.to_step_result(), ValidationError);
}

TEST_CASE("B10: a partial failure is a success that says so") {
    const auto result =
        BatchWorkerOutcome{.items_processed = 3, .items_failed = 1}.partial_failure("one row is bad");
    CHECK(result.is_success());
    CHECK(result.result()["partial_failure"] == true);
    CHECK(result.result()["partial_failure_message"] == "one row is bad");
    CHECK(result.result()["items_succeeded"] == 2);
    CHECK(result.metadata() == json{{"batch_worker", true}, {"had_failures", true}});
}

TEST_CASE("B11: an explicit zero of successes stays zero") {
    CHECK(BatchWorkerOutcome{.items_processed = 5, .items_succeeded = 0}
              .to_step_result()
              .result()["items_succeeded"] == 0);
    CHECK(BatchWorkerOutcome{.items_processed = 5}.to_step_result().result()["items_succeeded"] == 5);
}

TEST_CASE("B12 B15: a worker yields, and goes on from each checkpoint to its end") {
    auto step = StepTest::of<Load>();
    step.batch(cursor(10, 13));
    auto run = step.run();
    std::vector<json> cursors;
    while (run.yielded()) {
        CHECK(run->kind() == tasker::ResultKind::CheckpointYield);
        CHECK_FALSE(run->is_success());
        CHECK_FALSE(run->is_failure());
        cursors.push_back(run.checkpoints().back().cursor);
        step.resume(run);
        run = step.run();
    }
    CHECK(cursors == std::vector<json>{11, 12});
    CHECK(run->result()["items_processed"] == 3);
    CHECK(run->result()["results"] == json{10, 11, 12});
}

TEST_CASE("B12: a checkpoint holds any JSON and is exactly what was given") {
    const auto yield = StepHandlerResult::checkpoint_yield({{"page", 7}}, 40, json::array({1, "x", nullptr}));
    CHECK(yield.result() == json{{"cursor", {{"page", 7}}},
                                 {"items_processed", 40},
                                 {"accumulated_results", {1, "x", nullptr}}});
    CHECK(StepHandlerResult::checkpoint_yield("c", 0).result() ==
          json{{"cursor", "c"}, {"items_processed", 0}});
}

TEST_CASE("B13: a yield needs a cursor and a count that is not negative") {
    CHECK_THROWS_WITH_AS(StepHandlerResult::checkpoint_yield(nullptr, 1), "checkpoint: it needs a cursor",
                         ValidationError);
    CHECK_THROWS_AS(StepHandlerResult::checkpoint_yield(1, -1), ValidationError);
}

namespace {
class Saver : public tasker::StepHandler {
  public:
    static constexpr std::string_view handler_name = "test.saver";
    static constexpr std::uint64_t capabilities = TASKER_CAP_CHECKPOINTS;
    StepHandlerResult call(StepContext& context) override {
        const auto size = context.get_input_or<int>("size", 1);
        const bool ours = context.save_checkpoint(1, 10, std::string(static_cast<std::size_t>(size), 'x'));
        if (context.get_input_or("yield", false)) return StepHandlerResult::checkpoint_yield(2, 20);
        return success({{"ours", ours}});
    }
};
class NoSaver : public tasker::StepHandler {
  public:
    static constexpr std::string_view handler_name = "test.no_saver";
    StepHandlerResult call(StepContext& context) override {
        if (context.has_input("yield")) return StepHandlerResult::checkpoint_yield(2, 20);
        context.save_checkpoint(1, 1);
        return success();
    }
};
}  // namespace

TEST_CASE("B12: a checkpoint is saved without ending the call, by handlers that declare it") {
    const auto run = StepTest::of<Saver>().run();
    CHECK(run->result() == json{{"ours", true}});
    REQUIRE(run.checkpoints().size() == 1);
    CHECK(run.checkpoints()[0].items_processed == 10);
    CHECK(run.checkpoints()[0].accumulated_results == "x");
    CHECK(StepTest::of<Saver>().lease_lost().run()->result() == json{{"ours", false}});
    CHECK(StepTest::of<Saver>().input({{"yield", true}}).run().checkpoints().size() == 2);
    CHECK(StepTest::of<NoSaver>().run()->error_code() == "INVALID_CHECKPOINT");
    const auto refused = StepTest::of<NoSaver>().input({{"yield", 1}}).run();
    CHECK(refused->error_type() == "invalid_outcome");
    CHECK(refused->error_message().find("tasker::BatchWorker") != std::string::npos);
}

TEST_CASE("B14: a checkpoint has a largest size") {
    const auto run = StepTest::of<Saver>().input({{"size", (1 << 20) + 1}}).run();
    CHECK(run->error_code() == "INVALID_CHECKPOINT");
    CHECK(run->error_message().find("1 MiB") != std::string::npos);
}

TEST_CASE("B16: the scenarios of an aggregation, and the faults of a template") {
    const json with{{"batch_processing_outcome", {{"type", "create_batches"}}}};
    const json none{{"batch_processing_outcome", {{"type", "no_batches"}}}, {"reason", "x"}};
    auto step = StepTest::of<Sum>();
    step.dependency("analyze", with)
        .dependency("load_002", {{"items_processed", 2}})
        .dependency("load_001", {{"items_processed", 1}})
        .dependency("other", 1);
    CHECK(step.run()->result()["total_processed"] == 3);
    const auto empty =
        StepTest::of<Sum>().dependency("analyze", none).dependency("load_000", {{"no_op", true}}).run();
    CHECK(empty->result()["scenario"] == "no_batches");
    CHECK(empty->result()["worker_count"] == 0);
    CHECK(empty->result()["total_processed"] == 0);
    const auto missing = StepTest::of<Sum>().run();
    CHECK(missing->error_code() == "MISSING_ANALYZER");
    CHECK(missing->error_message().find("'analyze'") != std::string::npos);
    const auto lost = StepTest::of<Sum>().dependency("analyze", with).run();
    CHECK(lost->error_code() == "NO_BATCH_RESULTS");
    CHECK_FALSE(lost->retryable());
    CHECK(lost->error_message().find("workflow configuration") != std::string::npos);
}

TEST_CASE("B17: sums over batches, with at most 100 errors kept") {
    json errors = json::array();
    for (int i = 0; i < 80; ++i) errors.push_back(i);
    const json one{{"items_processed", 100},
                   {"items_succeeded", 20},
                   {"items_failed", 80},
                   {"items_skipped", 0},
                   {"errors", errors}};
    const auto sum = tasker::aggregate_batch_results(std::vector<json>{one, one, {{"no_op", true}}});
    CHECK(sum["total_processed"] == 200);
    CHECK(sum["total_succeeded"] == 40);
    CHECK(sum["total_failed"] == 160);
    CHECK(sum["batch_count"] == 3);
    CHECK(sum["success_rate"] == doctest::Approx(0.2));
    CHECK(sum["errors"].size() == 100);
    CHECK(sum["error_count"] == 160);
    CHECK(tasker::aggregate_batch_results(std::vector<json>{one}, 2)["errors"] == json{0, 1});
    CHECK(tasker::aggregate_batch_results(std::vector<json>{})["success_rate"] == 1.0);

    tasker::AggregationScenario scenario;
    scenario.batch_results = {{"load_001", {{"n", 1}}}, {"load_002", {{"n", 2}}}};
    const auto total = tasker::aggregate_batch_worker_results(scenario, {{"n", 0}}, [](const auto& all) {
        int n = 0;
        for (const auto& [name, result] : all.batch_results) n += result["n"].template get<int>();
        return json{{"n", n}};
    });
    CHECK(total.result() == json{{"n", 3}, {"worker_count", 2}, {"scenario", "with_batches"}});
    scenario.is_no_batches = true;
    const auto zero =
        tasker::aggregate_batch_worker_results(scenario, {{"n", 0}}, [](const auto&) -> json { throw 1; });
    CHECK(zero.result() == json{{"n", 0}, {"worker_count", 0}, {"scenario", "no_batches"}});
}
