#include <doctest/doctest.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>
#include <sstream>

#include "tests/unit/process/invocation.hpp"

using nlohmann::json;
using namespace tasker::host::testing;

namespace {
struct Drawing : Shell {
    Drawing() {
        write("templates/greet.yaml",
              "name: greet\nnamespace_name: default\nversion: 1.0.0\nsteps:\n"
              "  - {name: say, handler: {callable: demo.say}}\n"
              "  - {name: ask, type: decision, dependencies: [say], handler: {callable: demo.ask}}\n"
              "  - {name: wave, dependencies: [ask], handler: {callable: demo.wave}}\n");
    }
    std::string text(const std::string& file) const {
        std::ifstream in(path(file), std::ios::binary);
        std::ostringstream out;
        out << in.rdbuf();
        return out.str();
    }
};
constexpr const char* kText =
    "default/greet/1.0.0 (3 steps)\nsay\n  ask [decision] <- say\n    wave <- ask\n";
}  // namespace

TEST_CASE("template visualize: by name or file, in each format, to the terminal or a file") {
    Drawing shell;
    const Ran mermaid = shell.run({"template", "visualize", "greet"});
    CHECK(mermaid.code == 0);
    CHECK(mermaid.out.starts_with("flowchart TD\n    s0[\"say\"]\n"));
    CHECK(shell.run({"template", "visualize", "greet", "-f", "text"}).out == kText);
    CHECK(shell.run({"template", "visualize", "templates/greet.yaml", "--as", "text"}).out == kText);
    CHECK(shell.run({"template", "visualize", "greet", "-f", "markdown", "-g"}).out ==
          "```mermaid\n" + mermaid.out + "```\n");
    CHECK(json::parse(shell.run({"template", "visualize", "greet", "--json"}).out)["nodes"].size() == 3);
    const Ran to_file = shell.run({"template", "visualize", "greet", "-f", "svg", "-o", "greet.svg"});
    CHECK(to_file.code == 0);
    CHECK(to_file.out == "Written to greet.svg\n");
    CHECK(shell.text("greet.svg").starts_with("<svg "));
    CHECK_FALSE(std::filesystem::exists(shell.path("greet.svg.part")));
    shell.write("old.txt", "something longer than the picture that replaces it: " + std::string(500, 'x'));
    CHECK(shell.run({"template", "visualize", "greet", "-f", "text", "-o", "old.txt"}).code == 0);
    CHECK(shell.text("old.txt") == kText);
    const json told = json::parse(shell.run({"template", "visualize", "greet", "-f", "text", "--json"}).out);
    CHECK(told == json{{"format", "text"}, {"picture", kText}});
    const json moved = json::parse(
        shell.run({"template", "visualize", "greet", "-f", "text", "-o", "new.txt", "--json"}).out);
    CHECK(moved["output"] == shell.path("new.txt").string());
    CHECK(shell.text("new.txt") == kText);
}

TEST_CASE("template visualize: what cannot be drawn or written is told with its exit code") {
    Drawing shell;
    CHECK(shell.run({"template", "visualize", "gret"}).code == 10);
    CHECK(shell.run({"template", "visualize", "gone.yaml"}).code == 10);
    CHECK(shell.run({"template", "visualize", "greet", "-f", "png"}).code == 2);
    CHECK(shell.run({"template", "visualize", "templates/"}).code == 0);
    shell.write("bad.yaml", "name: [\n");
    const Ran bad = shell.run({"template", "visualize", "bad.yaml"});
    CHECK(bad.code == 3);
    CHECK(bad.err.find("bad.yaml:") != std::string::npos);
    const Ran nowhere = shell.run({"template", "visualize", "greet", "-o", "no/such/folder.svg"});
    CHECK(nowhere.code == 1);
    CHECK(nowhere.err.find("cannot write") != std::string::npos);
}

TEST_CASE("template schema: one document, the same one with --json, or into a file") {
    Drawing shell;
    const Ran pretty = shell.run({"template", "schema"});
    CHECK(pretty.code == 0);
    const json schema = json::parse(pretty.out);
    CHECK(schema["required"] == json::parse(R"(["name","namespace_name","version","steps"])"));
    CHECK(std::count(pretty.out.begin(), pretty.out.end(), '\n') > 100);
    const Ran compact = shell.run({"template", "schema", "--json"});
    CHECK(std::count(compact.out.begin(), compact.out.end(), '\n') == 1);
    CHECK(json::parse(compact.out) == schema);
    CHECK(compact.out.find("{ ") == std::string::npos);
    CHECK(compact.out.find(", \"") == std::string::npos);
    CHECK(shell.run({"template", "schema", "-o", "schema.json"}).code == 0);
    CHECK(json::parse(shell.text("schema.json")) == schema);
}

TEST_CASE("task visualize: a task of the store is drawn with its states while no host runs") {
    Drawing shell;
    const Ran created = shell.run({"task", "create", "greet"});
    REQUIRE(created.code == 0);
    const std::string uuid = created.out.substr(0, created.out.find('\n'));
    const Ran text = shell.run({"task", "visualize", uuid, "-f", "text"});
    CAPTURE(text.err);
    REQUIRE(text.code == 0);
    CHECK(text.out.starts_with("default/greet/1.0.0 " + uuid + " "));
    CHECK(text.out.find("say\n") != std::string::npos);
    CHECK(text.out.find("ask [decision] <- say\n") != std::string::npos);
    CHECK(text.out.find("wave <- ask\n") != std::string::npos);
    CHECK(shell.run({"task", "visualize", uuid}).out.find("classDef ") != std::string::npos);
    CHECK(shell.run({"task", "visualize", uuid, "-f", "svg"}).out.starts_with("<svg "));
    const json graph = json::parse(shell.run({"task", "visualize", uuid, "--json"}).out);
    CHECK(graph["nodes"][0]["name"] == "say");
    CHECK(graph["nodes"][0]["state"].is_string());
    // The template is gone: what was made is drawn all the same.
    std::filesystem::remove(shell.path("templates/greet.yaml"));
    const Ran alone = shell.run({"task", "visualize", uuid, "-f", "text"});
    CHECK(alone.code == 0);
    CHECK(alone.out.find("say") != std::string::npos);
}

TEST_CASE("task visualize: a task that is not there, or is no UUID") {
    Drawing shell;
    CHECK(shell.run({"task", "visualize", "nonsense"}).code == 2);
    CHECK(shell.run({"task", "create", "greet"}).code == 0);
    CHECK(shell.run({"task", "visualize", "01a20ae2-1575-763d-9554-e03ac4796187"}).code == 10);
}
