#include "plugins/order_fulfillment/handlers.hpp"

#include <doctest/doctest.h>

#include <string>
#include <tasker/testing.hpp>
#include <utility>

using tasker::json;
using tasker::testing::StepTest;
using namespace order_fulfillment;

namespace {

const json kOrder = json::parse(R"({
  "order_id": "A-1", "customer": {"email": "ada@example.com"},
  "items": [{"sku": "BOOK-1", "quantity": 2, "unit_price_cents": 1250},
            {"sku": "LAMP-2", "quantity": 1, "unit_price_cents": 3999}]})");
const json kCatalog = {{"catalog", {"BOOK-1", "LAMP-2"}}, {"max_quantity", 100}};
const json kStock = {{"stock", {{"BOOK-1", 2}, {"LAMP-2", 1}}}};

// kOrder with one value replaced.
json order_with(const char* pointer, const json& value) {
    json order = kOrder;
    order[json::json_pointer(pointer)] = value;
    return order;
}

tasker::testing::StepRun validate(const json& order) {
    return StepTest::of<ValidateOrder>().input(order).config(kCatalog).run();
}

json validated() { return validate(kOrder)->result(); }

}  // namespace

TEST_CASE("a good order is added up") {
    CHECK(validated() == json{{"order_id", "A-1"},
                              {"customer_email", "ada@example.com"},
                              {"currency", "EUR"},
                              {"items",
                               {{{"sku", "BOOK-1"}, {"quantity", 2}, {"line_total_cents", 2500}},
                                {{"sku", "LAMP-2"}, {"quantity", 1}, {"line_total_cents", 3999}}}},
                              {"total_cents", 6499},
                              {"units", 3}});
}

TEST_CASE("a bad order fails for good, with a code and a message that names the value") {
    struct Row {
        const char* pointer;
        json value;
        const char *code, *message;
    };
    const Row rows[] = {
        {"/items/0/sku", "NOPE-9", "UNKNOWN_SKU", "sku 'NOPE-9' is not in the catalog"},
        {"/items/1/unit_price_cents", -1, "NEGATIVE_AMOUNT", "unit_price_cents -1 of 'LAMP-2' is negative"},
        {"/items/0/quantity", 0, "INVALID_QUANTITY", "quantity 0 of 'BOOK-1' is not between 1 and 100"},
        {"/items/0/quantity", -2, "INVALID_QUANTITY", "quantity -2 of 'BOOK-1' is not between 1 and 100"},
        {"/items/0/quantity", 101, "INVALID_QUANTITY", "quantity 101 of 'BOOK-1' is not between 1 and 100"},
        {"/items/0/quantity", "two", "WRONG_TYPE",
         "value 'items[0].quantity': expected integer, found string"},
        {"/items/0/sku", nullptr, "MISSING_VALUE", "value 'items[0].sku' is required and is null"},
        {"/items/0", 7, "MISSING_VALUE", "value 'items[0].sku' is required and is missing"},
        {"/items", json::array(), "EMPTY_ORDER", "order 'A-1' has no items"},
        {"/items", nullptr, "MISSING_VALUE", "input 'items' is required and is null"},
        {"/items", "all", "WRONG_TYPE", "input 'items': expected array, found string"},
        {"/items/0/unit_price_cents", 9223372036854775807, "AMOUNT_TOO_LARGE",
         "the total of order 'A-1' does not fit in 64 bits"},
        {"/customer/email", nullptr, "MISSING_VALUE", "value 'customer.email' is required and is null"},
        {"/customer", "Ada", "MISSING_VALUE", "value 'customer.email' is required and is missing"},
        {"/order_id", 7, "WRONG_TYPE", "input 'order_id': expected string, found integer"},
    };
    for (const auto& row : rows) {
        CAPTURE(row.pointer);
        const auto run = validate(order_with(row.pointer, row.value));
        CHECK(run->error_code() == row.code);
        CHECK(run->error_message() == row.message);
        CHECK_FALSE(run->retryable());
    }
}

TEST_CASE("the inventory fails as often as the input asks and then recovers") {
    auto step = StepTest::of<ReserveInventory>();
    step.dependency("validate_order", validated()).config(kStock).input({{"inventory", {{"fail_times", 2}}}});
    step.idempotency_key("01890a5d-ac96-774b-bcce-b302099a8057");
    for (const std::uint32_t attempt : {1u, 2u}) {
        const auto failed = step.attempt(attempt).run();
        CHECK(failed->error_code() == "INVENTORY_UNAVAILABLE");
        CHECK(failed->retryable());
    }
    const auto held = step.attempt(3).run();
    CHECK(held->result()["reservation_id"] == "RSV-b302099a8057");
    CHECK(held->result()["attempt"] == 3);
    CHECK(held->result()["items"].size() == 2);
}

TEST_CASE("wishes and stock that are no objects are refused, not ignored") {
    auto reserve = StepTest::of<ReserveInventory>().dependency("validate_order", validated()).config(kStock);
    auto pay = StepTest::of<AuthorizePayment>().dependency("validate_order", validated());
    const std::pair<tasker::testing::StepRun, const char*> rows[] = {
        {reserve.input({{"inventory", 5}}).run(), "input 'inventory': expected object, found integer"},
        {reserve.input({{"inventory", {"fail_times"}}}).run(),
         "input 'inventory': expected object, found array"},
        {reserve.input({{"inventory", {{"fail_times", "two"}}}}).run(),
         "value 'inventory.fail_times': expected integer, found string"},
        {reserve.input(json::object()).config({{"stock", "full"}}).run(),
         "config 'stock': expected object, found string"},
        {pay.input({{"payment", true}}).run(), "input 'payment': expected object, found boolean"},
    };
    for (const auto& [run, message] : rows) {
        CHECK(run->error_message() == message);
        CHECK(run->error_type() == "validation_error");
        CHECK_FALSE(run->retryable());
    }
}

TEST_CASE("more than the stock is out of stock") {
    const auto run = StepTest::of<ReserveInventory>()
                         .dependency("validate_order", validated())
                         .config({{"stock", {{"BOOK-1", 1}, {"LAMP-2", 1}}}})
                         .run();
    CHECK(run->error_code() == "OUT_OF_STOCK");
    CHECK(run->error_message() == "'BOOK-1' is out of stock: 2 wanted, 1 left");
    CHECK_FALSE(run->retryable());
}

TEST_CASE("a payment is authorized, declined or retried as the input says") {
    struct Row {
        json payment;
        std::uint32_t attempt;
        const char* code;
        bool retryable;
    };
    const Row rows[] = {
        {json::object(), 1, "", true},
        {nullptr, 1, "", true},
        {{{"decline", true}}, 1, "PAYMENT_DECLINED", false},
        {{{"decline", false}, {"fail_times", 0}}, 1, "", true},
        {{{"fail_times", 1}}, 1, "PAYMENT_UNAVAILABLE", true},
        {{{"fail_times", 1}}, 2, "", true},
        {{{"amount_cents", 6499}}, 1, "", true},
        {{{"amount_cents", 6500}}, 1, "AMOUNT_MISMATCH", false},
        {{{"amount_cents", -1}}, 1, "NEGATIVE_AMOUNT", false},
        {{{"decline", "yes"}}, 1, "WRONG_TYPE", false},
    };
    for (const auto& row : rows) {
        CAPTURE(row.payment.dump());
        CAPTURE(row.attempt);
        const auto run = StepTest::of<AuthorizePayment>()
                             .dependency("validate_order", validated())
                             .input({{"payment", row.payment}})
                             .attempt(row.attempt)
                             .run();
        CHECK(run->error_code() == row.code);
        if (*row.code == '\0') {
            CHECK(run->result()["amount_cents"] == 6499);
        } else {
            CHECK(run->retryable() == row.retryable);
        }
    }
}

TEST_CASE("shipping joins reservation, payment and order, and the notice tells about all of them") {
    auto ship = StepTest::of<ShipOrder>();
    ship.dependency("validate_order", validated())
        .dependency("reserve_inventory", {{"reservation_id", "RSV-1"}})
        .dependency("authorize_payment",
                    {{"authorization_id", "AUT-1"}, {"amount_cents", 6499}, {"currency", "EUR"}})
        .config({{"carrier", "Northern Post"}, {"items_per_package", 2}})
        .idempotency_key("k-42");
    const auto shipped = ship.run();
    CHECK(shipped->result() == json{{"tracking_number", "TRK-k-42"},
                                    {"carrier", "Northern Post"},
                                    {"packages", 2},
                                    {"reservation_id", "RSV-1"},
                                    {"authorization_id", "AUT-1"}});
    CHECK(ship.config({{"items_per_package", 0}}).run()->error_code() == "INVALID_CONFIG");

    const auto told = StepTest::of<NotifyCustomer>()
                          .dependency("validate_order", validated())
                          .dependency("authorize_payment", {{"amount_cents", 6405}, {"currency", "EUR"}})
                          .dependency("ship_order", shipped->result())
                          .run();
    CHECK(told->result() == json{{"notified", "ada@example.com"},
                                 {"message", "Order A-1 is on its way as TRK-k-42; 64.05 EUR charged"}});
}

TEST_CASE("a step without the results it builds on fails and names them") {
    CHECK(StepTest::of<ReserveInventory>().run()->error_message() ==
          "field of dependency 'validate_order.items' is required and is missing");
    CHECK(StepTest::of<NotifyCustomer>().run()->error_message() ==
          "result of dependency 'validate_order' is required and is missing");
}
