// T11: decisions, batches, aggregators and events that do not fit together, found when the file is read.

#include <doctest/doctest.h>

#include "tests/unit/templates/template_text.hpp"

using namespace tasker::host;
using namespace tasker::host::testing;

namespace {

// A first step in line 5, what a test adds from line 6 on.
std::string steps(std::string_view more) {
    return "name: demo\nnamespace_name: n\nversion: '1'\nsteps:\n  - {name: start, handler: {callable: "
           "x}}\n" +
           std::string(more);
}

const std::string kConfig =
    "batch_config: {batch_size: 10, parallelism: 2, cursor_field: id, worker_template: work, "
    "failure_strategy: "
    "isolate}";

// Lines 6, 7 and 8.
std::string batch(std::string_view cut_initialization = "{worker_template_name: work}",
                  std::string_view worker_dependencies = "[cut]", std::string_view gather = "[work]",
                  std::string_view config = kConfig) {
    return steps(
        "  - {name: cut, type: batchable, dependencies: [start], handler: {callable: x, initialization: " +
        std::string(cut_initialization) +
        "}}\n"
        "  - {name: work, type: batch_worker, dependencies: " +
        std::string(worker_dependencies) + ", handler: {callable: x}" +
        (config.empty() ? "" : ", " + std::string(config)) +
        "}\n"
        "  - {name: gather, type: deferred_convergence, dependencies: " +
        std::string(gather) + ", handler: {callable: x}}\n");
}

std::string codes(const LoadedTemplates& loaded) {
    std::string text;
    for (const Diagnostic& entry : loaded.diagnostics) {
        text += (text.empty() ? "" : "; ") +
                std::string(entry.severity == Severity::Error ? "error " : "warning ") +
                std::to_string(entry.line) + " " + entry.path + " " + entry.code;
    }
    return text;
}

std::string said(const LoadedTemplates& loaded, std::string_view code) {
    const Diagnostic* found = with_code(loaded, code);
    return found == nullptr ? "nothing of " + std::string(code) : found->message;
}

}  // namespace

TEST_CASE("T06: the five step types are taken, under both spellings") {
    const auto loaded = parsed(
        "name: demo\nnamespace_name: n\nversion: '1'\nsteps:\n"
        "  - {name: start, step_type: standard, handler: {callable: x}}\n"
        "  - {name: route, type: decision, dependencies: [start], handler: {callable: x}}\n"
        "  - {name: left, depends_on: [route], handler: {callable: x}}\n"
        "  - {name: join, step_type: deferred_convergence, dependencies: [left], handler: {callable: x}}\n"
        "  - {name: cut, type: batchable, dependencies: [start], handler: {callable: x, initialization: "
        "{worker_template_name: work}}}\n"
        "  - {name: work, type: batch_worker, dependencies: [cut], handler: {callable: x}, " +
        kConfig +
        "}\n"
        "  - {name: gather, type: deferred_convergence, dependencies: [work], handler: {callable: x}}\n");
    REQUIRE(all_text(loaded.diagnostics).empty());
    const auto& all = loaded.catalog.all().at(0)->steps;
    CHECK(all[1].type == StepType::Decision);
    CHECK(all[3].type == StepType::DeferredConvergence);
    CHECK(all[4].type == StepType::Batchable);
    CHECK(all[5].type == StepType::BatchWorker);
    REQUIRE(all[5].batch.has_value());
    CHECK(*all[5].batch == BatchConfig{10, 2, "id", "work", "isolate"});
}

TEST_CASE("T11: a decision needs a dependency") {
    const auto loaded = parsed(steps("  - {name: route, type: decision, handler: {callable: x}}\n"));
    CHECK(codes(loaded) == "error 6 steps[1].dependencies DECISION_WITHOUT_DEPENDENCY");
    CHECK(loaded.diagnostics[0].column == 25);
}

TEST_CASE("T11: a batchable step names a step that is a batch_worker") {
    CHECK(codes(parsed(batch())).empty());
    const auto none = parsed(batch("{}"));
    CHECK(codes(none) ==
          "error 6 steps[1].handler.initialization.worker_template_name BATCHABLE_WITHOUT_WORKER; warning 7 "
          "steps[2].name UNUSED_BATCH_WORKER");
    CHECK(said(none, "BATCHABLE_WITHOUT_WORKER").find("worker_template_name: work") != std::string::npos);
    const auto unknown = parsed(batch("{worker_template_name: wrok}"));
    CHECK(codes(unknown).starts_with(
        "error 6 steps[1].handler.initialization.worker_template_name UNKNOWN_WORKER_TEMPLATE"));
    CHECK(said(unknown, "UNKNOWN_WORKER_TEMPLATE") == "there is no step 'wrok', did you mean 'work'?");
    const auto wrong = parsed(batch("{worker_template_name: start}"));
    CHECK(said(wrong, "WORKER_TEMPLATE_TYPE") ==
          "'start' (line 5) is a step of type 'standard', and only a batch_worker can run batches");
    CHECK(codes(parsed(batch("{worker_template_name: [work]}"))).find("WRONG_TYPE") != std::string::npos);
}

TEST_CASE("T11: a batch worker has a batch_config that names itself, and depends on its batchable step") {
    CHECK(codes(parsed(batch("{worker_template_name: work}", "[cut]", "[work]", ""))) ==
          "error 7 steps[2].batch_config BATCH_WORKER_WITHOUT_CONFIG");
    CHECK(codes(parsed(batch("{worker_template_name: work}", "[cut]", "[work]", "batch_config: ~"))) ==
          "error 7 steps[2].batch_config BATCH_WORKER_WITHOUT_CONFIG");
    std::string other = kConfig;
    other.replace(other.find(": work"), 6, ": cut");
    CHECK(codes(parsed(batch("{worker_template_name: work}", "[cut]", "[work]", other))) ==
          "error 7 steps[2].batch_config.worker_template WORKER_TEMPLATE_TYPE");
    const auto early = parsed(batch("{worker_template_name: work}", "[start]"));
    CHECK(codes(early) == "error 7 steps[2].dependencies WORKER_NOT_AFTER_BATCHABLE");
    CHECK(said(early, "WORKER_NOT_AFTER_BATCHABLE") ==
          "the batch worker 'work' must depend on 'cut', whose batches it runs");
    CHECK(codes(parsed(batch("{worker_template_name: work}", "[cut]", "[work]",
                             "batch_config: {batch_size: 0}")))
              .find("OUT_OF_RANGE") != std::string::npos);
}

TEST_CASE("T11: what gathers the batches waits for the worker, not for the batchable step alone") {
    const auto alone = parsed(batch("{worker_template_name: work}", "[cut]", "[cut]"));
    CHECK(codes(alone) == "warning 8 steps[3].dependencies AGGREGATOR_WITHOUT_WORKER");
    CHECK(said(alone, "AGGREGATOR_WITHOUT_WORKER").find("add 'work'") != std::string::npos);
    CHECK(codes(parsed(batch("{worker_template_name: work}", "[cut]", "[cut, work]"))).empty());
    CHECK(alone.catalog.all().size() == 1);
}

TEST_CASE("T11: a step of another type cannot wait for a batch worker") {
    const auto loaded =
        parsed(batch() + "  - {name: after, dependencies: [gather, work], handler: {callable: x}}\n");
    CHECK(codes(loaded) == "error 9 steps[4].dependencies[1] DEPENDS_ON_BATCH_WORKER");
    CHECK(codes(parsed(batch() + "  - {name: after, dependencies: [gather], handler: {callable: x}}\n"))
              .empty());
}

TEST_CASE("T11: a convergence of nothing that is made at run time is warned of") {
    const std::string route =
        "  - {name: route, type: decision, dependencies: [start], handler: {callable: x}}\n";
    const std::string left = "  - {name: left, dependencies: [route], handler: {callable: x}}\n";
    const auto join = [](std::string_view on) {
        return "  - {name: join, type: deferred_convergence, dependencies: " + std::string(on) +
               ", handler: {callable: x}}\n";
    };
    CHECK(codes(parsed(steps(join("[start]")))) ==
          "warning 6 steps[1].dependencies CONVERGENCE_OF_NOTHING_LATE");
    CHECK(codes(parsed(steps(join("[]")))) == "warning 6 steps[1].dependencies CONVERGENCE_OF_NOTHING_LATE");
    CHECK(codes(parsed(steps(route + left + join("[left, start]")))).empty());
    CHECK(codes(parsed(steps(route + left + join("[route]")))).empty());
    CHECK(
        codes(parsed(steps(route + left + "  - {name: more, dependencies: [left], handler: {callable: x}}\n" +
                           join("[more]"))))
            .empty());
}

TEST_CASE("T11: a batch_config in the wrong place is warned of") {
    CHECK(codes(parsed(steps("  - {name: b, handler: {callable: x}, " + kConfig + "}\n"))) ==
          "warning 6 steps[1].batch_config BATCH_CONFIG_UNUSED");
}

TEST_CASE("T11: every fault of the wiring is told at once, a cycle does not hide the others or hang") {
    const auto loaded = parsed(
        "name: demo\nnamespace_name: n\nversion: '1'\nsteps:\n"
        "  - {name: a, type: decision, handler: {callable: x}}\n"
        "  - {name: b, type: batchable, dependencies: [c], handler: {callable: x}}\n"
        "  - {name: c, type: deferred_convergence, dependencies: [b, c], handler: {callable: x}}\n"
        "  - {name: d, type: batch_worker, handler: {callable: x}}\n");
    for (const char* code : {"DECISION_WITHOUT_DEPENDENCY", "BATCHABLE_WITHOUT_WORKER", "SELF_DEPENDENCY",
                             "CYCLE_DETECTED", "BATCH_WORKER_WITHOUT_CONFIG", "UNUSED_BATCH_WORKER"}) {
        CAPTURE(code);
        CHECK(with_code(loaded, code) != nullptr);
    }
}

TEST_CASE("E01: event declarations are taken over, the later of two with one name counts") {
    const auto loaded = parsed(
        minimal("demo",
                "    publishes_events:\n"
                "      - {name: order.created, description: d, schema: {type: object}}\n"
                "      - {name: order.failed, description: d, schema: {}, condition: permanent_failure, "
                "delivery_mode: broadcast, publisher: 'Shop::Orders.main'}\n"
                "      - {name: order.created, description: d, schema: {}, condition: always}\n"));
    CHECK(codes(loaded) == "warning 12 steps[0].publishes_events[2].name DUPLICATE_EVENT");
    CHECK(said(loaded, "DUPLICATE_EVENT") ==
          "the event 'order.created' is declared twice: lines 10 and 12; only the later one counts");
    const auto& events = loaded.catalog.all().at(0)->steps[0].publishes;
    REQUIRE(events.size() == 2);
    CHECK(events[0].name == "order.failed");
    CHECK(events[0].condition == EventCondition::PermanentFailure);
    CHECK(events[0].delivery == DeliveryMode::Broadcast);
    CHECK(events[0].publisher == "Shop::Orders.main");
    CHECK(events[1].condition == EventCondition::Always);
    CHECK(events[1].delivery == DeliveryMode::Durable);
}

TEST_CASE("E01: names, publishers and payload schemas of events are checked with their places") {
    const auto event = [](std::string_view name, std::string_view publisher = "p",
                          std::string_view schema = "{}") {
        return codes(
            parsed(minimal("demo", "    publishes_events:\n      - {name: '" + std::string(name) +
                                       "', publisher: '" + std::string(publisher) +
                                       "', description: d, schema: " + std::string(schema) + "}\n")));
    };
    const std::string at = "error 10 steps[0].publishes_events[0].";
    for (const char* name : {"order.created", "a.b", "a_1.b.c2"}) CHECK(event(name).empty());
    for (const char* name : {"order", "Order.created", ".order", "order.", "a..b", "a b.c", "a-b.c"}) {
        CAPTURE(name);
        CHECK(event(name) == at + "name EVENT_NAME");
    }
    for (const char* publisher : {"a", "A::B", "a.b_2", "_x"}) CHECK(event("a.b", publisher).empty());
    for (const char* publisher : {"1a", "a::", "::a", "a:b", "a..b", "a b"}) {
        CAPTURE(publisher);
        CHECK(event("a.b", publisher) == at + "publisher PUBLISHER_NAME");
    }
    CHECK(event("a.b", "p", "{type: strnig}") == at + "schema.type SCHEMA_UNUSABLE");
    CHECK(event("a.b", "p", "{type: array}").empty());
    CHECK(event("a.b", "p", "[]") == at + "schema WRONG_TYPE");
    CHECK(event("a.b", "", "{}") == at + "publisher OUT_OF_RANGE");
}
