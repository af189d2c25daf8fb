#include "host/model/outcomes.hpp"

#include <doctest/doctest.h>

#include <nlohmann/json.hpp>
#include <string>
#include <variant>

#include "tests/conformance/template_text.hpp"

using namespace tasker::host;
using namespace tasker::host::conformance;

namespace {
TaskTemplate batches() {
    return graph("batch", {batchable("cut", "W"),
                           {"free_cut", {}, {}, kCallable, R"("type":"batchable")"},
                           batch_worker("W", {"cut"}),
                           {"bare", {"cut"}, {}, kCallable, R"("type":"batch_worker")"},
                           batch_worker("anybody", {}),
                           {"W_9", {"cut"}},
                           convergence("sum", {"W"})});
}

// Of step 1 of approval(), of step `index` of batches().
std::string decision_fault(const std::string& result) {
    const auto parsed = parse_outcome(approval(), 1, result);
    const auto* invalid = std::get_if<InvalidOutcome>(&parsed);
    return invalid ? invalid->message : "accepted";
}
std::string batch_fault(const std::string& result, std::size_t index = 0) {
    const auto parsed = parse_outcome(batches(), index, result);
    const auto* invalid = std::get_if<InvalidOutcome>(&parsed);
    return invalid ? invalid->message : "accepted";
}
std::string decided(const std::string& outcome) { return R"({"decision_point_outcome":)" + outcome + "}"; }
std::string cut(const std::string& members) {
    return R"({"batch_processing_outcome":{"type":"create_batches",)" + members + "}}";
}
}  // namespace

TEST_CASE("outcomes: a step of another type may say what it likes") {
    const auto parsed = parse_outcome(approval(), 0, "[]");
    CHECK(std::holds_alternative<std::monostate>(std::get<MakingOutcome>(parsed)));
}

TEST_CASE("outcomes: a decision's names, each once, in their order") {
    const auto parsed = parse_outcome(approval(), 1, create_steps({"large", "small", "large"}));
    const auto& outcome = std::get<DecisionOutcome>(std::get<MakingOutcome>(parsed));
    CHECK(outcome.step_names == std::vector<std::string>{"large", "small"});
    CHECK(decision_fault(no_branches()) == "accepted");
}

TEST_CASE("outcomes: what a decision may say wrong is named with the nearest right thing") {
    CHECK(decision_fault("{}") == "decision 'route': result.decision_point_outcome is missing");
    CHECK(decision_fault(R"({"decision_point_outcom":{}})") ==
          "decision 'route': result.decision_point_outcome is missing ('decision_point_outcom' is not read)");
    CHECK(decision_fault("[]").find("the result is not an object") != std::string::npos);
    CHECK(decision_fault(decided("7")).find("is 7, not an object") != std::string::npos);
    CHECK(
        decision_fault(decided("{}")).find(".type is missing; it is one of 'create_steps', 'no_branches'") !=
        std::string::npos);
    CHECK(decision_fault(decided(R"({"type":1})")).find(".type is 1, not one of") != std::string::npos);
    CHECK(decision_fault(decided(R"({"type":"no_branch"})")).find("did you mean 'no_branches'?") !=
          std::string::npos);
    CHECK(decision_fault(decided(R"({"type":"create_steps"})")).find(".step_names is missing") !=
          std::string::npos);
    CHECK(decision_fault(decided(R"({"type":"create_steps","step_names":"small"})"))
              .find("not a list of names") != std::string::npos);
    CHECK(decision_fault(create_steps({})).find("the type is 'no_branches'") != std::string::npos);
    CHECK(decision_fault(decided(R"({"type":"create_steps","step_names":["small",3]})"))
              .find(".step_names[1] is 3, not a string") != std::string::npos);
    CHECK(decision_fault(create_steps({""})).find("[0] is empty") != std::string::npos);
    CHECK(decision_fault(create_steps({"smal"})).find("did you mean 'small'?") != std::string::npos);
    CHECK(decision_fault(create_steps({"check"})).find("which is not below this decision") !=
          std::string::npos);
    CHECK(decision_fault(create_steps({"route"})).find("which is not below this decision") !=
          std::string::npos);
    CHECK(decision_fault(create_steps(std::vector<std::string>(101, "small"))).find("101 names") !=
          std::string::npos);
    CHECK(decision_fault(create_steps(std::vector<std::string>(100, "small"))) == "accepted");
}

TEST_CASE("outcomes: a long value is cut, whatever it is") {
    const std::string message = decision_fault(create_steps({std::string(10'000, 'x')}));
    CHECK(message.size() < 400);
    CHECK(message.find("...") != std::string::npos);
}

TEST_CASE("outcomes: a decision may not name a batch worker, nor what is behind another decision") {
    const auto definition = graph("nested", {{"start"},
                                             decision("one", {"start"}),
                                             decision("two", {"one"}),
                                             {"behind", {"two"}},
                                             batchable("cut", "W", {"one"}),
                                             batch_worker("W", {"cut"})});
    const auto fault = [&](const std::string& name) {
        const auto parsed = parse_outcome(definition, 1, create_steps({name}));
        const auto* invalid = std::get_if<InvalidOutcome>(&parsed);
        return invalid ? invalid->message : "accepted";
    };
    CHECK(fault("two") == "accepted");
    CHECK(fault("cut") == "accepted");
    CHECK(fault("behind").find("not below this decision") != std::string::npos);
    CHECK(fault("W").find("name the batchable step") != std::string::npos);
}

TEST_CASE("outcomes: batches with their cursors") {
    const auto parsed = parse_outcome(
        batches(), 0,
        cut(R"("worker_template_name":"W","worker_count":9,"total_items":2,"cursor_configs":[)"
            R"({"batch_id":"001","start_cursor":{"after":"k"},"end_cursor":null,"batch_size":5,"note":1}])"));
    const auto& outcome = std::get<BatchOutcome>(std::get<MakingOutcome>(parsed));
    REQUIRE(outcome.cursors.size() == 1);
    CHECK(outcome.cursors[0].batch_id == "001");
    CHECK(outcome.cursors[0].cursor_json ==
          R"({"batch_id":"001","start_cursor":{"after":"k"},"end_cursor":null,"batch_size":5})");
}

TEST_CASE("outcomes: what a batchable step may say wrong") {
    const std::string good =
        R"("worker_count":1,"total_items":1,"cursor_configs":[{"batch_id":"1","start_cursor":0,)"
        R"("end_cursor":1,"batch_size":1}])";
    CHECK(batch_fault(cut(R"("worker_template_name":"W",)" + good)) == "accepted");
    CHECK(batch_fault(cut(R"("worker_template_name":"anybody",)" + good)) == "accepted");
    CHECK(batch_fault(cut(good)) ==
          "batchable step 'cut': result.batch_processing_outcome.worker_template_name is missing");
    CHECK(batch_fault(cut(R"("worker_template_name":"w",)" + good)).find("did you mean 'W'?") !=
          std::string::npos);
    CHECK(batch_fault(cut(R"("worker_template_name":"sum",)" + good))
              .find("type 'deferred_convergence', not 'batch_worker'") != std::string::npos);
    CHECK(batch_fault(cut(R"("worker_template_name":"bare",)" + good)).find("has no batch_config") !=
          std::string::npos);
    CHECK(batch_fault(cut(R"("worker_template_name":"W",)" + good), 1).find("is not below this step") !=
          std::string::npos);
    const auto with = [&](const std::string& cursors) {
        return batch_fault(cut(
            R"("worker_template_name":"W","worker_count":1,"total_items":1,"cursor_configs":)" + cursors));
    };
    CHECK(with("[]").find("without work the type is 'no_batches'") != std::string::npos);
    CHECK(with("{}").find("not a list") != std::string::npos);
    CHECK(with("[3]").find("cursor_configs[0] is 3, not an object") != std::string::npos);
    const auto cursor = [&](const std::string& id, const std::string& size) {
        return with("[{\"batch_id\":" + id + R"(,"start_cursor":0,"end_cursor":1,"batch_size":)" + size +
                    "}]");
    };
    CHECK(cursor(R"("a b")", "1").find("letters, digits and _ - . : only") != std::string::npos);
    CHECK(cursor(R"("")", "1").find("batch_id is empty") != std::string::npos);
    CHECK(cursor("1", "1").find("batch_id is 1, not a string") != std::string::npos);
    CHECK(cursor('"' + std::string(127, 'x') + '"', "1").find("longer than 128") != std::string::npos);
    CHECK(cursor('"' + std::string(126, 'x') + '"', "1") == "accepted");
    CHECK(cursor(R"("9")", "1").find("the template has a step 'W_9'") != std::string::npos);
    for (const auto* size : {"-1", "1.5", "4294967296", R"("1")"})
        CHECK(cursor(R"("1")", size).find(".batch_size is ") != std::string::npos);
    CHECK(with(R"([{"batch_id":"1","end_cursor":1,"batch_size":1}])").find(".start_cursor is missing") !=
          std::string::npos);
    CHECK(batch_fault(R"({"batch_processing_outcome":{"type":"create_batches","worker_template_name":"W",)"
                      R"("worker_count":-1,"total_items":1,"cursor_configs":[1]}})")
              .find(".worker_count is -1, not a whole number") != std::string::npos);
}

TEST_CASE("outcomes: no batches needs the worker's name in the step's initialization") {
    CHECK(batch_fault(no_batches()) == "accepted");
    CHECK(batch_fault(no_batches(), 1).find("handler.initialization.worker_template_name of the step") !=
          std::string::npos);
}

TEST_CASE("outcomes: inputs of a worker are its initialization with the batch over it") {
    TaskTemplate definition = batches();
    StepTemplate& worker = definition.steps[2];
    worker.handler.initialization_json =
        R"({"a":[1,{"b":2}],"cursor":"mine","is_no_op":"mine","\u0063ursor":3,"z":null})";
    const std::string inputs = batch_inputs_json(worker, no_op_cursor().cursor_json, true);
    CHECK(nlohmann::json::parse(inputs) ==
          nlohmann::json::parse(
              R"({"a":[1,{"b":2}],"z":null,"cursor":{"batch_id":"000","start_cursor":0,"end_cursor":0,)"
              R"("batch_size":0},"batch_metadata":{"cursor_field":"id","failure_strategy":"fail_fast"},)"
              R"("is_no_op":true,"__template_step_name":"W"})"));
    worker.handler.initialization_json = "{}";
    CHECK(nlohmann::json::parse(batch_inputs_json(worker, "{}", false)).size() == 4);
}
