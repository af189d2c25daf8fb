#include <doctest/doctest.h>

#include <nlohmann/json.hpp>

#include "tests/unit/templates/template_text.hpp"

using namespace tasker::host;
using namespace tasker::host::testing;
using Json = nlohmann::json;

TEST_CASE("T08: the smallest template gets every default of the canonical form") {
    const auto loaded = parsed(
        "name: charge_card\nnamespace_name: payments\nversion: \"1.0.0\"\nsteps:\n"
        "  - name: authorize\n    handler: {callable: payments.authorize, initialization: {limit: 5}}\n"
        "    timeout_seconds: 30\n");
    REQUIRE(all_text(loaded.diagnostics) == "");
    const auto entry = loaded.catalog.find("payments", "charge_card", "1.0.0");
    REQUIRE(entry != nullptr);
    const Json expected = Json::parse(R"json(
{"name":"charge_card","namespace_name":"payments","version":"1.0.0","description":null,"metadata":null,
 "system_dependencies":{"primary":"default","secondary":[]},"domain_events":[],"input_schema":null,
 "steps":[
  {"name":"authorize","description":null,"handler":{"callable":"payments.authorize","method":null,"resolver":null,"initialization":{"limit":5}},
   "type":"standard","system_dependency":null,"dependencies":[],
   "retry":{"retryable":true,"max_attempts":3,"backoff":"exponential","backoff_base_ms":1000,"max_backoff_ms":30000},
   "timeout_seconds":30,"publishes_events":[],"batch_config":null}],
 "environments":{},"lifecycle":null,"identity_strategy":"strict"})json");
    CHECK(Json::parse(entry->definition_json) == expected);
    CHECK(Json::parse(entry->steps[0].definition_json) == expected["steps"][0]);
    CHECK(entry->steps[0].retry == RetryPolicy{});
    CHECK(entry->identity == IdentityStrategy::Strict);
    CHECK(entry->input_schema_json.empty());
    CHECK(entry->source_path == "t.yaml");
    CHECK(template_from_json(entry->definition_json).definition_json == entry->definition_json);
}

TEST_CASE("a template that uses everything keeps everything") {
    const auto loaded = parsed(R"(
name: order
namespace_name: orders
version: "2.0.0"
description: an order
identity_strategy: caller_provided
metadata: {author: us, tags: [a, b], documentation_url: "https://example.org", created_at: "2026-01-31T12:00:00.5+01:00"}
system_dependencies: {primary: shop, secondary: [bank]}
domain_events: [{name: order.placed, schema: {type: object}}]
input_schema: {type: object, required: [sku], properties: {sku: {type: string}}}
steps:
  - name: validate
    description: looks at it
    system_dependency: shop
    handler: {callable: "orders:validate", method: check}
    retry: {retryable: false}
    publishes_events: []
    batch_config: ~
    result_schema: {type: object}
  - name: reserve
    step_type: standard
    depends_on: [validate]
    handler: {callable: orders.reserve}
    retry: {max_attempts: 5, backoff: fibonacci, backoff_base_ms: 100, max_backoff_ms: 2000}
  - name: pay
    type: standard
    dependencies: [validate]
    handler: {callable: orders.pay}
    retry: {backoff: none}
  - name: ship
    dependencies: [pay, reserve]
    handler: {callable: orders.ship}
environments:
  test: {steps: [{name: ship, timeout_seconds: 1}]}
)");
    REQUIRE(all_text(loaded.diagnostics) == "");
    const TaskTemplate& entry = *loaded.catalog.all().at(0);
    CHECK(entry.id() == "orders/order/2.0.0");
    CHECK(entry.description == "an order");
    CHECK(entry.identity == IdentityStrategy::CallerProvided);
    CHECK(Json::parse(entry.input_schema_json)["required"][0] == "sku");
    REQUIRE(entry.steps.size() == 4);
    CHECK(entry.steps[0].handler.method == "check");
    CHECK(entry.steps[0].retry == RetryPolicy{.retryable = false, .max_ms = 3'600'000});
    CHECK(entry.steps[1].retry ==
          RetryPolicy{.max_attempts = 5, .backoff = Backoff::Fibonacci, .base_ms = 100, .max_ms = 2000});
    CHECK(entry.steps[2].retry == RetryPolicy{.backoff = Backoff::None, .max_ms = 3'600'000});
    CHECK(entry.steps[3].dependencies == std::vector<std::string>{"pay", "reserve"});
    CHECK(entry.steps[3].dependency_ids == std::vector<std::size_t>{2, 1});
    CHECK(entry.steps[3].ancestor_ids == std::vector<std::size_t>{0, 1, 2});
    CHECK(entry.steps[0].dependent_ids == std::vector<std::size_t>{1, 2});
    const Json definition = Json::parse(entry.definition_json);
    CHECK(definition["metadata"]["updated_at"].is_null());
    CHECK(definition["domain_events"][0]["description"].is_null());
    CHECK(definition["steps"][1]["dependencies"][0] == "validate");
    CHECK_FALSE(definition["steps"][1].contains("depends_on"));
    CHECK_FALSE(definition["steps"][1].contains("step_type"));
    CHECK(definition["steps"][0]["result_schema"]["type"] == "object");
    CHECK_FALSE(definition["steps"][1].contains("result_schema"));
    CHECK(definition["steps"][2]["retry"]["max_backoff_ms"].is_null());
    CHECK(definition["environments"]["test"]["steps"][0]["retry"].is_null());
}

TEST_CASE("a byte order mark and Windows line ends are accepted") {
    std::string yaml = "\xEF\xBB\xBF";
    for (const char c : minimal()) yaml += c == '\n' ? std::string("\r\n") : std::string(1, c);
    const auto loaded = parsed(yaml);
    CHECK(all_text(loaded.diagnostics) == "");
    CHECK(loaded.catalog.all().size() == 1);
}

TEST_CASE("document markers and a directive around the one document are accepted") {
    for (const std::string& yaml : {"---\n" + minimal(), "%YAML 1.2\n---\n" + minimal() + "...\n"}) {
        const auto loaded = parsed(yaml);
        CHECK(all_text(loaded.diagnostics) == "");
        CHECK(loaded.catalog.all().size() == 1);
    }
}

TEST_CASE("the limits of names are accepted") {
    const auto loaded =
        parsed("name: " + std::string(64, 'n') + "\nnamespace_name: _" + std::string(28, 'a') +
               "\nversion: '" + std::string(16, '1') + "'\nsteps:\n  - name: " + std::string(128, 's') +
               "\n    handler: {callable: " + std::string(500, 'c') + "}\n");
    CHECK(all_text(loaded.diagnostics) == "");
}

TEST_CASE("an empty method counts as absent and the resolver that the registry is may be named") {
    const auto plain = parsed(minimal());
    const auto loaded = parsed(minimal("demo", "      method: ''\n      resolver: explicit_mapping\n"));
    CHECK(all_text(loaded.diagnostics).empty());
    REQUIRE(loaded.catalog.all().size() == 1);
    CHECK(loaded.catalog.all()[0]->steps[0].handler.method.empty());
    CHECK(loaded.catalog.all()[0]->steps[0].handler.resolver == "explicit_mapping");
    CHECK(loaded.catalog.all()[0]->definition_json.find("\"method\":null") != std::string::npos);
}

TEST_CASE("T07: depends_on is another spelling of dependencies, also in the canonical form") {
    const auto both = parsed(minimal("demo", "  - {name: b, depends_on: [first], handler: {callable: x}}\n"));
    const auto usual =
        parsed(minimal("demo", "  - {name: b, dependencies: [first], handler: {callable: x}}\n"));
    REQUIRE(both.catalog.all().size() == 1);
    CHECK(both.catalog.all().at(0)->steps[1].dependencies == std::vector<std::string>{"first"});
    CHECK(both.catalog.all().at(0)->definition_json == usual.catalog.all().at(0)->definition_json);
}
