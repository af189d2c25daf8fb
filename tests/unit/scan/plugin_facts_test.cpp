#include <doctest/doctest.h>

#include "host/core/json_text.hpp"
#include "tests/unit/scan/sample_facts.hpp"

using namespace tasker::host;
using namespace tasker::host::testing;

TEST_CASE("facts come back as they were written") {
    const std::string json = facts_json(sample_facts());
    CHECK_FALSE(json_fault(json));
    CHECK(json.find('\n') == std::string::npos);
    const auto facts = read_facts(json);
    REQUIRE(facts);
    CHECK(facts_json(*facts) == json);
    const HandlerInfo& charge = facts->handlers.at(0);
    CHECK(charge.threading == Threading::Affine);
    CHECK(charge.capabilities == ~std::uint64_t{0});
    CHECK(charge.methods == std::vector<std::string>{"refund", "void"});
    CHECK(charge.plugin_id == "org.example.shop");
    CHECK(charge.plugin_version == "1.2.3");
    CHECK(facts->resolvers.at(1).pattern == "a(b|c)");
}

TEST_CASE("facts that no probe writes are none") {
    const auto handler = [](const std::string& members) {
        return R"({"id":"x","handlers":[{)" + members + "}]}";
    };
    CHECK(read_facts(R"({"id":"x"})"));
    CHECK(read_facts(handler(R"("callable":"a")")));
    for (const std::string& json :
         {std::string("[]"), std::string("{}"), std::string(R"({"id":""})"), std::string(R"({"id":7})"),
          R"({"id":")" + std::string(300, 'x') + "\"}", std::string(R"({"id":"x","handlers":{}})"),
          handler(""), handler(R"("callable":"a b")"), handler(R"("callable":"a","threading":3)"),
          handler(R"("callable":"a","threading":-1)"), handler(R"("callable":"a","max_instances":1e3)"),
          handler(R"("callable":"a","methods":[1])"), handler(R"("callable":"a","config_schema":"{")"),
          std::string(R"({"id":"x","publishers":["a","b\n"]})"),
          std::string(R"({"id":"x","resolvers":[{"name":"r","priority":1}]})"),
          std::string(R"({"id":"x","resolvers":[{"name":"r","priority":1,"prefix":"a","pattern":"b"}]})")}) {
        CHECK_MESSAGE(!read_facts(json), json);
    }
    std::string many = R"({"id":"x","publishers":["a")";
    for (int i = 0; i < 64; ++i) many += R"(,"a")";
    CHECK_FALSE(read_facts(many + "]}"));
}
