#include <doctest/doctest.h>

#include "tests/unit/templates/template_text.hpp"

using namespace tasker::host;
using namespace tasker::host::testing;

namespace {

constexpr const char* kTemplate = R"(
name: demo
namespace_name: n
version: "1"
steps:
  - name: a
    handler: &shared
      callable: x
      initialization: {url: live, nested: {k: 1, l: 2}, kept: true}
    timeout_seconds: 30
    retry: {max_attempts: 9, backoff: linear, backoff_base_ms: 200, max_backoff_ms: 5000}
  - name: b
    handler: *shared
environments:
  test:
    steps:
      - name: ALL
        handler: {initialization: {url: local}}
        timeout_seconds: 5
      - name: a
        handler: {initialization: {nested: {k: 3}, extra: 1}}
        timeout_seconds: ~
        retry: {max_attempts: 2}
  only_b:
    steps:
      - name: b
        timeout_seconds: 7
        handler: {initialization: {url: other}}
)";

std::shared_ptr<const TaskTemplate> load_for(const std::string& environment) {
    const auto loaded = parsed(kTemplate, {.environment = environment});
    REQUIRE(all_text(loaded.diagnostics) == "");
    return loaded.catalog.all().at(0);
}

}  // namespace

TEST_CASE("without an environment, or with one the template does not know, nothing changes") {
    for (const char* environment : {"", "production"}) {
        const auto entry = load_for(environment);
        CHECK(entry->steps[0].handler.initialization_json ==
              R"({"kept":true,"nested":{"k":1,"l":2},"url":"live"})");
        CHECK(entry->steps[0].timeout_ms == 30'000);
        CHECK(entry->steps[0].retry.max_attempts == 9);
        CHECK_FALSE(entry->steps[1].timeout_ms.has_value());
    }
}

TEST_CASE("T09: overrides apply in order: initialization merges flat, timeout and retry replace") {
    const auto entry = load_for("test");
    const StepTemplate& a = entry->steps[0];
    CHECK(a.handler.initialization_json == R"({"extra":1,"kept":true,"nested":{"k":3},"url":"local"})");
    CHECK(a.timeout_ms == 5'000);
    CHECK(a.retry == RetryPolicy{.max_attempts = 2, .base_ms = 1000, .max_ms = 3'600'000});
    const StepTemplate& b = entry->steps[1];
    CHECK(b.handler.initialization_json == R"({"kept":true,"nested":{"k":1,"l":2},"url":"local"})");
    CHECK(b.timeout_ms == 5'000);
    CHECK(b.retry == RetryPolicy{});
}

TEST_CASE("an override of one step does not reach another that shares its handler by alias") {
    const auto entry = load_for("only_b");
    CHECK(entry->steps[0].handler.initialization_json ==
          R"({"kept":true,"nested":{"k":1,"l":2},"url":"live"})");
    CHECK(entry->steps[1].handler.initialization_json ==
          R"({"kept":true,"nested":{"k":1,"l":2},"url":"other"})");
    CHECK(entry->steps[1].timeout_ms == 7'000);
}

TEST_CASE("the stored definition keeps the overrides and carries the effective steps") {
    const auto entry = load_for("only_b");
    CHECK(entry->definition_json.find("\"only_b\"") != std::string::npos);
    const TaskTemplate again = template_from_json(entry->definition_json);
    CHECK(again.steps == entry->steps);
}

TEST_CASE("a wrong override is refused in every environment, not only in the chosen one") {
    std::string yaml = kTemplate;
    yaml.replace(yaml.find("max_attempts: 2"), 15, "max_attempts: 0");
    const auto loaded = parsed(yaml, {.environment = "only_b"});
    REQUIRE(loaded.diagnostics.size() == 1);
    CHECK(loaded.diagnostics[0].path == "environments.test.steps[1].retry.max_attempts");
    CHECK(loaded.diagnostics[0].line == 23);
}

TEST_CASE(
    "T09: a key of initialization that an override sets to null is null, one that it leaves out is kept") {
    const auto loaded = parsed(
        "name: demo\nnamespace_name: n\nversion: '1'\nsteps:\n"
        "  - {name: a, handler: {callable: x, initialization: {url: live, key: 1}}}\n"
        "environments:\n  test:\n    steps:\n      - {name: a, handler: {initialization: {url: ~}}}\n",
        {.environment = "test"});
    REQUIRE(all_text(loaded.diagnostics).empty());
    CHECK(loaded.catalog.all().at(0)->steps[0].handler.initialization_json == R"({"key":1,"url":null})");
}

TEST_CASE("T09: ALL after a step's own override wins, an override of a step without initialization adds it") {
    const auto loaded = parsed(
        "name: demo\nnamespace_name: n\nversion: '1'\nsteps:\n"
        "  - {name: a, handler: {callable: x}}\n  - {name: b, handler: {callable: x}}\n"
        "environments:\n  test:\n    steps:\n"
        "      - {name: a, timeout_seconds: 3, handler: {initialization: {k: a}}}\n"
        "      - {name: ALL, timeout_seconds: 9, handler: {initialization: {k: all}}}\n"
        "      - {name: b, retry: {retryable: false}}\n",
        {.environment = "test"});
    REQUIRE(all_text(loaded.diagnostics).empty());
    const auto& steps = loaded.catalog.all().at(0)->steps;
    for (const StepTemplate& step : steps) {
        CHECK(step.timeout_ms == 9'000);
        CHECK(step.handler.initialization_json == R"({"k":"all"})");
    }
    CHECK(steps[0].retry.retryable);
    CHECK_FALSE(steps[1].retry.retryable);
}

TEST_CASE("T09: a worker's name that an override gets wrong is found in that environment") {
    const std::string yaml =
        "name: demo\nnamespace_name: n\nversion: '1'\nsteps:\n"
        "  - {name: cut, type: batchable, handler: {callable: x, initialization: {worker_template_name: "
        "work}}}\n"
        "  - name: work\n    type: batch_worker\n    dependencies: [cut]\n    handler: {callable: y}\n"
        "    batch_config: {batch_size: 1, parallelism: 1, cursor_field: id, worker_template: work, "
        "failure_strategy: "
        "isolate}\n"
        "environments:\n  test:\n    steps:\n"
        "      - {name: cut, handler: {initialization: {worker_template_name: wrok}}}\n";
    CHECK(all_text(parsed(yaml).diagnostics).empty());
    const auto loaded = parsed(yaml, {.environment = "test"});
    const Diagnostic* found = with_code(loaded, "UNKNOWN_WORKER_TEMPLATE");
    REQUIRE(found != nullptr);
    CHECK(found->line == 14);
    CHECK(found->message.find("did you mean 'work'?") != std::string::npos);
    CHECK(loaded.catalog.all().empty());
}
