#include <doctest/doctest.h>

#include <nlohmann/json.hpp>

#include "host/core/error.hpp"
#include "host/model/task_template.hpp"

using namespace tasker::host;

namespace {

TaskTemplate graph(std::vector<std::pair<std::string, std::vector<std::string>>> steps) {
    TaskTemplate out;
    for (auto& [name, dependencies] : steps) {
        StepTemplate step;
        step.name = name;
        step.dependencies = dependencies;
        out.steps.push_back(step);
    }
    return out;
}

std::string definition(const std::string& steps) {
    return R"({"name":"t","namespace_name":"n","version":"1","steps":[)" + steps + "]}";
}
std::string step(const std::string& more = {}) {
    return R"({"name":"a","handler":{"callable":"x"})" + more + "}";
}

std::string refusal(const std::string& text) {
    try {
        template_from_json(text);
    } catch (const Error& error) {
        return error.what();
    }
    return "accepted";
}

using Ids = std::vector<std::size_t>;

}  // namespace

TEST_CASE("a diamond knows its edges in both directions and its ancestors") {
    TaskTemplate diamond =
        graph({{"end", {"left", "right"}}, {"left", {"start"}}, {"right", {"start"}}, {"start", {}}});
    CHECK_FALSE(link_graph(diamond).has_value());
    CHECK(diamond.steps[0].dependency_ids == Ids{1, 2});
    CHECK(diamond.steps[0].ancestor_ids == Ids{1, 2, 3});
    CHECK(diamond.steps[3].dependent_ids == Ids{1, 2});
    CHECK(diamond.steps[3].ancestor_ids.empty());
    CHECK(diamond.find_step("right") == 2);
    CHECK_FALSE(diamond.find_step("nobody").has_value());
}

TEST_CASE("linking twice gives the same edges, and a repeated dependency is one edge") {
    TaskTemplate pair = graph({{"a", {}}, {"b", {"a", "a"}}});
    link_graph(pair);
    link_graph(pair);
    CHECK(pair.steps[1].dependency_ids == Ids{0});
    CHECK(pair.steps[0].dependent_ids == Ids{1});
    CHECK(pair.steps[1].ancestor_ids == Ids{0});
}

TEST_CASE("a cycle is told as a path that starts at its first step") {
    TaskTemplate two = graph({{"A", {"B"}}, {"B", {"A"}}});
    CHECK(link_graph(two) == "A -> B -> A");
    TaskTemplate self = graph({{"a", {"a"}}});
    CHECK(link_graph(self) == "a -> a");
    // What hangs below a cycle, or above it, is not part of the path.
    TaskTemplate three =
        graph({{"tail", {"c"}}, {"root", {}}, {"c", {"b", "root"}}, {"b", {"d"}}, {"d", {"c"}}});
    CHECK(link_graph(three) == "c -> b -> d -> c");
}

TEST_CASE("a definition survives the way to JSON and back") {
    const TaskTemplate first =
        template_from_json(definition(step(R"(,"timeout_seconds":7,"retry":{"max_attempts":2})")));
    CHECK(first.steps[0].timeout_ms == 7000);
    CHECK(first.steps[0].retry == RetryPolicy{.max_attempts = 2, .base_ms = 1000, .max_ms = 3'600'000});
    const TaskTemplate second = template_from_json(first.definition_json);
    CHECK(second.steps == first.steps);
    CHECK(second.definition_json == first.definition_json);
    CHECK(second.id() == "n/t/1");
}

TEST_CASE("canonicalise fills in what is absent and gives each step its own definition") {
    TaskTemplate entry = template_from_json(definition(step()));
    entry.steps[0].definition_json.clear();
    canonicalise(entry, definition(step(R"(,"step_type":"standard","depends_on":[])")));
    const auto canonical = nlohmann::json::parse(entry.definition_json);
    CHECK(canonical["steps"][0]["type"] == "standard");
    CHECK(canonical["steps"][0]["retry"]["max_backoff_ms"] == 30000);
    CHECK(canonical["steps"][0] == nlohmann::json::parse(entry.steps[0].definition_json));
    CHECK(canonical["identity_strategy"] == "strict");
    CHECK_THROWS_AS(canonicalise(entry, definition("")), Error);
}

TEST_CASE("a text that is no definition is refused with the place") {
    const std::vector<std::pair<std::string, std::string>> rows{
        {"", "not usable"},
        {"[]", "it is not an object"},
        {R"({"name":"t"})", "namespace_name is not a string"},
        {R"({"name":"","namespace_name":"n","version":"1"})", "version"},
        {std::string(200, '[') + std::string(200, ']'), "nested deeper than 100"},
        {R"({"name":"t","namespace_name":"n","version":"1","steps":{}})", "steps is not a list"},
        {definition("1"), "steps[0] is not an object"},
        {definition(R"({"name":"a"})"), "steps[0] has no handler"},
        {definition(R"({"name":"a","handler":{}})"), "steps[0].handler.callable is not a string"},
        {definition(step(R"(,"retry":{"max_attempts":"3"})")),
         "steps[0].retry.max_attempts is not a whole number"},
        {definition(step(R"(,"retry":{"max_attempts":18446744073709551615})")), "not in 0 to"},
        {definition(step(R"(,"retry":{"backoff":"wild"})")), "steps[0].retry.backoff is unknown: \"wild\""},
        {definition(step(R"(,"retry":3)")), "steps[0].retry is not an object"},
        {definition(step(R"(,"timeout_seconds":-1)")), "steps[0].timeout_seconds is -1"},
        {definition(step(R"(,"dependencies":"b")")), "steps[0].dependencies is not a list"},
        {definition(step(R"(,"dependencies":["b"])")), "depends on 'b', which does not exist"},
        {definition(step(R"(,"dependencies":["a"])")), "dependency cycle a -> a"},
        {definition(step() + "," + step()), "two named 'a'"},
        {R"({"name":"t","namespace_name":"n","version":"1","identity_strategy":"odd"})",
         "identity_strategy is unknown"},
    };
    for (const auto& [text, words] : rows) {
        CAPTURE(text.substr(0, 120));
        const std::string found = refusal(text);
        CAPTURE(found);
        if (words == "version") {
            CHECK(found.find("name is empty") != std::string::npos);
        } else {
            CHECK(found.find(words) != std::string::npos);
        }
    }
}

TEST_CASE("identity strategies have their three names") {
    for (const char* text : {"strict", "caller_provided", "always_unique"}) {
        REQUIRE(identity_strategy(text).has_value());
        CHECK(name(*identity_strategy(text)) == text);
    }
    CHECK_FALSE(identity_strategy("Strict").has_value());
}
