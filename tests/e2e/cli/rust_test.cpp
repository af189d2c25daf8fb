// The plugin in Rust in the real host: a batch whose workers yield, and one that panics in the middle.

#include "tests/e2e/cli/sandbox.hpp"

namespace tasker::host::e2e {

namespace {
json count(const Sandbox& sandbox, const json& context) {
    return sandbox.document(
        {"task", "run", TASKER_SOURCE_DIR "/plugins/rust_batch/rust_batch.yaml", "-c", context.dump()});
}

const json& result(const json& task, const std::string& name) {
    return step(task, name).at("results").at("result");
}
// Without cargo there is no plugin.
const auto kIfBuilt = doctest::skip(TASKER_RUST_BATCH == 0);
}  // namespace

TEST_CASE("the plugin in Rust is loaded like the others" * kIfBuilt) {
    const Sandbox sandbox;
    const json plugin = sandbox.document({"plugin", "info", TASKER_BINARY_DIR "/plugins/rust_batch.so"});
    CHECK(plugin["id"] == "rust_batch");
    CHECK(plugin["handlers"].size() == 3);
    const json all = sandbox.document({"plugin", "list"});
    for (const json& one : all["plugins"]) {
        if (one["id"] != "rust_batch") continue;
        CHECK(one["state"] == "loaded");
        CHECK_MESSAGE(one.value("warnings", json::array()).empty(), one.dump());
    }
}

TEST_CASE("a batch in Rust: four workers that yield, and the sum of what they found" * kIfBuilt) {
    const Sandbox sandbox;
    const json task = count(sandbox, {{"limit", 4000}});
    CHECK(task["status"] == "complete");
    CHECK(task["total_steps"] == 6);
    CHECK(result(task, "sum_primes") == json{{"limit", 4000},
                                             {"primes", 550},
                                             {"numbers", 3999},
                                             {"worker_count", 4},
                                             {"scenario", "with_batches"}});
    for (const char* name : {"count_primes_001", "count_primes_004"}) {
        CHECK(result(task, name)["yields"] == 3);
        CHECK(step(task, name)["attempts"] == 1);
    }
    const json none = count(sandbox, {{"limit", 1}});
    CHECK(none["total_steps"] == 3);
    CHECK(result(none, "count_primes_000")["no_op"] == true);
    CHECK(result(none, "sum_primes")["scenario"] == "no_batches");
}

TEST_CASE("a worker in Rust that panics is tried again, from its checkpoint" * kIfBuilt) {
    const Sandbox sandbox;
    const json task = count(sandbox, {{"limit", 2000}, {"panic_in", "002"}});
    CHECK(task["status"] == "complete");
    CHECK(result(task, "sum_primes")["primes"] == 303);
    const json& worker = result(task, "count_primes_002");
    CHECK(step(task, "count_primes_002")["attempts"] == 2);
    CHECK(worker["attempt"] == 2);
    CHECK(worker["looked_at"] == 999);  // no number twice
    CHECK(worker["yields"] == 3);
    CHECK(step(task, "count_primes_001")["attempts"] == 1);
}

}  // namespace tasker::host::e2e
