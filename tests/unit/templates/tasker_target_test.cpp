#include <doctest/doctest.h>

#include "tests/unit/templates/template_text.hpp"

using namespace tasker::host;
using namespace tasker::host::testing;

namespace {
const std::string kEverything = minimal("demo",
                                        "      method: refund\n"
                                        "    timeout_seconds: 30\n"
                                        "    result_schema: {type: object}\n"
                                        "    retry:\n"
                                        "      retryable: false\n"
                                        "      backoff: linear\n"
                                        "      backoff_base_ms: 100\n"
                                        "      max_backoff_ms: 1000\n"
                                        "  - name: second\n"
                                        "    handler: {callable: demo.second}\n"
                                        "environments: {test: {steps: []}}\n"
                                        "input_schema: {type: object}\n"
                                        "identity_strategy: always_unique\n");

std::string short_text(const LoadedTemplates& loaded) {
    std::string text;
    for (const Diagnostic& entry : loaded.diagnostics) {
        CHECK(entry.severity == Severity::Info);
        text += std::to_string(entry.line) + ":" + std::to_string(entry.column) + " " + entry.code + " " +
                entry.path + "\n";
    }
    return text;
}
}  // namespace

TEST_CASE("every key that a Tasker server ignores or takes otherwise is named with its place") {
    CHECK(short_text(parsed(kEverything, {.tasker = TaskerFindings::All})) ==
          "6:11 ORPHAN_STEP steps[0].name\n"
          "9:7 TASKER_DIFFERS steps[0].handler.method\n"
          "10:5 TASKER_IGNORES steps[0].timeout_seconds\n"
          "13:7 TASKER_DIFFERS steps[0].retry.retryable\n"
          "14:7 TASKER_IGNORES steps[0].retry.backoff\n"
          "15:7 TASKER_IGNORES steps[0].retry.backoff_base_ms\n"
          "16:7 TASKER_IGNORES steps[0].retry.max_backoff_ms\n"
          "17:11 ORPHAN_STEP steps[1].name\n"
          "17:11 NO_RESULT_SCHEMA steps[1].name\n"
          "19:1 TASKER_IGNORES environments\n"
          "20:1 TASKER_IGNORES input_schema\n"
          "21:1 TASKER_IGNORES identity_strategy\n");
}

TEST_CASE("without the target one line a file sums up what a server ignores") {
    const auto loaded = parsed(kEverything, {.tasker = TaskerFindings::Ignored});
    REQUIRE(loaded.diagnostics.size() == 1);
    CHECK(loaded.diagnostics[0].code == "TASKER_IGNORES");
    CHECK(loaded.diagnostics[0].line == 20);
    CHECK(loaded.diagnostics[0].message.find(
              "input_schema, environments, identity_strategy, timeout_seconds, retry.backoff") !=
          std::string::npos);
    CHECK(parsed(minimal(), {.tasker = TaskerFindings::Ignored}).diagnostics.empty());
    CHECK(parsed(kEverything).diagnostics.empty());
    CHECK(loaded.catalog.all().size() == 1);
}

TEST_CASE("steps that are tied together are no orphans") {
    const auto loaded =
        parsed(minimal("demo", "  - {name: b, depends_on: [first], handler: {callable: x}}\n"),
               {.tasker = TaskerFindings::All});
    CHECK(with_code(loaded, "ORPHAN_STEP") == nullptr);
    CHECK(with_code(loaded, "NO_RESULT_SCHEMA") != nullptr);
}

namespace {
// What is said of the steps that are made at run time: "line path" each.
std::string differs(const std::string& steps) {
    const auto loaded = parsed("name: demo\nnamespace_name: n\nversion: '1'\nsteps:\n" + steps,
                               {.tasker = TaskerFindings::All});
    std::string text;
    for (const Diagnostic& entry : loaded.diagnostics) {
        if (entry.code == "TASKER_DIFFERS")
            text += (text.empty() ? "" : "; ") + std::to_string(entry.line) + " " + entry.path;
    }
    return text;
}
const std::string kStart = "  - {name: start, handler: {callable: x}}\n";
const std::string kRoute =
    "  - {name: route, type: decision, dependencies: [start], handler: {callable: x}}\n";
const std::string kBatch =
    "  - {name: cut, type: batchable, dependencies: [start], handler: {callable: x, initialization: "
    "{worker_template_name: work}}}\n"
    "  - {name: work, type: batch_worker, dependencies: [cut], handler: {callable: x}, batch_config: "
    "{batch_size: 1, "
    "parallelism: 1, cursor_field: id, worker_template: work, failure_strategy: isolate}}\n"
    "  - {name: gather, type: deferred_convergence, dependencies: [work], handler: {callable: x}}\n";
}  // namespace

TEST_CASE("X14: a server lets a decision stay complete whatever its outcome says") {
    CHECK(differs(kStart + kRoute) == "6 steps[1].type");
}

TEST_CASE("X16: a server loses the branches of a decision that a step shares with an earlier step") {
    CHECK(differs(kStart + kRoute +
                  "  - {name: left, dependencies: [route, start], handler: {callable: x}}\n") ==
          "6 steps[1].type; 7 steps[2].dependencies");
    CHECK(differs(kStart + kRoute + "  - {name: left, dependencies: [route], handler: {callable: x}}\n" +
                  "  - {name: more, dependencies: [left, start], handler: {callable: x}}\n") ==
          "6 steps[1].type");
}

TEST_CASE("X18: without a decision a server does not wait for what is made at run time") {
    const std::string after = "  - {name: after, dependencies: [gather], handler: {callable: x}}\n";
    CHECK(differs(kStart + kBatch).empty());
    CHECK(differs(kStart + kBatch + after) == "9 steps[4].dependencies");
    CHECK(differs(kStart + kBatch + after + kRoute) == "10 steps[5].type");
}

TEST_CASE("X19: without a decision a server never makes a convergence of steps that exist from the start") {
    CHECK(differs(kStart + "  - {name: join, type: deferred_convergence, dependencies: [start], handler: "
                           "{callable: x}}\n") == "6 steps[1].type");
}
