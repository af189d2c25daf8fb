#include <optional>
#include <string>
#include <vector>

#include "support.hpp"

using sdk_test::ProbeTest;
using tasker::json;
using tasker::Presence;
using tasker::StepContext;
using tasker::ValidationError;

TEST_CASE("an envelope is unwrapped by exactly one level") {
    struct Row {
        json envelope, expected;
    };
    const Row rows[] = {
        {{{"success", true}, {"result", {{"value", 36}}}}, {{"value", 36}}},
        {{{"result", {{"result", 5}}}}, {{"result", 5}}},
        {{{"result", 7}}, 7},
        {{{"value", 1}}, {{"value", 1}}},
        {json(42), 42},
        {json("text"), "text"},
    };
    for (const auto& row : rows) {
        CAPTURE(row.envelope.dump());
        ProbeTest test;
        test.step.dependency_envelope("a", row.envelope);
        test.inspect(
            [&](StepContext& context) { CHECK(context.get_dependency_result("a") == row.expected); });
    }
}

TEST_CASE("missing and null results are absent, a wrong type is a validation error") {
    ProbeTest test;
    test.step.dependency("number", 5).dependency("null", nullptr);
    test.inspect([](StepContext& context) {
        CHECK(context.get_dependency_result<int>("number") == 5);
        CHECK_FALSE(context.get_dependency_result("null"));
        CHECK_FALSE(context.get_dependency_result("gone"));
        CHECK(context.dependency_state("number") == Presence::Present);
        CHECK(context.dependency_state("null") == Presence::Null);
        CHECK(context.dependency_state("gone") == Presence::Missing);
        CHECK_THROWS_WITH_AS(context.get_dependency_result<std::string>("number"),
                             "result of dependency 'number': expected string, found integer",
                             ValidationError);
        CHECK(context.require_dependency_result<int>("number") == 5);
        CHECK_THROWS_WITH_AS(context.require_dependency_result("gone"),
                             "result of dependency 'gone' is required and is missing", ValidationError);
        CHECK_THROWS_WITH_AS(context.require_dependency_result("null"),
                             "result of dependency 'null' is required and is null", ValidationError);
    });
}

TEST_CASE("a nested field is absent as soon as a segment is no object") {
    ProbeTest test;
    test.step.dependency("a", {{"x", {{"y", 3}, {"null", nullptr}, {"list", {1}}}}});
    test.inspect([](StepContext& context) {
        CHECK(context.get_dependency_field<int>("a", "x", "y") == 3);
        CHECK(context.get_dependency_field("a")->contains("x"));
        CHECK_FALSE(context.get_dependency_field<int>("a", "x", "y", "z"));
        CHECK_FALSE(context.get_dependency_field("a", "x", "null"));
        CHECK_FALSE(context.get_dependency_field("a", "x", "list", "0"));
        CHECK_FALSE(context.get_dependency_field("a", "gone", "y"));
        CHECK_FALSE(context.get_dependency_field("gone", "x"));
        CHECK_THROWS_WITH_AS(context.get_dependency_field<bool>("a", "x", "y"),
                             "field of dependency 'a.x.y': expected boolean, found integer", ValidationError);
        CHECK(context.require_dependency_field<int>("a", "x", "y") == 3);
        CHECK_THROWS_WITH_AS(context.require_dependency_field("a", "x", "gone"),
                             "field of dependency 'a.x.gone' is required and is missing", ValidationError);
        CHECK_THROWS_WITH_AS(context.require_dependency_field("a", "x", "null"),
                             "field of dependency 'a.x.null' is required and is null", ValidationError);
    });
}

TEST_CASE("names and prefix queries are sorted, and nulls are skipped") {
    ProbeTest test;
    test.step.dependency("load_002", 2)
        .dependency("load_001", 1)
        .dependency("load_003", nullptr)
        .dependency("sum", 3);
    test.inspect([](StepContext& context) {
        CHECK(context.get_dependency_result_keys() ==
              std::vector<std::string>{"load_001", "load_002", "load_003", "sum"});
        const auto loads = context.get_all_dependency_results("load_");
        REQUIRE(loads.size() == 2);
        CHECK(loads[0] == std::pair<std::string, json>("load_001", 1));
        CHECK(loads[1] == std::pair<std::string, json>("load_002", 2));
        CHECK(context.get_all_dependency_results("none").empty());
        CHECK(context.dependency_results()["sum"]["result"] == 3);
    });
    ProbeTest().inspect([](StepContext& context) {
        CHECK(context.get_dependency_result_keys().empty());
        CHECK(context.dependency_results() == json::object());
    });
}

TEST_CASE("the detail of a dependency tells success, type, code and message") {
    ProbeTest test;
    test.step.dependency("good", 1);
    test.step.dependency_envelope("bad", {{"success", false},
                                          {"status", "failed"},
                                          {"result", json::object()},
                                          {"metadata", {{"retryable", true}, {"error_code", "E7"}}},
                                          {"error", {{"message", "no"}, {"error_type", "timeout"}}}});
    test.step.dependency_envelope("odd", {{"success", "yes"}, {"metadata", 3}, {"error", nullptr}});
    test.inspect([](StepContext& context) {
        const auto good = context.dependency_detail("good");
        CHECK(good->success);
        CHECK(good->status == "completed");
        CHECK(good->error_message.empty());
        const auto bad = context.dependency_detail("bad");
        CHECK_FALSE(bad->success);
        CHECK(bad->status == "failed");
        CHECK(bad->error_type == "timeout");
        CHECK(bad->error_code == "E7");
        CHECK(bad->error_message == "no");
        CHECK(bad->retryable);
        CHECK_FALSE(context.dependency_detail("odd")->success);
        CHECK_FALSE(context.dependency_detail("gone"));
    });
}

namespace shop {
struct Address {
    std::string street;
    std::optional<std::string> zip;
};
TASKER_FIELDS(Address, street, zip)
struct Item {
    int count = 0;
};
TASKER_FIELDS(Item, count)
struct Order {
    std::string id;
    Address address;
    std::vector<Item> items;
};
TASKER_FIELDS(Order, id, address, items)
}  // namespace shop

TEST_CASE("H09: a dependency is read as a struct, and an error names the member") {
    const auto read = [](const json& result) {
        ProbeTest test;
        test.step.dependency("fetch", result);
        return test.run([](StepContext& context) {
            const auto order = context.require_dependency_result<shop::Order>("fetch");
            return tasker::StepHandlerResult::success(
                {{"id", order.id}, {"zip", order.address.zip.value_or("-")}, {"items", order.items.size()}});
        });
    };
    json order{{"id", "A"},
               {"address", {{"street", "Main"}, {"zip", nullptr}}},
               {"items", {{{"count", 1}}, {{"count", 2}}}}};
    CHECK(read(order)->result() == json{{"id", "A"}, {"zip", "-"}, {"items", 2}});
    const auto message = [&](const char* pointer, const json& value) {
        json changed = order;
        changed[json::json_pointer(pointer)] = value;
        const auto run = read(changed);
        CHECK(run->error_type() == "validation_error");
        CHECK_FALSE(run->retryable());
        return run->error_message();
    };
    CHECK(message("/id", 5) == "result of dependency 'fetch.id': expected string, found integer");
    CHECK(message("/address/street", nullptr) ==
          "result of dependency 'fetch.address.street' is required and is null");
    CHECK(message("/address/zip", 1) ==
          "result of dependency 'fetch.address.zip': expected string, found integer");
    CHECK(message("/address", "Main") ==
          "result of dependency 'fetch.address': expected object, found string");
    CHECK(message("/items/1", json::object()) ==
          "result of dependency 'fetch.items[1].count' is required and is missing");
    CHECK(message("/items/0/count", 1.5) ==
          "result of dependency 'fetch.items[0].count': expected integer, found number");
    const auto whole = read(json::array());
    CHECK(whole->error_message() == "result of dependency 'fetch': expected object, found array");
}
