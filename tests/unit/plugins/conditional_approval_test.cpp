#include <doctest/doctest.h>

#include <string>
#include <tasker/testing.hpp>
#include <vector>

#include "plugins/conditional_approval/handlers.hpp"

using tasker::json;
using tasker::testing::StepTest;
using namespace conditional_approval;

namespace {

const json kLimits{{"auto_below", 1000}, {"finance_from", 5000}};

tasker::testing::StepRun route(std::int64_t amount, const json& config = kLimits) {
    return StepTest::of<RouteRequest>()
        .dependency("validate_request", {{"request_id", "R-1"}, {"requester", "ada"}, {"amount", amount}})
        .config(config)
        .run();
}

}  // namespace

TEST_CASE("an expense request is checked") {
    auto step = StepTest::of<ValidateRequest>();
    const json request{{"request_id", "R-1"}, {"requester", "ada"}, {"amount", 500}};
    CHECK(step.input(request).run()->result() == request);
    json odd = request;
    odd["amount"] = 0;
    CHECK(step.input(odd).run()->error_code() == "INVALID_AMOUNT");
    odd["amount"] = "many";
    CHECK(step.input(odd).run()->error_message() == "input 'amount': expected integer, found string");
    odd = request;
    odd.erase("requester");
    CHECK(step.input(odd).run()->error_code() == "MISSING_VALUE");
}

TEST_CASE("the amount decides who approves, at each limit") {
    using Names = std::vector<std::string>;
    const std::pair<std::int64_t, Names> rows[] = {{1, {"auto_approve"}},
                                                   {999, {"auto_approve"}},
                                                   {1000, {"manager_approval"}},
                                                   {4999, {"manager_approval"}},
                                                   {5000, {"manager_approval", "finance_review"}},
                                                   {1'000'000, {"manager_approval", "finance_review"}}};
    for (const auto& [amount, steps] : rows) {
        CAPTURE(amount);
        const auto run = route(amount);
        CHECK(run.decided_steps() == steps);
        CHECK(run->result()["routing_context"]["amount"] == amount);
    }
    CHECK(route(500, {{"auto_below", 1000}, {"finance_from", 999}})->error_code() == "INVALID_LIMITS");
    CHECK(route(500, json::object())->error_code() == "MISSING_VALUE");
}

TEST_CASE("who is asked answers as the input says, and approves when it says nothing") {
    auto manager = StepTest::of<AskManager>();
    CHECK(manager.run()->result() == json{{"approved", true}, {"approver", "manager"}});
    CHECK(manager.input({{"manager", {{"approve", false}, {"note", "too much"}}}}).run()->result() ==
          json{{"approved", false}, {"approver", "manager"}, {"note", "too much"}});
    CHECK(manager.input({{"manager", {{"approve", "no"}}}}).run()->error_message() ==
          "input 'manager.approve': expected boolean, found string");
    CHECK(StepTest::of<AskFinance>().run()->result()["approver"] == "finance");
    CHECK(StepTest::of<AutoApprove>().run()->result() == json{{"approved", true}, {"approver", "auto"}});
}

TEST_CASE("the end gathers those who were asked, and nobody else") {
    auto finalize = StepTest::of<FinalizeApproval>();
    finalize.dependency("validate_request", {{"request_id", "R-1"}})
        .dependency("routing_decision", route(10000)->result())
        .dependency("manager_approval", {{"approved", true}, {"approver", "manager"}})
        .dependency("finance_review", {{"approved", true}, {"approver", "finance"}});
    CHECK(finalize.run()->result() == json{{"request_id", "R-1"},
                                           {"approved", true},
                                           {"approval_path", "manager_and_finance"},
                                           {"approvers", {"manager", "finance"}},
                                           {"rejected_by", json::array()}});
    finalize.dependency("finance_review", {{"approved", false}, {"approver", "finance"}});
    const auto rejected = finalize.run();
    CHECK(rejected->is_success());
    CHECK(rejected->result()["approved"] == false);
    CHECK(rejected->result()["rejected_by"] == json{"finance"});

    finalize.dependency("routing_decision", {{"approval_path", "lost"}});
    CHECK(finalize.run()->error_code() == "NO_DECISION");
}
