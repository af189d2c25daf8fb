// The printed JSON Schema says what the checker says, as far as a schema can tell.

#include <doctest/doctest.h>

#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>
#include <sstream>

#include "host/model/input_schema.hpp"
#include "host/templates/template_schema.hpp"
#include "host/templates/yaml_scalar.hpp"
#include "host/templates/yaml_tree.hpp"
#include "tests/unit/templates/template_text.hpp"

using namespace tasker::host;
using namespace tasker::host::testing;

namespace {

const InputSchema& schema() {
    static const InputSchema kSchema(template_json_schema());
    return kSchema;
}

// What the schema says; empty when it takes the document.
std::string by_schema(const std::string& yaml) {
    Findings findings("t.yaml");
    const auto tree = parse_yaml(yaml, {}, findings);
    REQUIRE(tree.has_value());
    std::string json;
    append_json(json, *tree, tree->root);
    return schema().fault(json).value_or("");
}

// What the checker says, errors only.
std::string by_checker(const std::string& yaml) {
    std::string text;
    for (const Diagnostic& entry : parsed(yaml, {.strict = true}).diagnostics) {
        if (entry.severity == Severity::Error) text += entry.str() + "\n";
    }
    return text;
}

std::string with_step(std::string_view lines) { return minimal("demo", lines); }

const std::string kBatch =
    "  - {name: cut, type: batchable, dependencies: [first], handler: {callable: x, initialization: "
    "{worker_template_name: work}}}\n"
    "  - {name: work, type: batch_worker, dependencies: [cut], handler: {callable: x}, batch_config: "
    "{batch_size: 1, "
    "parallelism: 1, cursor_field: id, worker_template: work, failure_strategy: isolate}}\n"
    "  - {name: gather, step_type: deferred_convergence, dependencies: [work], handler: {callable: x}}\n";

std::vector<std::string> good() {
    return {
        minimal(),
        minimal("demo", kBatch),
        minimal("demo", "  - {name: route, type: decision, depends_on: [first], handler: {callable: x}}\n"),
        minimal("demo",
                "  - {name: route, step_type: decision, dependencies: [first], handler: {callable: x}}\n"),
        with_step("      method: refund\n      resolver: explicit_mapping\n      initialization: {a: [1, {b: "
                  "~}]}\n"),
        with_step("      method: ~\n      initialization: ~\n    timeout_seconds: ~\n    description: ~\n    "
                  "retry: ~\n"),
        with_step(
            "    retry: {retryable: false, max_attempts: 100, backoff: fibonacci, backoff_base_ms: 100, "
            "max_backoff_ms: 3600000}\n"),
        with_step("    composition: ~\n    timeout_seconds: 31536000\n    result_schema: true\n"),
        with_step("    publishes_events:\n      - {name: a.b, description: d, schema: {type: object}, "
                  "publisher: A::b}\n"),
        minimal(
            "demo",
            "input_schema: {type: object}\nidentity_strategy: caller_provided\n"
            "metadata: {author: me, tags: [a], created_at: 2026-01-31T12:00:00.5+01:00}\n"
            "system_dependencies: {primary: p, secondary: []}\n"
            "domain_events: [{name: x, schema: false}]\n"
            "lifecycle: {max_duration_minutes: 43200, staleness_action: none}\n"
            "environments: {test: {steps: [{name: ALL, timeout_seconds: 1, retry: {max_attempts: 2}}]}}\n"),
    };
}

std::vector<std::string> bad() {
    return {
        minimal("7"),
        minimal("[a]"),
        minimal("''"),
        minimal(std::string(256, 'n')),
        minimal("\"a\\eb\""),
        "namespace_name: n\nversion: '1'\nsteps:\n  - {name: a, handler: {callable: x}}\n",
        "name: n\nnamespace_name: a-b\nversion: '1'\nsteps:\n  - {name: a, handler: {callable: x}}\n",
        "name: n\nnamespace_name: " + std::string(30, 'a') +
            "\nversion: '1'\nsteps:\n  - {name: a, handler: {callable: x}}\n",
        "name: n\nnamespace_name: n\nversion: 1.5\nsteps:\n  - {name: a, handler: {callable: x}}\n",
        "name: n\nnamespace_name: n\nversion: '1'\nsteps: []\n",
        "name: n\nnamespace_name: n\nversion: '1'\nsteps: {a: b}\n",
        "name: n\nnamespace_name: n\nversion: '1'\nsteps: ~\n",
        minimal("demo", "  - {name: b}\n"),
        minimal("demo", "  - {name: b, handler: x}\n"),
        minimal("demo", "  - {name: b, handler: {}}\n"),
        minimal("demo", "  - {name: b, handler: {callable: ''}}\n"),
        minimal("demo", "  - {name: b, handler: {callable: x}, callable: x}\n"),
        minimal("demo", "namespace: x\n"),
        minimal("demo", "task_handler: x\n"),
        minimal("demo", "zzz: x\n"),
        with_step("      initialization: [1]\n"),
        with_step("    type: standart\n"),
        with_step("    type: standard\n    step_type: standard\n"),
        with_step("    depends_on: []\n    dependencies: []\n"),
        with_step("    dependencies: other\n"),
        with_step("    dependencies: [1]\n"),
        with_step("    composition: x\n"),
        with_step("    timeout_seconds: 0\n"),
        with_step("    timeout_seconds: '5'\n"),
        with_step("    timeout_seconds: 31536001\n"),
        with_step("    retry: {max_attempts: 0}\n"),
        with_step("    retry: {max_attempts: 101}\n"),
        with_step("    retry: {limit: 3}\n"),
        with_step("    retry: {backoff: never}\n"),
        with_step("    retry: {backoff_base_ms: 99}\n"),
        with_step("    retry: {retryable: 'true'}\n"),
        with_step("    retry: []\n"),
        with_step("    lifecycle: {}\n"),
        with_step("    publishes_events: [{name: a.b}]\n"),
        with_step("    publishes_events: [{name: A.b, description: d, schema: {}}]\n"),
        with_step("    publishes_events: [{name: ab, description: d, schema: {}}]\n"),
        with_step("    publishes_events: [{name: a.b, description: d, schema: {}, publisher: 'a:'}]\n"),
        with_step("    publishes_events: [{name: a.b, description: d, schema: true}]\n"),
        with_step("    publishes_events: [{name: a.b, description: d, schema: {}, condition: sometimes}]\n"),
        minimal("demo", "  - {name: r, type: decision, handler: {callable: x}}\n"),
        minimal("demo", "  - {name: r, step_type: decision, dependencies: [], handler: {callable: x}}\n"),
        minimal("demo", "  - {name: r, type: batchable, handler: {callable: x}}\n"),
        minimal("demo", "  - {name: r, type: batchable, handler: {callable: x, initialization: {}}}\n"),
        minimal("demo", "  - {name: r, type: batch_worker, handler: {callable: x}}\n"),
        minimal("demo", "  - {name: r, type: batch_worker, handler: {callable: x}, batch_config: ~}\n"),
        minimal("demo",
                "  - {name: r, type: batch_worker, handler: {callable: x}, batch_config: {batch_size: 1}}\n"),
        minimal("demo", "input_schema: []\n"),
        minimal("demo", "input_schema: true\n"),
        minimal("demo", "identity_strategy: uniqe\n"),
        minimal("demo", "metadata: {created_at: yesterday}\n"),
        minimal("demo", "lifecycle: {max_duration_minutes: 43201}\n"),
        minimal("demo", "environments: {test: ~}\n"),
        minimal("demo", "environments: {test: {steps: [{timeout_seconds: 1}]}}\n"),
        minimal("demo", "environments: {test: {steps: [{name: first, handler: {callable: y}}]}}\n"),
    };
}

std::string text_of(const std::filesystem::path& file) {
    std::ifstream in(file, std::ios::binary);
    std::ostringstream out;
    out << in.rdbuf();
    return out.str();
}

}  // namespace

TEST_CASE("template schema: it is a JSON Schema of draft 7 that the validator understands to the last word") {
    const auto document = nlohmann::json::parse(template_json_schema());
    CHECK(document["$schema"] == "http://json-schema.org/draft-07/schema#");
    for (const SchemaRemark& remark : schema().remarks()) {
        CAPTURE(remark.pointer);
        CAPTURE(remark.message);
        CHECK_FALSE(remark.unusable);
    }
    const auto& step = document["properties"]["steps"]["items"]["properties"];
    CHECK(step["retry"]["properties"]["max_attempts"]["maximum"] == 100);
    CHECK(step["retry"]["properties"]["limit"]["description"] ==
          "Write max_attempts instead (attempts in all, the first one included).");
    CHECK(step["depends_on"]["description"] == "Another spelling of dependencies.");
    CHECK(step["type"]["enum"].size() == 6);
    CHECK(step["retry"]["properties"]["backoff"]["default"] == "exponential");
}

TEST_CASE("template schema: the shipped templates pass it and the checker") {
    int count = 0;
    for (const auto& entry : std::filesystem::recursive_directory_iterator(TASKER_SOURCE_DIR "/templates")) {
        if (entry.path().extension() != ".yaml" && entry.path().extension() != ".yml") continue;
        CAPTURE(entry.path().string());
        const std::string yaml = text_of(entry.path());
        CHECK(by_checker(yaml) == "");
        CHECK(by_schema(yaml) == "");
        ++count;
    }
    CHECK(count > 0);
}

TEST_CASE(
    "template schema: what the checker takes the schema takes, and what it refuses the schema refuses") {
    for (const std::string& yaml : good()) {
        CAPTURE(yaml);
        CHECK(by_checker(yaml) == "");
        CHECK(by_schema(yaml) == "");
    }
    for (const std::string& yaml : bad()) {
        CAPTURE(yaml);
        CHECK(by_checker(yaml) != "");
        CHECK(by_schema(yaml) != "");
    }
}
