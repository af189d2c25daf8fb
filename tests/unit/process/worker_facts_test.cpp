#include "host/process/worker_facts.hpp"

#include <doctest/doctest.h>

#include <algorithm>

#include <nlohmann/json.hpp>

namespace tasker::host::testing {

namespace {
using nlohmann::json;

WorkerFacts facts(const std::string& ns, std::int64_t succeeded) {
    WorkerFacts one;
    one.status.running = true;
    one.status.worker_core_status = "running";
    one.status.worker_id = "host-" + ns;
    one.status.supported_namespaces = {ns};
    one.status.missing_callables = {ns + ".lost"};
    one.status.missing_handlers = {"no plugin offers '" + ns + ".lost'"};
    one.status.uptime_ms = 77;
    one.status.slots = 4;
    one.status.steps_succeeded = succeeded;
    one.counts = {{"both.step", succeeded, 1, 2, 3}, {ns + ".step", 5, 0, 0, 0}};
    one.plugins = R"({"plugins":[{"path":"/p/a.so","hash":"aa","state":"loaded"},{"path":"/p/)" + ns +
                  R"(.so","hash":null,"state":"rejected"}]})";
    one.handlers = R"({"handlers":[{"callable":"both.step","plugin":"a","source":"/p/a.so","used_by":[")" +
                   ns + R"(/t/1#s"]}],"resolvers":[{"name":"default","priority":10}],"missing":[]})";
    return one;
}
}  // namespace

TEST_CASE("worker facts: what was told is what was meant, but for the uptime") {
    WorkerFacts one = facts("pay", 3);
    one.status.error = "the store is full";
    const auto heard = worker_facts_from(texts_of(one));
    REQUIRE(heard);
    one.status.uptime_ms = 0;
    one.status.environment = heard->status.environment;
    CHECK(to_json(heard->status) == to_json(one.status));
    REQUIRE(heard->counts.size() == 2);
    CHECK(heard->counts[0].waiting == 3);
    CHECK(heard->plugins == one.plugins);
    CHECK(heard->handlers == one.handlers);
    one.status.uptime_ms = 5;
    CHECK(texts_of(one) == texts_of(*heard));
}

TEST_CASE("worker facts: texts that are none are nothing") {
    const std::vector<std::string> good = texts_of(facts("pay", 3));
    for (std::size_t i = 0; i < good.size(); ++i) {
        for (const char* bad : {"", "x", "[]", "null", "7", "[7]", "{\"running\":\"yes\"}"}) {
            if (i == 1 && std::string(bad) == "[]") continue;  // no handler was called yet
            auto texts = good;
            texts[i] = bad;
            CAPTURE(i);
            CAPTURE(bad);
            // An object of anything may stand for a document: it is shown as it is.
            if (i >= 2 && bad[0] == '{') continue;
            CHECK_FALSE(worker_facts_from(texts));
        }
    }
    CHECK_FALSE(worker_facts_from({}));
    CHECK_FALSE(worker_facts_from({good[0], good[1], good[2]}));
}

TEST_CASE("worker facts: of several workers, counts are added up and each thing is told once") {
    const WorkerFacts all = merged({facts("pay", 3), facts("ship", 4)});
    CHECK(all.status.running);
    CHECK(all.status.supported_namespaces == std::vector<std::string>{"pay", "ship"});
    CHECK(all.status.missing_callables == std::vector<std::string>{"pay.lost", "ship.lost"});
    CHECK(all.status.steps_succeeded == 7);
    CHECK(all.status.slots == 8);
    CHECK(all.status.plugins == 1);
    CHECK(all.status.handlers == 1);
    REQUIRE(all.counts.size() == 3);
    CHECK(all.counts[0].callable == "both.step");
    CHECK(all.counts[0].succeeded == 7);
    CHECK(all.counts[0].running == 4);
    const json plugins = json::parse(all.plugins)["plugins"];
    CHECK(plugins.size() == 3);
    const json handlers = json::parse(all.handlers)["handlers"];
    REQUIRE(handlers.size() == 1);
    CHECK(handlers[0]["used_by"] == json{"pay/t/1#s", "ship/t/1#s"});
    CHECK(json::parse(all.handlers)["resolvers"].size() == 1);
}

TEST_CASE("worker facts: what a worker has counted stays when it is gone, what it had does not") {
    WorkerFacts gone;
    count_on(gone, facts("pay", 3));
    count_on(gone, facts("ship", 1));
    WorkerFacts all = merged({facts("pay", 4)});
    const int slots = all.status.slots;
    count_on(all, gone);
    CHECK(all.status.steps_succeeded == 8);
    CHECK(all.status.slots == slots);
    const auto both = std::ranges::find(all.counts, "both.step", &HandlerCounts::callable);
    REQUIRE(both != all.counts.end());
    CHECK(both->succeeded == 8);
    CHECK(both->running == merged({facts("pay", 4)}).counts[0].running);
    CHECK(all.counts.size() == 3);
}

TEST_CASE("worker facts: one that does not run means that not all do; nobody is nobody") {
    WorkerFacts ill = facts("ship", 4);
    ill.status.running = false;
    ill.status.error = "drains";
    const WorkerFacts all = merged({facts("pay", 3), ill});
    CHECK_FALSE(all.status.running);
    CHECK(all.status.error == "drains");
    const WorkerFacts none = merged({});
    CHECK_FALSE(none.status.running);
    CHECK(json::parse(none.handlers)["handlers"].empty());
    CHECK(json::parse(none.plugins)["plugins"].empty());
}

}  // namespace tasker::host::testing
