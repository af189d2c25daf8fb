// The plugin in Rust as the SDK's test host sees it: through its file and its C functions.
#include <dlfcn.h>
#include <doctest/doctest.h>

#include <string>
#include <tasker/testing.hpp>

using tasker::json;
using tasker::testing::StepRun;
using tasker::testing::StepTest;

namespace {

// Never closed, as the host never does.
tasker_plugin_entry_v0_fn entry() {
    void* plugin = dlopen(TASKER_BINARY_DIR "/plugins/rust_batch.so", RTLD_NOW | RTLD_LOCAL);
    REQUIRE_MESSAGE(plugin != nullptr, dlerror());
    void* symbol = dlsym(plugin, TASKER_ENTRY_SYMBOL);
    REQUIRE(symbol != nullptr);
    return reinterpret_cast<tasker_plugin_entry_v0_fn>(symbol);
}

StepTest step(const char* callable) { return StepTest::of_plugin(entry(), callable); }

StepRun analyze(const json& limit, const json& per_batch = 1000) {
    return step("rust_batch.analyze")
        .input({{"limit", limit}})
        .config({{"worker_template_name", "count_primes"}, {"numbers_per_batch", per_batch}})
        .run();
}

StepTest worker(const json& cursor) {
    auto made = step("rust_batch.count_primes");
    made.batch(cursor).config({{"numbers_per_checkpoint", 250}});
    return made;
}

}  // namespace

TEST_CASE("the range is cut into batches that touch and leave nothing out") {
    const json batches = analyze(4000).batches();
    REQUIRE(batches.size() == 4);
    CHECK(batches[0] ==
          json{{"batch_id", "001"}, {"start_cursor", 2}, {"end_cursor", 1002}, {"batch_size", 1000}});
    CHECK(batches[3] ==
          json{{"batch_id", "004"}, {"start_cursor", 3002}, {"end_cursor", 4001}, {"batch_size", 999}});
    CHECK(analyze(1).batches().empty());
    CHECK(analyze(2).batches().size() == 1);
}

TEST_CASE("an input or a configuration that cannot be used fails for good, with its name") {
    const StepRun odd = analyze("many");
    CHECK(odd->error_code() == "WRONG_TYPE");
    CHECK(odd->error_message() == "input 'limit' must be an integer from 0 on");
    CHECK_FALSE(odd->retryable());
    CHECK(analyze(-1)->error_code() == "WRONG_TYPE");
    CHECK(analyze(2'000'000'000)->error_code() == "INVALID_LIMIT");
    CHECK(analyze(10, 0)->error_code() == "INVALID_CONFIG");
    CHECK(analyze(10, nullptr)->error_code() == "WRONG_TYPE");
}

TEST_CASE("a worker yields every 250 numbers and comes to the end with what it gathered") {
    auto test =
        worker({{"batch_id", "001"}, {"start_cursor", 2}, {"end_cursor", 1002}, {"batch_size", 1000}});
    StepRun run = test.run();
    int yields = 0;
    for (; run.yielded(); ++yields) {
        CHECK(run.checkpoints().back().cursor == 252 + 250 * yields);
        CHECK(run.checkpoints().back().items_processed == static_cast<std::uint64_t>(250 + 250 * yields));
        run = test.resume(run).run();
    }
    CHECK(yields == 3);
    CHECK(run->result() == json{{"batch_id", "001"},
                                {"primes", 168},
                                {"items_processed", 1000},
                                {"looked_at", 1000},
                                {"yields", 3},
                                {"attempt", 1}});
}

TEST_CASE("a panic stops at the boundary, is retried, and the work goes on from the checkpoint") {
    auto test =
        worker({{"batch_id", "002"}, {"start_cursor", 1002}, {"end_cursor", 2002}, {"batch_size", 1000}});
    test.input({{"panic_in", "002"}});
    const StepRun first = test.run();
    REQUIRE(first.yielded());
    const StepRun panicked = test.resume(first).run();
    CHECK(panicked->error_code() == "PANIC");
    CHECK(panicked->error_message() == "the handler panicked: the input asks for it, behind number 1251");
    CHECK(panicked->retryable());
    StepRun run = test.attempt(2).run();
    while (run.yielded()) run = test.resume(run).run();
    CHECK(run->result()["primes"] == 135);
    CHECK(run->result()["looked_at"] == 1000);  // no number twice
    CHECK(run->result()["attempt"] == 2);
}

TEST_CASE("a placeholder has nothing to do, and a worker that is told to stop is released") {
    CHECK(step("rust_batch.count_primes").no_op_batch().run()->result()["no_op"] == true);
    auto test =
        worker({{"batch_id", "1"}, {"start_cursor", 1000}, {"end_cursor", 1200}, {"batch_size", 200}});
    CHECK(test.stop(tasker::StopReason::Draining).run().released());
    CHECK(test.stop(tasker::StopReason::LeaseLost).run().status() == TASKER_E_LEASE_LOST);
}

TEST_CASE("the sum takes all batches, and none when there are none") {
    auto sum = step("rust_batch.sum");
    sum.dependency("analyze_range", analyze(2000)->result())
        .dependency("count_primes_001", {{"primes", 168}, {"items_processed", 1000}})
        .dependency("count_primes_002", {{"primes", 135}, {"items_processed", 999}});
    CHECK(sum.run()->result() == json{{"limit", 2000},
                                      {"primes", 303},
                                      {"numbers", 1999},
                                      {"worker_count", 2},
                                      {"scenario", "with_batches"}});
    sum.dependency("count_primes_002", {{"primes", "all"}});
    CHECK(sum.run()->error_message() == "result of count_primes_002 'primes' must be an integer from 0 on");
    CHECK(step("rust_batch.sum").run()->error_code() == "MISSING_ANALYZER");
    CHECK(step("rust_batch.sum")
              .dependency("analyze_range", analyze(0)->result())
              .run()
              ->result()["scenario"] == "no_batches");
}
