#include "host/model/identity.hpp"

#include <doctest/doctest.h>

#include <string>

using namespace tasker::host;

namespace {

TaskTemplate order_template(IdentityStrategy identity = IdentityStrategy::Strict) {
    TaskTemplate result;
    result.namespace_name = "orders";
    result.name = "order_fulfillment";
    result.version = "1.0.0";
    result.identity = identity;
    return result;
}

TaskRequest request(std::string context, std::optional<std::string> key = std::nullopt) {
    TaskRequest result;
    result.context_json = std::move(context);
    result.idempotency_key = std::move(key);
    return result;
}

std::string objects(int depth) {
    std::string text;
    for (int i = 0; i < depth; ++i) text += R"({"a":)";
    return text + "1" + std::string(static_cast<std::size_t>(depth), '}');
}

std::string object_with_keys(int count) {
    std::string text = "{";
    for (int i = 0; i < count; ++i)
        text += (i ? ",\"k" : "\"k") + std::to_string(i) + "\":" + std::to_string(i);
    return text + "}";
}

std::string array_with_items(int count) {
    std::string text = R"({"a":[0)";
    for (int i = 1; i < count; ++i) text += ",0";
    return text + "]}";
}

}  // namespace

TEST_CASE("Context: one that keeps the limits passes") {
    for (const std::string& text :
         {std::string("{}"), std::string(R"( {"a":[1,{"b":null}]} )"), objects(10), object_with_keys(1000),
          array_with_items(1000), R"({"a":")" + std::string(10'000, 'x') + "\"}"}) {
        CHECK(context_fault(text) == std::nullopt);
    }
}

TEST_CASE("Context: each limit is named when it is broken") {
    CHECK(context_fault("[1]") == "not an object");
    CHECK(context_fault("\"{\"") == "not an object");
    CHECK(context_fault(objects(11)) == "nested deeper than 10");
    CHECK(context_fault(object_with_keys(1001)) == "an object has more than 1000 keys");
    CHECK(context_fault(array_with_items(1001)) == "an array has more than 1000 items");
    CHECK(context_fault(R"({"a":")" + std::string(10'001, 'x') + "\"}") ==
          "a string is longer than 10000 bytes");
    CHECK(context_fault("{\"" + std::string(10'001, 'x') + "\":1}") == "a key is longer than 10000 bytes");
    CHECK(context_fault(R"({"a":1)")->rfind("not JSON", 0) == 0);
    CHECK(context_fault(R"({"a":")" + std::string(1 << 20, ' ') + "\"}")
              ->rfind("larger than 1048576 bytes", 0) == 0);
    CHECK(context_fault(R"({"a":"\u0000"})")->rfind("NUL", 0) == 0);
}

TEST_CASE("Context: the length of a string is counted with its escapes undone") {
    std::string escaped;
    for (int i = 0; i < 10'000; ++i) escaped += "\\n";
    CHECK(context_fault(R"({"a":")" + escaped + "\"}") == std::nullopt);
    CHECK(context_fault(R"({"a":")" + escaped + "\\n\"}") == "a string is longer than 10000 bytes");
}

TEST_CASE(
    "Canonical JSON: keys sorted at every level, blanks gone, escapes in one form, the last duplicate kept") {
    CHECK(canonical_json(R"( { "b" : [ 1 , { "y":2 , "x" : 1 } ] , "a" : "t\u0041" } )") ==
          R"({"a":"tA","b":[1,{"x":1,"y":2}]})");
    CHECK(canonical_json(R"({"a":1,"\u0061":2})") == R"({"a":2})");
    CHECK(canonical_json("{}") == "{}");
    CHECK(canonical_json(R"({"a":[],"b":{},"c":null,"d":true})") == R"({"a":[],"b":{},"c":null,"d":true})");
}

TEST_CASE("Canonical JSON: integers beyond a double stay apart") {
    CHECK(canonical_json(R"({"n":18446744073709551617})") != canonical_json(R"({"n":18446744073709551618})"));
}

TEST_CASE("Identity: the same context with keys in another order is the same submission") {
    const auto first = identity_hash(order_template(), request(R"({"id":1,"to":{"a":1,"b":2}})"));
    const auto second = identity_hash(order_template(), request(R"({ "to":{"b":2,"a":1}, "id":1 })"));
    REQUIRE(first);
    CHECK(first->size() == 32);
    CHECK(first == second);
    CHECK(first != identity_hash(order_template(), request(R"({"id":2,"to":{"a":1,"b":2}})")));
}

TEST_CASE("Identity: another version, name or namespace is another submission") {
    const auto base = identity_hash(order_template(), request("{}"));
    TaskTemplate other = order_template();
    other.version = "1.0.1";
    CHECK(identity_hash(other, request("{}")) != base);
    other = order_template();
    other.name = "order_fulfillment2";
    CHECK(identity_hash(other, request("{}")) != base);
    other = order_template();
    other.namespace_name = "orders2";
    CHECK(identity_hash(other, request("{}")) != base);
}

TEST_CASE(
    "Identity: the caller's key beats the strategy, counts per template name, and ignores the context") {
    const auto key = identity_hash(order_template(), request(R"({"a":1})", "k1"));
    CHECK(key == identity_hash(order_template(), request(R"({"a":2})", "k1")));
    CHECK(key == identity_hash(order_template(IdentityStrategy::AlwaysUnique), request("{}", "k1")));
    CHECK(key != identity_hash(order_template(), request(R"({"a":1})", "k2")));
    CHECK(key != identity_hash(order_template(), request(R"({"a":1})")));
    TaskTemplate other = order_template();
    other.name = "refund";
    CHECK(key != identity_hash(other, request("{}", "k1")));
}

TEST_CASE("Identity: always_unique has none without a key") {
    CHECK_FALSE(identity_hash(order_template(IdentityStrategy::AlwaysUnique), request("{}")));
}
