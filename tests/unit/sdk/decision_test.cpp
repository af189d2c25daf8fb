// Decision handlers: what they return, and what the host makes of it.
#include <string>
#include <vector>

#include "support.hpp"

using tasker::Decision;
using tasker::DecisionType;
using tasker::json;
using tasker::StepContext;
using tasker::StepHandlerResult;
using tasker::testing::StepTest;

namespace {

class Router : public tasker::DecisionHandler {
  public:
    static constexpr std::string_view handler_name = "test.router";
    StepHandlerResult call(StepContext& context) override {
        const auto mode = context.require_input<std::string>("mode");
        if (mode == "route") return route_to_steps({"a", "b"}, {{"amount", 5}}, {{"rule", "R1"}});
        if (mode == "plain") return decision_success({"a"});
        if (mode == "skip") return skip_branches("nothing to do");
        if (mode == "none") return decision_no_branches({{"why", 1}});
        if (mode == "empty") return decision_success({});
        if (mode == "blank") return decision_success({"a", ""});
        if (mode == "outcome") return decision_success_with_outcome(Decision::skip("r", {{"k", 1}}));
        return decision_failure("no rule for " + mode);
    }
};

using Amount = tasker::decision_function<
    "test.amount",
    [](const json& amount) {
        if (amount.is_null()) return Decision::skip("no amount");
        return Decision::route({amount < 1000 ? "auto_approve" : "manager_approval"}, {{"amount", amount}});
    },
    tasker::inputs<"amount">>;

// Decides without being a decision handler.
class Impostor : public tasker::StepHandler {
  public:
    static constexpr std::string_view handler_name = "test.impostor";
    StepHandlerResult call(StepContext&) override { return StepHandlerResult::decision({"a"}); }
};

tasker::testing::StepRun routed(const char* mode) {
    return StepTest::of<Router>().input({{"mode", mode}}).run();
}

}  // namespace

TEST_CASE("D01: decision_success names the steps in decision_point_outcome") {
    const auto run = routed("route");
    CHECK(run.decided_steps() == std::vector<std::string>{"a", "b"});
    CHECK(run->result() ==
          json{{"decision_point_outcome", {{"type", "create_steps"}, {"step_names", {"a", "b"}}}},
               {"routing_context", {{"amount", 5}}}});
    CHECK(run->metadata() == json{{"rule", "R1"}});
    CHECK(run->is_success());
    CHECK(run->kind() == tasker::ResultKind::Decision);
}

TEST_CASE("D02: no branches, with the reason always written") {
    const auto run = routed("skip");
    CHECK(run.decided_steps().empty());
    CHECK(run->result() ==
          json{{"decision_point_outcome", {{"type", "no_branches"}}}, {"reason", "nothing to do"}});
    CHECK(routed("none")->result() ==
          json{{"decision_point_outcome", {{"type", "no_branches"}}}, {"why", 1}});
    CHECK(routed("outcome")->result()["routing_context"] == json{{"k", 1}});
}

TEST_CASE("D03: a decision failure is a decision_error and not retried") {
    const auto run = routed("other");
    CHECK(run->error_type() == "decision_error");
    CHECK_FALSE(run->retryable());
    CHECK(run->error_message() == "no rule for other");
}

TEST_CASE("D04: a decision without steps or with an empty name is a permanent validation error") {
    for (const auto* mode : {"empty", "blank"}) {
        const auto run = routed(mode);
        CHECK(run->error_type() == "validation_error");
        CHECK(run->error_code() == "INVALID_DECISION_OUTCOME");
        CHECK_FALSE(run->retryable());
    }
    CHECK_THROWS_AS(StepHandlerResult::decision({"a"}, json::array()), tasker::ValidationError);
    CHECK_THROWS_AS(StepHandlerResult::no_branches({{"decision_point_outcome", 1}}), tasker::ValidationError);
}

TEST_CASE("D06: routing_context is written only when there is one") {
    CHECK_FALSE(routed("plain")->result().contains("routing_context"));
    CHECK(routed("route")->result().contains("routing_context"));
}

TEST_CASE("H08 R17: a lambda decides in one line") {
    const auto decided = [](const json& input) { return StepTest::of<Amount>().input(input).run(); };
    CHECK(decided({{"amount", 5}}).decided_steps() == std::vector<std::string>{"auto_approve"});
    CHECK(decided({{"amount", 5000}}).decided_steps() == std::vector<std::string>{"manager_approval"});
    CHECK(decided(json::object())->result()["reason"] == "no amount");
    CHECK(decided({{"amount", "x"}}).decided_steps() == std::vector<std::string>{"manager_approval"});
}

TEST_CASE("H02: a handler that decides without being one fails with the remedy") {
    const auto run = StepTest::of<Impostor>().run();
    CHECK(run->error_type() == "invalid_outcome");
    CHECK_FALSE(run->retryable());
    CHECK(run->error_message().find("tasker::DecisionHandler") != std::string::npos);
    CHECK_THROWS_AS(run.decided_steps(), std::logic_error);
}

TEST_CASE("an earlier decision is read back from its result") {
    const auto decision = Decision::of(routed("route")->result());
    REQUIRE(decision);
    CHECK(decision->type() == DecisionType::CreateSteps);
    CHECK(decision->step_names() == std::vector<std::string>{"a", "b"});
    CHECK(decision->routing_context() == json{{"amount", 5}});
    CHECK(Decision::of(routed("skip")->result())->reason() == "nothing to do");
    CHECK_FALSE(Decision::of(json{{"x", 1}}));
    CHECK_FALSE(Decision::of(json(3)));
}

TEST_CASE("H02: kinds stand in the descriptor and in the manifest") {
    CHECK(tasker::detail::Descriptor<Router>::value.kind == TASKER_KIND_DECISION);
    CHECK(tasker::detail::Descriptor<Amount>::value.kind == TASKER_KIND_DECISION);
    CHECK(tasker::detail::Descriptor<Impostor>::value.kind == TASKER_KIND_STEP);
    namespace d = tasker::detail;
    using List =
        d::ManifestList<d::TypeList<Router>, d::Extensions<d::TypeList<>, d::TypeList<>, d::TypeList<>>>;
    std::string text(d::manifest_size<List>("id", "1"), '\0');
    d::FillingOut<1> out{text.data()};
    d::put_manifest<List>(out, "id", "1");
    CHECK(json::parse(text)["handlers"][0]["kind"] == "decision");
}
