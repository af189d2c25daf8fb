#include "host/engine/submission_rules.hpp"

#include <doctest/doctest.h>

#include "tests/unit/engine/engine_fixture.hpp"

using namespace tasker::host;
using namespace tasker::host::testing;

namespace {
TemplateCatalog catalog(const std::string& input_schema) {
    return TemplateCatalog(
        {template_from_json(R"({"name":"t","namespace_name":"ns","version":"1.0.0","input_schema":)" +
                            input_schema + R"(,"steps":[{"name":"a","handler":{"callable":"a"}}]})")});
}

std::variant<SubmitOp, Refused> submit(const TemplateCatalog& templates, const TaskRequest& request) {
    return prepare_submission(request, templates);
}
}  // namespace

TEST_CASE("A context that its template's input_schema refuses is invalid, with pointer and rule") {
    const auto templates =
        catalog(R"({"type":"object","required":["number"],"properties":{"number":{"type":"integer"}}})");
    const TaskRequest good = request("t", R"({"number":6})");
    CHECK(std::holds_alternative<SubmitOp>(submit(templates, good)));
    const TaskRequest bad = request("t", R"({"number":"six"})");
    const auto answer = submit(templates, bad);
    REQUIRE(std::holds_alternative<Refused>(answer));
    const auto& refused = std::get<Refused>(answer);
    CHECK(refused.why == Refusal::Invalid);
    CHECK(refused.message.find("'/number' breaks 'type'") != std::string::npos);
    CHECK(refused.hint.find("ns/t/1.0.0") != std::string::npos);
}

TEST_CASE("A template without input_schema takes any object") {
    const auto templates = catalog("null");
    CHECK(templates.all()[0]->input_schema == nullptr);
    const TaskRequest any = request("t", R"({"number":"six"})");
    CHECK(std::holds_alternative<SubmitOp>(submit(templates, any)));
}

TEST_CASE("The compiled input_schema is shared by the copies of a template") {
    const auto templates = catalog(R"({"type":"object"})");
    const TaskTemplate copy = *templates.all()[0];
    CHECK(copy.input_schema == templates.all()[0]->input_schema);
}
