#include <doctest/doctest.h>

#include <string>
#include <tasker/testing.hpp>

#include "plugins/order_events/events.hpp"
#include "plugins/order_events/handlers.hpp"

using tasker::json;
using tasker::testing::StepTest;
using namespace order_events;

namespace {

const json kOrder{{"order_id", "A-1"}, {"customer_id", "C-7"}, {"amount_cents", 6499}, {"items", {"BOOK-1"}}};

// A host to log to, and what publishers and subscribers are made from.
struct Host {
    tasker::testing::detail::FakeHost host;
    tasker::EventSetup setup(json config = json::object()) const {
        return {std::move(config), tasker::Logger(host.table()), nullptr};
    }
};

tasker::DomainEvent event(const std::string& name, json payload) {
    tasker::DomainEvent made;
    made.name = name;
    made.step_name = "some_step";
    made.payload = std::move(payload);
    return made;
}

}  // namespace

TEST_CASE("the handlers of the order know nothing of its events, but for the last one") {
    CHECK(StepTest::of<ValidateOrder>().input(kOrder).run()->result() == kOrder);
    json empty = kOrder;
    empty["items"] = json::array();
    CHECK(StepTest::of<ValidateOrder>().input(empty).run()->error_code() == "EMPTY_ORDER");

    auto pay = StepTest::of<ProcessPayment>();
    pay.dependency("validate_order", kOrder).idempotency_key("01890a5d-ac96-774b-bcce-b302099a8057");
    const auto paid = pay.run();
    CHECK(paid->result() == json{{"order_id", "A-1"},
                                 {"transaction_id", "TXN-b302099a8057"},
                                 {"amount_cents", 6499},
                                 {"method", "card"}});
    CHECK(paid.events().empty());
    const auto declined = pay.input({{"payment", {{"decline", true}}}}).run();
    CHECK(declined->error_code() == "PAYMENT_DECLINED");
    CHECK_FALSE(declined->retryable());

    auto stock = StepTest::of<UpdateInventory>();
    stock.dependency("validate_order", kOrder).input({{"inventory", {{"fail_times", 1}}}});
    CHECK(stock.attempt(1).run()->error_code() == "INVENTORY_UNAVAILABLE");
    CHECK(stock.attempt(2).run()->result()["items"] == json{"BOOK-1"});

    const auto told = StepTest::of<SendNotification>()
                          .dependency("validate_order", kOrder)
                          .dependency("process_payment", {{"transaction_id", "TXN-1"}})
                          .config({{"channel", "letter"}})
                          .run();
    REQUIRE(told.events().size() == 1);
    CHECK(told.events()[0].name == "notification.sent");
    CHECK(told.events()[0].payload ==
          json{{"recipient", "C-7"}, {"channel", "letter"}, {"transaction_id", "TXN-1"}});
}

TEST_CASE("the publisher shapes payments for the accounts and leaves out payments of nothing") {
    const Host host;
    PaymentPublisher publisher(host.setup({{"currency", "CHF"}}));
    auto paid = event(
        "payment.processed",
        {{"order_id", "A-1"}, {"transaction_id", "TXN-1"}, {"amount_cents", 1'000'000}, {"method", "card"}});
    CHECK(publisher.should_publish(paid));
    const auto payload = publisher.transform_payload(paid);
    CHECK(*payload == json{{"order_id", "A-1"},
                           {"transaction_id", "TXN-1"},
                           {"amount", {{"cents", 1'000'000}, {"currency", "CHF"}}}});
    CHECK(publisher.additional_metadata(event(paid.name, *payload)) == json{{"large_payment", true}});
    paid.payload["amount_cents"] = 0;
    CHECK_FALSE(publisher.should_publish(paid));
}

TEST_CASE("the subscribers log what they are for") {
    const Host host;
    OrderLog log(host.setup());
    log.handle(event("order.validated", kOrder));
    FailureAlarm alarm(host.setup());
    auto failed = event("inventory.updated", {{"message", "no answer"}});
    CHECK_FALSE(alarm.before_handle(failed));  // it went well
    failed.success = false;
    failed.retryable = true;
    CHECK(alarm.before_handle(failed));
    alarm.handle(failed);
    REQUIRE(host.host.logs.size() == 2);
    CHECK(host.host.logs[0].message == "event: order.validated");
    CHECK(host.host.logs[1].message == "stock was not taken");
    CHECK(host.host.logs[1].level == tasker::LogLevel::Warn);
}
