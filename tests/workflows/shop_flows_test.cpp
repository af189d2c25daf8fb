// W5, W12, W23-W27, W29, W30: orders, events, services, refunds and articles.

#include <algorithm>

#include "host/core/guarded.hpp"
#include "tests/workflows/flow_world.hpp"

using namespace tasker::host;
using namespace tasker::host::flows;
using namespace std::chrono_literals;

namespace {
json order(int quantity) {
    return {
        {"items", {{{"price_cents", 250}, {"quantity", quantity}}, {{"price_cents", 100}, {"quantity", 1}}}}};
}

// What the worker's bus brought, by name.
struct Heard {
    using Events = Guarded<std::multimap<std::string, json>>;
    explicit Heard(FlowWorld& world)
        : subscription(world.worker().domain_events().subscribe(
              "test", {"*"}, [events = events](const DomainEvent& event) {
                  events->with([&](auto& all) { all.emplace(event.name, json::parse(event.event_json)); });
              })) {}
    Names names() {
        return events->with([](const auto& all) {
            Names found;
            for (const auto& [name, event] : all) found.push_back(name);
            return found;
        });
    }
    std::shared_ptr<Events> events = std::make_shared<Events>();
    Subscription subscription;
};

Names stored(FlowWorld& world, const std::string& namespace_name, std::vector<json>* events = nullptr) {
    Names names;
    for (const StoredEvent& one : world.worker().engine().events().list(namespace_name, 0, 100).events) {
        names.push_back(one.event.name);
        if (events != nullptr) events->push_back(json::parse(one.event.event_json));
    }
    std::sort(names.begin(), names.end());
    return names;
}
}  // namespace

TEST_CASE("W5: an order with nested configuration, results of earlier steps and time limits of its own") {
    FlowWorld world;
    const Uuid task = world.submit("rust_e2e_order_fulfillment", "business_workflow", order(4));
    CHECK(world.run(task).state == TaskState::Complete);
    CHECK(world.result(task, "validate_order") ==
          json{{"total_cents", 1100}, {"currency", "EUR"}, {"items", 2}});
    CHECK(world.result(task, "process_payment") == json{{"paid_cents", 1135}, {"time_limit_s", 90}});
    CHECK(world.result(task, "ship_order") ==
          json{{"reservation", "RSV-2"}, {"paid_cents", 1135}, {"currency", "EUR"}});
    json many = order(1);
    for (int i = 0; i < 3; ++i) many["items"].push_back(many["items"][0]);
    const Uuid refused = world.submit("rust_e2e_order_fulfillment", "business_workflow", many);
    CHECK(world.run(refused).state == TaskState::BlockedByFailures);
    CHECK(world.error(refused, "validate_order")["message"] == "an order has 1 to 3 items");
}

TEST_CASE("W12: each event goes its declared way, the payment's through its publisher") {
    FlowWorld world;
    Heard heard(world);
    const Uuid task =
        world.submit("domain_events", "domain_event_publishing", {{"order_id", "O-1"}, {"amount", 12}});
    CHECK(world.run(task).state == TaskState::Complete);
    REQUIRE(testing::eventually(20s, [&] { return heard.names().size() == 3; }));
    CHECK(heard.names() == Names{"inventory.updated", "notification.sent", "order.validated"});
    std::vector<json> kept;
    CHECK(stored(world, "domain_events", &kept) == Names{"inventory.updated", "payment.processed"});
    const auto paid = std::find_if(kept.begin(), kept.end(), [](const json& event) {
        return event["event_name"] == "payment.processed";
    });
    REQUIRE(paid != kept.end());
    const json payment{{"order_id", "O-1"}, {"amount", 12}, {"card", "****1111"}};
    CHECK((*paid)["payload"]["payload"] == payment);
    CHECK((*paid)["metadata"]["masked"] == true);
    CHECK((*paid)["metadata"]["step_name"] == "process_payment");
}

TEST_CASE("W12: a declined payment publishes the failure and nothing behind it") {
    FlowWorld world;
    Heard heard(world);
    const Uuid task = world.submit("domain_events", "domain_event_publishing",
                                   {{"order_id", "O-2"}, {"amount", 12}, {"decline", true}});
    CHECK(world.run(task).state == TaskState::BlockedByFailures);
    REQUIRE(testing::eventually(20s, [&] { return heard.names() == Names{"order.validated"}; }));
    std::vector<json> kept;
    CHECK(stored(world, "domain_events", &kept) == Names{"payment.failed"});
    CHECK(kept.at(0)["payload"]["payload"]["error_code"] == "DECLINED");
}

TEST_CASE("W23: from a cart to its confirmation; a bad cart is told by member, an empty one is not taken") {
    FlowWorld world;
    const json cart = {{{"sku", "A"}, {"quantity", 2}, {"price_cents", 150}},
                       {{"sku", "B"}, {"quantity", 1}, {"price_cents", 99}}};
    const Uuid task = world.submit("ecommerce", "ecommerce_order_processing",
                                   {{"cart", cart}, {"customer", {{"email", "ada@example.com"}}}});
    CHECK(world.run(task).state == TaskState::Complete);
    CHECK(world.view(task).total_steps == 5);
    const json confirmation = world.result(task, "send_confirmation");
    CHECK(confirmation["sent_to"] == "ada@example.com");
    CHECK(confirmation["dear"] == "guest");
    CHECK(confirmation["order_number"] == world.result(task, "create_order")["order_number"]);
    CHECK(world.result(task, "create_order")["total_cents"] == 399);

    json bad = cart;
    bad[1]["quantity"] = "one";
    const Uuid refused = world.submit("ecommerce", "ecommerce_order_processing",
                                      {{"cart", bad}, {"customer", {{"email", "e"}}}});
    CHECK(world.run(refused).state == TaskState::BlockedByFailures);
    CHECK(world.error(refused, "validate_cart")["error_type"] == "validation_error");
    CHECK(world.error(refused, "validate_cart")["message"].get<std::string>().find("quantity") !=
          std::string::npos);
    const auto empty = world.try_submit("ecommerce", "ecommerce_order_processing",
                                        {{"cart", json::array()}, {"customer", {{"email", "e"}}}});
    REQUIRE(std::holds_alternative<Refused>(empty));
    CHECK(std::get<Refused>(empty).why == Refusal::Invalid);
}

TEST_CASE("W24: three roots run at the same time, and three branches are joined") {
    FlowWorld world;
    const Uuid task = world.submit("data_pipeline", "analytics_pipeline",
                                   {{"rows", {{"sales", 100}, {"inventory", 50}, {"customers", 20}}}});
    CHECK(world.run(task).state == TaskState::Complete);  // an extract that is alone fails
    CHECK(world.view(task).total_steps == 8);
    CHECK(
        world.result(task, "aggregate_metrics") ==
        json{{"rows", 153}, {"sources", {"transform_customers", "transform_inventory", "transform_sales"}}});
    CHECK(world.result(task, "generate_insights") == json{{"rows", 153}, {"ancestors", 7}});
}

TEST_CASE("W25: billing is left out for a free user and tried again for the others") {
    FlowWorld world;
    const Uuid free = world.submit("microservices", "user_registration", {{"name", "ada"}});
    CHECK(world.run(free).state == TaskState::Complete);
    CHECK(world.result(free, "send_welcome_sequence") ==
          json{{"mentions_billing", false}, {"newsletter", false}});
    CHECK(world.result(free, "update_user_status") == json{{"user_id", "U-ada"}, {"status", "active_free"}});
    const Uuid paying = world.submit(
        "microservices", "user_registration",
        {{"name", "bob"}, {"plan", "pro"}, {"billing_down", true}, {"preferences", {{"newsletter", true}}}});
    CHECK(world.run(paying).state == TaskState::Complete);
    CHECK(world.step(paying, "setup_billing_profile").attempts == 2);
    CHECK(world.attempts(paying, "setup_billing_profile")[0]["error"]["error_code"] == "NETWORK_ERROR");
    CHECK(world.result(paying, "send_welcome_sequence") ==
          json{{"mentions_billing", true}, {"newsletter", true}});
    CHECK(world.result(paying, "update_user_status")["status"] == "active");
}

TEST_CASE(
    "W26: a refund within the policy, one that a manager approves, one that nobody approves, one too late") {
    FlowWorld world;
    const auto refund = [&](json context) {
        context["payment_id"] = "P-1";
        const Uuid task = world.submit("customer_success", "process_refund", context);
        world.run(task);
        return task;
    };
    const Uuid small = refund({{"amount_cents", 4000}});
    CHECK(world.view(small).state == TaskState::Complete);
    CHECK(world.result(small, "update_ticket_status") ==
          json{{"ticket", "closed"}, {"approved_by", "policy"}, {"delegated_to", "payments"}});
    const Uuid large = refund({{"amount_cents", 9000}, {"manager_approves", true}});
    CHECK(world.result(large, "update_ticket_status")["approved_by"] == "manager");
    const Uuid refused = refund({{"amount_cents", 9000}});
    CHECK(world.view(refused).state == TaskState::BlockedByFailures);
    CHECK(world.error(refused, "get_manager_approval")["error_code"] == "NOT_APPROVED");
    const Uuid late = refund({{"amount_cents", 10}, {"days_since_purchase", 31}});
    CHECK(world.error(late, "check_refund_policy")["error_code"] == "OUTSIDE_OF_WINDOW");
    CHECK(world.envelope(late, "check_refund_policy")["metadata"]["custom"]["days"] == 31);
}

TEST_CASE("W27: the refund that customer success delegates is a task of payments with the same name") {
    FlowWorld world;
    const Uuid ticket =
        world.submit("customer_success", "process_refund", {{"payment_id", "P-7"}, {"amount_cents", 100}});
    CHECK(world.run(ticket).state == TaskState::Complete);
    const json delegated = world.result(ticket, "execute_refund_workflow");
    json context = delegated["context"];
    context["gateway_failures"] = 1;
    const Uuid money = world.submit(delegated["namespace"], delegated["task"], context);
    CHECK(world.run(money).state == TaskState::Complete);
    CHECK(world.step_names(money) == Names{"notify_customer", "process_gateway_refund",
                                           "update_payment_records", "validate_payment_eligibility"});
    CHECK(world.step(money, "process_gateway_refund").attempts == 2);
    CHECK(world.result(money, "process_gateway_refund")["refund_id"] == "RF-P-7");
    CHECK(world.result(money, "notify_customer") == json{{"namespace", "payments"}, {"recorded", "RF-P-7"}});
    CHECK(delegated["correlation_id"] == world.view(ticket).correlation_id.str());
    // The gateway stays down: two attempts, then nobody is notified.
    context["gateway_failures"] = 2;
    const Uuid down = world.submit("payments", "process_refund", context);
    CHECK(world.run(down).state == TaskState::BlockedByFailures);
    CHECK(world.step(down, "process_gateway_refund").attempts == 2);
    CHECK(world.step(down, "notify_customer").state == StepState::Pending);
}

TEST_CASE("W29: two diamonds in a row with depends_on; the article is read as a struct") {
    FlowWorld world;
    const Uuid task =
        world.submit("content_publishing", "publish_article",
                     {{"title", "A Plugin Host"}, {"words", 1001}, {"tags", {"c++", "plugins"}}});
    CHECK(world.view(task).total_steps == 7);
    CHECK(world.run(task).state == TaskState::Complete);
    CHECK(world.result(task, "prepare_article") == json{{"slug", "a-plugin-host"}, {"reading_minutes", 6}});
    CHECK(world.result(task, "publish") ==
          json{{"urls", {{"send_feed", "/a-plugin-host"}, {"send_newsletter", "/a-plugin-host"}}},
               {"checks", 2}});
    CHECK(world.step(task, "prepare_article").dependencies == Names{"check_spelling", "check_facts"});
    const Uuid bad =
        world.submit("content_publishing", "publish_article", {{"title", "T"}, {"words", 1}, {"tags", {1}}});
    CHECK(world.run(bad).state == TaskState::BlockedByFailures);
    CHECK(world.error(bad, "write_draft")["message"].get<std::string>().find("tags") != std::string::npos);
}

TEST_CASE("W30: results with schemas, lists in lists, each read as its type") {
    FlowWorld world;
    const json lines = {{{"sku", "A"}, {"cents", 300}}, {{"sku", "B"}, {"cents", 100}}};
    const Uuid task =
        world.submit("codegen_tests", "codegen_test", {{"order", {{"id", "O-1"}, {"lines", lines}}}});
    CHECK(world.run(task).state == TaskState::Complete);
    CHECK(world.view(task).total_steps == 5);
    CHECK(world.result(task, "enrich")["groups"] ==
          json::array({json::array({"A", "A-copy"}), json::array({"B", "B-copy"})}));
    CHECK(world.result(task, "report") == json{{"names", 4}, {"cents", 400}});
    CHECK(world.result(task, "metrics") == json{{"average_cents", 200}});
    json bad = lines;
    bad[1].erase("cents");
    const Uuid refused =
        world.submit("codegen_tests", "codegen_test", {{"order", {{"id", "O-2"}, {"lines", bad}}}});
    CHECK(world.run(refused).state == TaskState::BlockedByFailures);
    CHECK(world.error(refused, "validate")["message"].get<std::string>().find("cents") != std::string::npos);
}
