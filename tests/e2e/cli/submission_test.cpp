// Many submissions at once, and the same one twice.

#include <set>

#include "tests/e2e/cli/sandbox.hpp"

namespace tasker::host::e2e {

namespace {
std::string batch_of(int count) {
    std::string text;
    for (int i = 1; i <= count; ++i) {
        text += R"({"name":"linear_workflow","namespace":"examples","context":{"number":)" +
                std::to_string(2 * i) + "}}\n";
    }
    return text;
}
}  // namespace

TEST_CASE("a batch of 2,000 lines is submitted with one answer a line, and all of it runs") {
    const Sandbox sandbox;
    const std::string file = sandbox.write("many.jsonl", batch_of(2000)).string();
    const Finished done = sandbox.run({"task", "create", "--batch", file});
    REQUIRE_MESSAGE(done.status.code == 0, done.err);
    const auto answers = lines(done.out);
    REQUIRE(answers.size() == 2000);
    std::set<std::string> tasks;
    for (std::size_t i = 0; i < answers.size(); ++i) {
        const json answer = json::parse(answers[i]);
        CHECK(answer["line"] == i + 1);
        tasks.insert(answer["task_uuid"].get<std::string>());
    }
    CHECK(tasks.size() == 2000);

    // Again: all of them are duplicates now.
    const Finished again = sandbox.run({"task", "create", "--batch", file});
    CHECK(again.status.code == 1);
    CHECK(lines(again.out).size() == 2000);
    CHECK(json::parse(lines(again.out).back())["error"]["code"] == "CONFLICT");

    const auto worker = sandbox.worker();
    const bool all = eventually(kPatience, [&] {
        return sandbox.document({"task", "list", "--status", "complete", "--limit",
                                 "1"})["pagination"]["total_count"] == 2000;
    });
    CHECK(all);
    const json last = sandbox.document({"task", "wait", json::parse(answers.back())["task_uuid"]});
    CHECK(step(last, "square")["results"]["result"]["value"] == 16000000);
    stop(*worker);
}

TEST_CASE("a line of a batch that cannot be used costs only itself") {
    const Sandbox sandbox;
    const auto worker = sandbox.worker();
    sandbox.write("mixed.jsonl",
                  "{\"name\":\"linear_workflow\",\"context\":{\"number\":1}}\n"
                  "{broken\n"
                  "\n"
                  "{\"name\":\"no_such_template\",\"context\":{}}\n"
                  "{\"name\":\"linear_workflow\",\"context\":{\"number\":2}}");
    const Finished done = sandbox.run({"task", "create", "--batch", sandbox.path("mixed.jsonl").string()});
    CHECK(done.status.code == 1);
    const auto answers = lines(done.out);
    REQUIRE(answers.size() == 4);
    const std::pair<int, bool> expected[] = {{1, true}, {2, false}, {4, false}, {5, true}};
    for (std::size_t i = 0; i < answers.size(); ++i) {
        CAPTURE(answers[i]);
        const json answer = json::parse(answers[i]);
        CHECK(answer["line"] == expected[i].first);
        CHECK(answer.contains("task_uuid") == expected[i].second);
        CHECK(answer.contains("error") == !expected[i].second);
    }
    stop(*worker);
}

TEST_CASE("a batch comes from standard input too") {
    const Sandbox sandbox;
    auto command = sandbox.command({"task", "create", "--batch", "-"});
    command.stdin_text = batch_of(3);
    const Finished done = testing::run_child(command, kPatience);
    CHECK(done.status.code == 0);
    CHECK(lines(done.out).size() == 3);
}

TEST_CASE("the input of a task comes from a file or from standard input") {
    const Sandbox sandbox;
    const std::string file = sandbox.write("input.json", "{\"number\":7}\n").string();
    CHECK(sandbox.document({"task", "create", "linear_workflow", "-c", "@" + file})["context"]["number"] ==
          7);
    auto command = sandbox.command({"task", "create", "linear_workflow", "-c", "@-", "--json"});
    command.stdin_text = R"({"number":8})";
    const Finished done = testing::run_child(command, kPatience);
    REQUIRE(done.status.code == 0);
    CHECK(json::parse(done.out)["context"]["number"] == 8);
}

TEST_CASE("an idempotency key makes one task, with a host and without") {
    const Sandbox sandbox;
    const auto submission = [](int number, const std::string& key) {
        return Arguments{"task",
                         "create",
                         "linear_workflow",
                         "-c",
                         R"({"number":)" + std::to_string(number) + "}",
                         "--idempotency-key",
                         key};
    };
    const std::string task = sandbox.document(submission(4, "order-1"))["task_uuid"];
    // The key decides, not the input.
    CHECK(sandbox.document(submission(2, "order-1"), 11)["error"]["code"] == "CONFLICT");
    const std::string other = sandbox.document(submission(4, "order-2"))["task_uuid"];
    CHECK(other != task);
    const auto worker = sandbox.worker();
    CHECK(sandbox.document(submission(3, "order-1"), 11)["error"]["code"] == "CONFLICT");
    CHECK(sandbox.document({"task", "wait", task})["context"]["number"] == 4);
    CHECK(sandbox.document({"task", "list"})["pagination"]["total_count"] == 2);
    stop(*worker);
}

TEST_CASE("what a submission leaves out is filled in, what it says is kept") {
    Sandbox sandbox;
    sandbox.set("USER", "ada");
    const json plain = sandbox.document({"task", "create", "linear_workflow", "-c", R"({"number":1})"});
    CHECK(plain["initiator"] == "ada");
    CHECK(plain["source_system"] == "cli");
    CHECK(plain["reason"] == "CLI task creation");
    CHECK(plain["version"] == "1.0.0");
    CHECK(plain["priority"] == 0);
    const json full =
        sandbox.document({"task", "create", "linear_workflow", "-c", R"({"number":2})", "--initiator", "cron",
                          "--source-system", "shop", "--reason", "nightly", "--tag", "a", "--tag", "b",
                          "--priority", "7", "--correlation-id", "01900000-0000-7000-8000-00000000abcd"});
    CHECK(full["initiator"] == "cron");
    CHECK(full["source_system"] == "shop");
    CHECK(full["reason"] == "nightly");
    CHECK(full["tags"] == json::array({"a", "b"}));
    CHECK(full["priority"] == 7);
    CHECK(full["correlation_id"] == "01900000-0000-7000-8000-00000000abcd");
    CHECK(sandbox.document({"task", "list", "--initiator", "cron"})["pagination"]["total_count"] == 1);
}

TEST_CASE("task run needs no host, leaves no store, and keeps one when it is asked to") {
    const Sandbox sandbox;
    const json done = sandbox.document({"task", "run", "linear_workflow", "-c", R"({"number":6})"});
    CHECK(done["status"] == "complete");
    CHECK(step(done, "divide")["results"]["result"]["value"] == 69);
    CHECK_FALSE(std::filesystem::exists(sandbox.path("state/tasker.db")));
    const std::string kept = sandbox.path("kept/run.db").string();
    std::filesystem::create_directories(sandbox.path("kept"));
    sandbox.document({"task", "run", TASKER_SOURCE_DIR "/templates/linear_workflow.yaml", "-c",
                      R"({"number":6})", "--store", kept});
    CHECK(std::filesystem::exists(kept));
    // A task that ends badly says so in its exit code.
    const json bad = sandbox.document({"task", "run", "order_fulfillment", "-c", "{}"}, 1);
    CHECK(bad["status"] == "blocked_by_failures");
}

}  // namespace tasker::host::e2e
