// What an API handler sends, as a real service receives it.
#include <doctest/doctest.h>

#include <string>

#include "tests/unit/sdk/api_probe.hpp"

using namespace tasker;
using namespace tasker::testing;

namespace {
Reply hello(const SeenRequest&) { return json_reply(200, R"({"ok":true})"); }

using Rate = api_function<"fx.rate",
                          [](Api& api, const json& currency) {
                              return api.get("/rates", {{"currency", currency}});
                          },
                          inputs<"currency">>;
using Plain = api_function<"fx.plain", [](StepContext& context, Api& api) {
    return json{{"status", api.get("/").status_code}, {"step", context.step_name()}};
}>;
using Typed =
    api_function<"fx.typed", [](Api&, const json& count) { return count.get<int>(); }, inputs<"count">>;
}  // namespace

TEST_CASE("A01: GET, POST, PUT, PATCH, DELETE and any other method") {
    const HttpServer server(&hello);
    const auto run = api_step(server, [](StepContext&, Api& api) {
                         CHECK(api.get("/a").ok());
                         CHECK(api.post("/b", {{"n", 1}}).ok());
                         CHECK(api.put("c", {{"n", 2}}).ok());
                         CHECK(api.patch("/d", json::array({1})).ok());
                         CHECK(api.del("/e").ok());
                         CHECK(api.request("OPTIONS", "/f").ok());
                         CHECK(api.post("/g", nullptr).ok());
                         return api_success(api.get("?h=1"));
                     }).run();
    REQUIRE(run->is_success());
    CHECK(run->result() == json{{"ok", true}});
    const auto seen = server.requests();
    REQUIRE(seen.size() == 8);
    const std::vector<std::string> lines{"GET /a",    "POST /b",    "PUT /c",  "PATCH /d",
                                         "DELETE /e", "OPTIONS /f", "POST /g", "GET /?h=1"};
    for (std::size_t i = 0; i < seen.size(); ++i) CHECK(seen[i].method + " " + seen[i].target == lines[i]);
    CHECK(seen[1].body == R"({"n":1})");
    CHECK(seen[1].headers.at("content-type") == "application/json");
    CHECK(seen[2].body == R"({"n":2})");
    CHECK(seen[3].body == "[1]");
    CHECK(seen[6].body.empty());
    CHECK_FALSE(seen[6].headers.contains("content-type"));
    CHECK_FALSE(seen[0].headers.contains("content-type"));
}

TEST_CASE("A01: HEAD has no body and does not wait for one") {
    const HttpServer server(
        [](const SeenRequest&) { return Reply{"HTTP/1.1 200 OK\r\nContent-Length: 500\r\n\r\n"}; });
    const auto run = api_step(server, [](StepContext&, Api& api) {
                         const auto response = api.request("HEAD", "/");
                         CHECK(response.raw_body.empty());
                         return api_success(response);
                     }).run();
    CHECK(run->is_success());
}

TEST_CASE("A02: base_url, headers, params and time-out come from handler.initialization") {
    const HttpServer server(&hello);
    auto step = api_step(server, get_of("/x?own=1"),
                         {{"headers", {{"X-Team", "blue"}, {"Content-Type", "text/x"}}},
                          {"params", {{"api-version", "2"}}},
                          {"timeout_ms", 1234}});
    CHECK(step.run()->is_success());
    CHECK(server.requests().at(0).target == "/x?own=1&api-version=2");
    CHECK(server.requests().at(0).headers.at("x-team") == "blue");
    ApiProbe::body = [](StepContext&, Api& api) {
        CHECK(api.settings().timeout == std::chrono::milliseconds(1234));
        return api_success(api.post("/", {{"a", 1}}, {{"X-TEAM", "red"}}));
    };
    CHECK(step.run()->is_success());
    CHECK(server.requests().at(1).headers.at("x-team") == "red");
    CHECK(server.requests().at(1).headers.at("content-type") == "text/x");
    CHECK(ApiSettings().timeout == std::chrono::seconds(30));
}

TEST_CASE("A02: settings of the wrong kind are permanent failures that name them") {
    const HttpServer server(&hello);
    for (const json& config :
         {json{{"timeout_ms", "soon"}}, json{{"timeout_ms", 0}}, json{{"headers", {{"a", 1}}}},
          json{{"auth", {{"type", "magic"}}}}, json{{"auth", {{"type", "bearer"}}}}, json{{"params", {1}}},
          json{{"max_redirects", -1}}, json{{"headers", {{"a b", "c"}}}},
          json{{"headers", {{"a", "b\r\nc: d"}}}}}) {
        CAPTURE(config.dump());
        const auto run = api_step(server, get_of("/"), config).run();
        CHECK(run->error_type() == "validation_error");
        CHECK_FALSE(run->retryable());
    }
    CHECK(server.requests().empty());
}

TEST_CASE("A03: parameters are encoded, nulls are left out") {
    const HttpServer server(&hello);
    const auto run =
        api_step(server, [](StepContext&, Api& api) {
            return api_success(api.get("/q", {{"a", "x y&z"}, {"b", nullptr}, {"c", 7}, {"d", {"1", "2"}}}));
        }).run();
    CHECK(run->is_success());
    CHECK(server.requests().at(0).target == "/q?a=x%20y%26z&c=7&d=1&d=2");
}

TEST_CASE("A04: JSON, form and raw bodies") {
    const HttpServer server(&hello);
    const auto run =
        api_step(server, [](StepContext&, Api& api) {
            CHECK(api.post_form("/form", {{"name", "M\xC3\xBCller & Co"}, {"none", nullptr}}).ok());
            return api_success(
                api.request("PUT", "/raw", {json(), {}, ApiBody::raw("a,b\n", "text/csv"), {}}));
        }).run();
    CHECK(run->is_success());
    const auto seen = server.requests();
    CHECK(seen.at(0).body == "name=M%C3%BCller%20%26%20Co");
    CHECK(seen.at(0).headers.at("content-type") == "application/x-www-form-urlencoded");
    CHECK(seen.at(1).body == "a,b\n");
    CHECK(seen.at(1).headers.at("content-type") == "text/csv");
    const auto bad = api_step(server, [](StepContext&, Api& api) {
                         return api_success(api.post("/", {{"x", "\xFF"}}));
                     }).run();
    CHECK(bad->error_type() == "validation_error");
}

TEST_CASE("A11: bearer, basic and API key, from the step or from the plugin's configuration") {
    const HttpServer server(&hello);
    const auto header_of = [&](const json& auth, const char* name) {
        CHECK(api_step(server, get_of("/"), {{"auth", auth}}).run()->is_success());
        return server.requests().back().headers.at(name);
    };
    CHECK(header_of({{"type", "bearer"}, {"token", "t0ken"}}, "authorization") == "Bearer t0ken");
    CHECK(header_of({{"type", "basic"}, {"username", "Aladdin"}, {"password", "open sesame"}},
                    "authorization") == "Basic QWxhZGRpbjpvcGVuIHNlc2FtZQ==");
    CHECK(header_of({{"type", "api_key"}, {"token", "k3y"}}, "x-api-key") == "k3y");
    CHECK(header_of({{"type", "api_key"}, {"token", "k3y"}, {"api_key_header", "X-Own"}}, "x-own") == "k3y");

    auto step = api_step(server, get_of("/"));
    step.plugin_config({{"api", {{"auth", {{"type", "bearer"}, {"token", "of-the-plugin"}}}}}});
    CHECK(step.run()->is_success());
    CHECK(server.requests().back().headers.at("authorization") == "Bearer of-the-plugin");
}

TEST_CASE("A11: credentials do not leave the configured origin") {
    const HttpServer other([](const SeenRequest&) { return json_reply(200, "{}"); });
    const HttpServer server([&](const SeenRequest& request) {
        if (request.target == "/away") return reply(302, {}, {{"Location", other.url() + "/there"}});
        return json_reply(200, "{}");
    });
    const json config{{"auth", {{"type", "api_key"}, {"token", "k3y-k3y"}}},
                      {"headers", {{"X-Team", "blue"}}}};
    CHECK(api_step(server, get_of("/away"), config).run()->is_success());
    REQUIRE(other.requests().size() == 1);
    CHECK_FALSE(other.requests()[0].headers.contains("x-api-key"));
    CHECK_FALSE(other.requests()[0].headers.contains("x-team"));
    CHECK(server.requests()[0].headers.at("x-api-key") == "k3y-k3y");
    CHECK(api_step(server, get_of(other.url() + "/direct"), config).run()->is_success());
    CHECK_FALSE(other.requests().at(1).headers.contains("x-api-key"));
    // A path cannot move the host either.
    const auto trick = api_step(server, get_of("@" + other.url().substr(7) + "/x"), config).run();
    CHECK(trick->is_success());
    CHECK(other.requests().size() == 2);
}

TEST_CASE("connections are kept by the instance") {
    const HttpServer server(&hello);
    auto step = api_step(server, [](StepContext&, Api& api) {
        for (int i = 0; i < 5; ++i) CHECK(api.get("/").ok());
        return StepHandlerResult::success();
    });
    for (int i = 0; i < 4; ++i) CHECK(step.run()->is_success());
    CHECK(server.requests().size() == 20);
    CHECK(server.connections() == 1);
}

TEST_CASE("lambda form: a response becomes the step's outcome, values are injected") {
    const HttpServer server([](const SeenRequest& request) {
        if (request.target == "/rates?currency=EUR") return json_reply(200, R"({"rate":1.1})");
        return json_reply(404, R"({"detail":"no such currency"})");
    });
    const json config{{"base_url", server.url()}, {"proxy", ""}};
    auto rate = StepTest::of<Rate>();
    rate.config(config).input({{"currency", "EUR"}});
    CHECK(rate.run()->result() == json{{"rate", 1.1}});
    rate.input({{"currency", "NONE"}});
    const auto missing = rate.run();
    CHECK(missing->error_type() == "not_found");
    CHECK(missing->error_message() == "HTTP 404: no such currency");
    auto plain = StepTest::of<Plain>();
    CHECK(plain.config(config).run()->result() == json{{"status", 404}, {"step", "step"}});
    auto typed = StepTest::of<Typed>();
    CHECK(typed.config(config).input({{"count", "many"}}).run()->error_code() == "WRONG_TYPE");
}
