// The order example through a worker: what goes wrong comes from the input.

#include "tests/e2e/cli/sandbox.hpp"

namespace tasker::host::e2e {

namespace {
json order(const std::string& sku = "BOOK-1") {
    return {{"order_id", "A-1"},
            {"customer", {{"email", "ada@example.com"}}},
            {"items", json::array({{{"sku", sku}, {"quantity", 2}, {"unit_price_cents", 1250}}})}};
}

std::string submit(const Sandbox& sandbox, const json& context) {
    return sandbox.document(
        {"task", "create", "order_fulfillment", "-n", "orders", "-c", context.dump()})["task_uuid"];
}
}  // namespace

TEST_CASE("an order passes through all of its steps") {
    const Sandbox sandbox;
    const auto worker = sandbox.worker({"--namespace", "orders"});
    const json task = sandbox.document({"task", "wait", submit(sandbox, order())});
    CHECK(task["status"] == "complete");
    CHECK(task["completed_steps"] == 5);
    CHECK(step(task, "authorize_payment")["results"]["result"]["amount_cents"] == 2500);
    CHECK(step(task, "ship_order")["results"]["result"]["reservation_id"] ==
          step(task, "reserve_inventory")["results"]["result"]["reservation_id"]);
    CHECK(step(task, "notify_customer")["results"]["result"]["notified"] == "ada@example.com");
    stop(*worker);
}

TEST_CASE("an order whose warehouse fails at first recovers on the retry") {
    const Sandbox sandbox;
    const auto worker = sandbox.worker({"--namespace", "orders"});
    json context = order();
    context["inventory"] = {{"fail_times", 2}};
    const json task = sandbox.document({"task", "wait", submit(sandbox, context)});
    CHECK(task["status"] == "complete");
    CHECK(step(task, "reserve_inventory")["attempts"] == 3);
    CHECK(step(task, "reserve_inventory")["results"]["result"]["attempt"] == 3);
    CHECK(step(task, "authorize_payment")["attempts"] == 1);
    stop(*worker);
}

TEST_CASE("an order whose payment is declined is blocked by the failure and says why") {
    const Sandbox sandbox;
    const auto worker = sandbox.worker({"--namespace", "orders"});
    json context = order();
    context["payment"] = {{"decline", true}};
    const std::string uuid = submit(sandbox, context);
    const json task = sandbox.document({"task", "wait", uuid}, 1);
    CHECK(task["status"] == "blocked_by_failures");
    const json& failed = step(task, "authorize_payment");
    CHECK(failed["current_state"] == "error");
    CHECK(failed["attempts"] == 1);
    CHECK(failed["results"]["success"] == false);
    CHECK(failed["results"]["status"] == "failed");
    CHECK(failed["results"]["result"] == json::object());
    CHECK(failed["results"]["error"]["error_code"] == "PAYMENT_DECLINED");
    CHECK(failed["results"]["error"]["message"] == "the payment was declined");
    CHECK(failed["results"]["metadata"]["retryable"] == false);
    CHECK(step(task, "ship_order")["current_state"] == "pending");

    const json seen = sandbox.document({"task", "get", uuid});
    CHECK(seen["status"] == "blocked_by_failures");
    CHECK(seen["failed_steps"] == 1);
    CHECK(step(seen, "authorize_payment")["current_state"] == "error");
    const Finished shown = sandbox.run({"task", "get", uuid});
    CHECK(shown.status.code == 0);
    CHECK(shown.out.find("the payment was declined") != std::string::npos);
    stop(*worker);
}

TEST_CASE("an order that exhausts its retries is blocked by the failure") {
    const Sandbox sandbox;
    const auto worker = sandbox.worker({"--namespace", "orders"});
    json context = order();
    context["inventory"] = {{"fail_times", 99}};
    const json task = sandbox.document({"task", "wait", submit(sandbox, context)}, 1);
    CHECK(task["status"] == "blocked_by_failures");
    CHECK(step(task, "reserve_inventory")["attempts"] == 3);
    CHECK(step(task, "reserve_inventory")["results"]["metadata"]["retryable"] == true);
    CHECK(step(task, "authorize_payment")["current_state"] == "complete");
    stop(*worker);
}

TEST_CASE("an order with an unknown SKU or a negative amount fails for good at the first attempt") {
    const Sandbox sandbox;
    const auto worker = sandbox.worker({"--namespace", "orders"});
    const json unknown = sandbox.document({"task", "wait", submit(sandbox, order("NO-SUCH-9"))}, 1);
    CHECK(unknown["status"] == "blocked_by_failures");
    CHECK(step(unknown, "validate_order")["attempts"] == 1);
    const std::string said = step(unknown, "validate_order")["results"]["error"]["message"];
    CHECK(said.find("NO-SUCH-9") != std::string::npos);

    json context = order();
    context["payment"] = {{"amount_cents", -5}};
    const json negative = sandbox.document({"task", "wait", submit(sandbox, context)}, 1);
    CHECK(negative["status"] == "blocked_by_failures");
    bool seen = false;
    for (const json& one : negative["steps"]) {
        seen = seen || (one["current_state"] == "error" && one["attempts"] == 1);
    }
    CHECK(seen);
    stop(*worker);
}

}  // namespace tasker::host::e2e
