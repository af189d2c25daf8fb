// Answers that come in pages.
#include <doctest/doctest.h>

#include <string>
#include <tasker/api_pages.hpp>

#include "tests/unit/sdk/api_probe.hpp"

using namespace tasker;
using namespace tasker::testing;

namespace {
// Pages 1 to 3; the third is the last one, or names itself, or there is one more each time.
Reply page_of(const SeenRequest& request, const std::string& after_last) {
    const auto at = request.target.find("after=");
    const int page = at == std::string::npos ? 1 : std::stoi(request.target.substr(at + 6));
    const std::string next = page < 3 ? std::to_string(page + 1) : after_last;
    return json_reply(200, R"({"items":[)" + std::to_string(page) + R"(],"paging":{"after":)" + next + "}}");
}

StepHandlerResult collect(Api& api, const ApiPages& pages) {
    json items = json::array();
    const auto last = each_page(api, "/orders", pages, [&](const json& page) {
        for (const auto& item : page.at("items")) items.push_back(item);
    });
    if (!last.ok()) return api_failure(last);
    return StepHandlerResult::success({{"items", items}});
}
const ApiPages kPages{.params = {{"size", 1}}, .cursor_param = "after", .next = "/paging/after"};
}  // namespace

TEST_CASE("A12: pages are asked for by their cursor until there is none, with the parameters of the first") {
    for (const auto* end : {"null", "false", "\"\""}) {
        const HttpServer server([end](const SeenRequest& request) { return page_of(request, end); });
        const auto run = api_step(server, [](StepContext&, Api& api) { return collect(api, kPages); }).run();
        REQUIRE(run->is_success());
        CHECK(run->result() == json{{"items", {1, 2, 3}}});
        const auto seen = server.requests();
        REQUIRE(seen.size() == 3);
        CHECK(seen[0].target == "/orders?size=1");
        CHECK(seen[2].target.find("after=3") != std::string::npos);
        CHECK(seen[2].target.find("size=1") != std::string::npos);
    }
}

TEST_CASE("A12: pages without end are given up for good, at the cap or when one names itself") {
    const HttpServer server([](const SeenRequest& request) { return page_of(request, "3"); });
    const auto own = api_step(server, [](StepContext&, Api& api) { return collect(api, kPages); }).run();
    CHECK(own->error_code() == "PAGES_WITHOUT_END");
    CHECK(own->error_message() == "GET /orders: a page names itself as the next one");
    CHECK_FALSE(own->retryable());
    CHECK(server.requests().size() == 3);
    const auto capped = api_step(server, [](StepContext&, Api& api) {
                            ApiPages two = kPages;
                            two.max_pages = 2;
                            return collect(api, two);
                        }).run();
    CHECK(capped->error_message() == "GET /orders: more than 2 pages");
    CHECK(server.requests().size() == 5);
}

TEST_CASE("A12: a page that fails ends it, and is the step's failure; one page alone needs no cursor") {
    const HttpServer server([](const SeenRequest& request) {
        return request.target.find("after=2") == std::string::npos ? page_of(request, "null") : reply(503);
    });
    const auto failed = api_step(server, [](StepContext&, Api& api) { return collect(api, kPages); }).run();
    CHECK(failed->error_type() == "service_unavailable");
    CHECK(failed->retryable());
    CHECK(server.requests().size() == 2);
    const auto single = api_step(server, [](StepContext&, Api& api) {
                            ApiPages none = kPages;
                            none.next = "/nowhere";
                            return collect(api, none);
                        }).run();
    CHECK(single->result() == json{{"items", {1}}});
    const auto bad = api_step(server, [](StepContext&, Api& api) {
                         ApiPages wrong = kPages;
                         wrong.next = "paging";
                         return collect(api, wrong);
                     }).run();
    CHECK(bad->error_code() == "BAD_POINTER");
}
