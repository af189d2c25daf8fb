// W28, W31: what files say in several environments, twice, and in old words.

#include <algorithm>

#include "tests/workflows/flow_world.hpp"

using namespace tasker::host;
using namespace tasker::host::flows;

namespace {
std::shared_ptr<const TaskTemplate> payment_in(const std::string& environment) {
    return templates_of({files("templates/shops")}, environment)
        .catalog.find("payments", "credit_card_payment", "1.0.0");
}
json config(const TaskTemplate& definition, std::size_t step) {
    return json::parse(definition.steps[step].handler.initialization_json);
}
}  // namespace

TEST_CASE(
    "W28: a card payment runs with the configuration of its environment, and ${NAME} stays as it is "
    "written") {
    FlowWorld world({.environment = "staging"});
    const Uuid task = world.submit("payments", "credit_card_payment", {{"amount", 250}});
    CHECK(world.run(task).state == TaskState::Complete);
    CHECK(world.view(task).total_steps == 5);
    CHECK(world.result(task, "send_confirmation") == json{{"confirmed", 250}});
    CHECK(world.result(task, "validate_payment")["config"] ==
          json{{"max_amount", 10000}, {"strict", true}, {"stage", true}});
    CHECK(world.result(task, "check_fraud")["config"] ==
          json{{"service", "${FRAUD_SERVICE_URL}"}, {"threshold", 50}, {"stage", true}});
    CHECK(world.step(task, "authorize_payment").dependencies == Names{"validate_payment", "check_fraud"});
}

TEST_CASE("W28: development, production and an unknown environment change what they name and nothing else") {
    const auto development = payment_in("development");
    REQUIRE(development != nullptr);
    CHECK(config(*development, 1) ==
          json{{"service", "http://localhost:1"}, {"mock", true}, {"threshold", 50}});
    CHECK(development->steps[1].timeout_ms == 5000);
    CHECK(config(*development, 0) == json{{"max_amount", 10000}, {"strict", true}});
    const auto production = payment_in("production");
    CHECK(config(*production, 0) == json{{"max_amount", 5000}, {"strict", true}});
    CHECK(production->steps[0].retry.max_attempts == 5);
    CHECK(production->steps[1].timeout_ms == 30'000);
    const auto elsewhere = payment_in("elsewhere");
    CHECK(config(*elsewhere, 0) == json{{"max_amount", 10000}, {"strict", true}});
    CHECK(config(*elsewhere, 1)["service"] == "${FRAUD_SERVICE_URL}");
}

TEST_CASE("W28: the same payment in a second file is a warning that names both, another one keeps both out") {
    const auto twice = templates_of({files("templates/shops"), files("duplicates")});
    CHECK_FALSE(twice.has_errors());
    const auto told =
        std::find_if(twice.diagnostics.begin(), twice.diagnostics.end(),
                     [](const Diagnostic& entry) { return entry.code == "IDENTICAL_TEMPLATE"; });
    REQUIRE(told != twice.diagnostics.end());
    CHECK((told->file + told->message).find("w28_credit_card_payment.yaml") != std::string::npos);
    CHECK((told->file + told->message).find("duplicates/credit_card_payment.yaml") != std::string::npos);
    CHECK(twice.catalog.find("payments", "credit_card_payment", "1.0.0") != nullptr);

    const testing::TempDir folder;
    folder.write("other.yaml",
                 "name: credit_card_payment\nnamespace_name: payments\nversion: 1.0.0\nsteps:\n"
                 "  - {name: only, handler: {callable: flows.nothing}}\n");
    const auto rivals = templates_of({files("templates/shops"), folder.path()});
    CHECK(rivals.has_errors());
    CHECK(rivals.catalog.find("payments", "credit_card_payment", "1.0.0") == nullptr);
    CHECK(rivals.catalog.find("payments", "process_refund", "1.0.0") != nullptr);
}

TEST_CASE("W31: templates in old words load and run, with a warning for each word that nothing reads") {
    const auto loaded = templates_of({files("legacy")});
    CHECK(loaded.files == 9);
    CHECK_FALSE(loaded.has_errors());
    std::map<std::string, int> unknown;
    for (const Diagnostic& entry : loaded.diagnostics) {
        if (entry.code == "UNKNOWN_KEY") ++unknown[entry.path.substr(entry.path.rfind('.') + 1)];
    }
    CHECK(unknown == std::map<std::string, int>{
                         {"initial_delay", 26}, {"limit", 26}, {"loaded_from", 9}, {"max_delay", 26}});
    const auto limit = std::find_if(loaded.diagnostics.begin(), loaded.diagnostics.end(),
                                    [](const Diagnostic& entry) { return entry.path.ends_with(".limit"); });
    REQUIRE(limit != loaded.diagnostics.end());
    CHECK(limit->severity == Severity::Warning);
    CHECK(limit->message.find("did you mean 'max_attempts'") != std::string::npos);

    FlowWorld world({.templates = {files("legacy")}});
    const std::vector<std::pair<std::string, int>> integration{
        {"linear", 4}, {"diamond", 4}, {"tree", 6}, {"orchestration_test", 2}};
    for (const auto& [name, steps] : integration) {
        const Uuid task = world.submit("integration", name);
        CHECK(world.run(task).state == TaskState::Complete);
        CHECK(world.view(task).completed_steps == steps);
        CHECK(world.step(task, "a").max_attempts == 3);  // not the 4 of `limit`
    }
    for (const auto* name : {"mock_workflow", "identity_test", "state_machine_enabled", "step_creation_test",
                             "custom_configured_task"})
        CHECK(world.run(world.submit("test", name)).state == TaskState::Complete);
}
