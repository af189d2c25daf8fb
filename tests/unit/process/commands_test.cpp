#include <doctest/doctest.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include <algorithm>
#include <csignal>
#include <cstdlib>
#include <nlohmann/json.hpp>

#include "tests/unit/process/invocation.hpp"

using nlohmann::json;
using namespace tasker::host::testing;

namespace {
constexpr const char* kTemplate =
    "name: greet\nnamespace_name: demo\nversion: 1.0.0\nsteps:\n  - name: say\n    handler:\n      callable: "
    "demo.say\n"
    "  - name: wave\n    dependencies: [say]\n    handler:\n      callable: demo.wave\n";

// One line, one document, nothing else.
json document(const Ran& ran) {
    CAPTURE(ran.out);
    CAPTURE(ran.err);
    REQUIRE(std::count(ran.out.begin(), ran.out.end(), '\n') == 1);
    REQUIRE(json::accept(ran.out));
    return json::parse(ran.out);
}
struct Demo : Shell {
    Demo() { write("templates/greet.yaml", kTemplate); }
};
}  // namespace

TEST_CASE("commands: usage faults are exit 2, on stderr, or one document with --json") {
    Shell shell;
    const Ran ran = shell.run({"tsak"});
    CHECK(ran.code == 2);
    CHECK(ran.out.empty());
    CHECK(ran.err.find("did you mean 'task'?") != std::string::npos);
    CHECK(ran.err.find("usage: ") != std::string::npos);
    const Ran quiet = shell.run({"tsak", "--json"});
    CHECK(quiet.code == 2);
    CHECK(quiet.err.empty());
    CHECK(document(quiet)["error"]["code"] == "USAGE");
}

TEST_CASE("commands: config show, explain and check tell values with their origin") {
    Shell shell;
    shell.environment["TASKER_NAMESPACE"] = "orders";
    const json shown = document(shell.run({"config", "show", "--threads", "3", "--json"}));
    const auto find = [&](const std::string& key) {
        for (const auto& setting : shown["settings"]) {
            if (setting["key"] == key) return setting;
        }
        return json{};
    };
    CHECK(find("host.namespaces")["origin"] == "TASKER_NAMESPACE");
    CHECK(find("host.threads")["value"] == "3");
    CHECK(find("host.threads")["source"] == "flag");
    CHECK(find("host.prefetch")["value"] == "12");
    CHECK(shell.run({"config", "explain", "threads"}).out.find("1..1024") != std::string::npos);
    CHECK(shell.run({"config", "explain", "thraeds"}).code == 2);
    CHECK(shell.run({"config", "check"}).code == 0);
    shell.write("tasker-host.toml", "[host]\nthreds = 1\n");
    const Ran bad = shell.run({"config", "check", "--json"});
    CHECK(bad.code == 2);
    CHECK(document(bad)["error"]["message"].get<std::string>().find("tasker-host.toml:2:1") !=
          std::string::npos);
}

TEST_CASE("commands: a password on the command line is refused and appears nowhere") {
    Shell shell;
    for (const bool as_json : {false, true}) {
        std::vector<std::string> arguments{"config", "show", "--database-url", "postgresql://u:hunter2@h/d"};
        if (as_json) arguments.emplace_back("--json");
        const Ran ran = shell.run(arguments);
        CHECK(ran.code == 2);
        CHECK((ran.out + ran.err).find("hunter2") == std::string::npos);
    }
    shell.environment["DATABASE_URL"] = "postgresql://u:hunter2@h/d";
    const Ran shown = shell.run({"config", "show"});
    CHECK(shown.code == 0);
    CHECK(shown.out.find("[REDACTED]") != std::string::npos);
    CHECK(shown.out.find("hunter2") == std::string::npos);
    const Ran listed = shell.run({"task", "list"});
    CHECK(listed.code == 3);
    CHECK((listed.out + listed.err).find("hunter2") == std::string::npos);
}

TEST_CASE("commands: templates are listed, shown and validated") {
    Demo shell;
    CHECK(document(shell.run({"template", "list", "--json"}))["templates"][0]["name"] == "greet");
    CHECK(shell.run({"template", "list"}).out.find("demo       greet  1.0.0    2") != std::string::npos);
    CHECK(document(shell.run({"template", "info", "greet", "--json"}))["steps"].size() == 2);
    CHECK(shell.run({"template", "info", "gret"}).code == 10);
    CHECK(shell.run({"template", "validate", "templates"}).code == 0);
    shell.write("bad.yaml", "name: [\n");
    const Ran bad = shell.run({"template", "validate", "bad.yaml", "--json"});
    CHECK(bad.code == 3);
    CHECK(document(bad)["valid"] == false);
    CHECK(document(bad)["diagnostics"][0]["severity"] == "error");
    shell.write("empty/readme.txt", "");
    CHECK(shell.run({"template", "validate", "empty"}).code == 3);
    shell.write("odd.yaml", std::string{kTemplate} + "nonsense_key: 1\n");
    CHECK(shell.run({"template", "validate", "odd.yaml"}).code == 0);
    CHECK(shell.run({"template", "validate", "odd.yaml", "--strict"}).code == 3);
    const Ran target = shell.run({"template", "validate", "templates", "--target", "tasker"});
    CHECK(target.code == 0);
    CHECK(target.out.find("[NO_RESULT_SCHEMA]") != std::string::npos);
    CHECK(shell.run({"template", "validate", "templates"}).out.find("[NO_RESULT_SCHEMA]") ==
          std::string::npos);
    CHECK(shell.run({"template", "validate", "templates", "--target", "other"}).code == 2);
}

TEST_CASE("commands: without plugins the lists are empty and the handlers of templates are missing") {
    Demo shell;
    CHECK(document(shell.run({"plugin", "list", "--json"}))["plugins"].empty());
    const json handlers = document(shell.run({"handler", "list", "--json"}));
    CHECK(handlers["handlers"].empty());
    REQUIRE(handlers["missing"].size() == 2);
    CHECK(handlers["missing"][0]["used_by"][0] == "demo/greet/1.0.0#say");
    CHECK(handlers["missing"][0]["reason"] == "no plugin offers 'demo.say'");
    CHECK(handlers["resolvers"][0] == json{{"name", "explicit_mapping"}, {"priority", 10}});
    CHECK(handlers["resolvers"][1]["name"] == "plugin_lookup");
    CHECK(shell.run({"plugin", "info", "nothing"}).code == 10);
    CHECK(shell.run({"plugin", "info", "./no.so"}).code == 10);
}

TEST_CASE(
    "T12: handler list names what templates ask for in vain with its place, and fails when it is strict") {
    Demo shell;
    const Ran lax = shell.run({"handler", "list"});
    CHECK(lax.code == 0);
    CHECK(lax.err.find("greet.yaml:7:17: warning: say.handler.callable: no plugin offers 'demo.say'") !=
          std::string::npos);
    CHECK(
        lax.out.find(
            "Resolvers, in the order in which they are asked: explicit_mapping (10), plugin_lookup (100)") !=
        std::string::npos);
    CHECK(shell.run({"handler", "list", "--strict"}).code == 3);
    CHECK(shell.run({"handler", "list", "--strict", "--json"}).code == 3);
    std::filesystem::remove_all(shell.path("templates"));
    shell.write("templates/none.txt", "");
    CHECK(shell.run({"handler", "list", "--strict"}).code == 0);
}

TEST_CASE("commands: with no host a task is written to the store, read back and cancelled") {
    Demo shell;
    const Ran created = shell.run({"task", "create", "greet", "--context", R"({"who":"x"})"});
    CAPTURE(created.err);
    REQUIRE(created.code == 0);
    const std::string uuid = created.out.substr(0, created.out.size() - 1);
    CHECK(uuid.size() == 36);
    const json task = document(shell.run({"task", "get", uuid, "--json"}));
    CHECK(task["name"] == "greet");
    CHECK(task["namespace"] == "demo");
    CHECK(task["initiator"] == "tester");
    CHECK(task["source_system"] == "cli");
    CHECK(task["reason"] == "CLI task creation");
    CHECK(task["steps"].size() == 2);
    CHECK(document(shell.run({"task", "list", "--json"}))["pagination"]["total_count"] == 1);
    CHECK(document(shell.run({"task", "list", "-s", "open", "-l", "500", "--json"}))["tasks"].size() == 1);
    CHECK(document(shell.run({"task", "steps", uuid, "--json"})).size() == 2);
    CHECK(shell.run({"task", "create", "greet", "--context", R"({"who":"x"})"}).code == 11);
    CHECK(shell.run({"task", "wait", uuid, "--timeout", "50ms"}).code == 9);
    CHECK(document(shell.run({"task", "cancel", uuid, "--json"}))["status"] == "cancelled");
    CHECK(shell.run({"task", "cancel", uuid}).code == 11);
    const Ran waited = shell.run({"task", "wait", uuid, "--json"});
    CHECK(waited.code == 1);
    CHECK(document(waited)["steps"][0].contains("results"));
}

TEST_CASE("commands: what does not exist is 10, what is no UUID or number is 2") {
    Demo shell;
    CHECK(document(shell.run({"task", "list", "--json"}))["tasks"].empty());
    CHECK_FALSE(std::filesystem::exists(shell.dir() / "state/tasker.db"));
    CHECK(shell.run({"task", "get", "019a0000-0000-7000-8000-000000000001"}).code == 10);
    CHECK(shell.run({"store", "info"}).code == 10);
    CHECK(shell.run({"task", "create", "greet"}).code == 0);
    CHECK(shell.run({"task", "get", "019a0000-0000-7000-8000-000000000001"}).code == 10);
    CHECK(shell.run({"task", "get", "nonsense"}).code == 2);
    CHECK(shell.run({"task", "list", "-l", "0"}).code == 2);
    CHECK(shell.run({"task", "list", "-s", "nonsense"}).code == 2);
    CHECK(shell.run({"task", "wait", "019a0000-0000-7000-8000-000000000001", "--timeout", "soon"}).code == 2);
    CHECK(shell.run({"task", "create", "gret"}).code == 10);
    CHECK(shell.run({"task", "create", "greet", "-c", "[1]"}).code == 2);
    CHECK(shell.run({"task", "create", "greet", "-c", "@missing.json"}).code == 2);
    CHECK(shell.run({"task", "create"}).code == 2);
}

TEST_CASE("commands: the context may come from a file, and a key makes a submission its own") {
    Demo shell;
    shell.write("in.json", R"({"big": 123456789012345678901234567890})");
    const Ran created =
        shell.run({"task", "create", "--name", "greet", "--input", "@in.json", "-k", "k1", "--json"});
    CHECK(created.code == 0);
    CHECK(created.out.find("123456789012345678901234567890") != std::string::npos);
    CHECK(shell.run({"task", "create", "greet", "-c", "@in.json", "-k", "k2"}).code == 0);
    CHECK(shell.run({"task", "create", "greet", "-c", "{}", "-k", "k2"}).code == 11);
}

TEST_CASE("commands: several versions must be told apart") {
    Demo shell;
    std::string second = kTemplate;
    second.replace(second.find("1.0.0"), 5, "2.0.0");
    shell.write("templates/greet2.yaml", second);
    const Ran ran = shell.run({"task", "create", "greet"});
    CHECK(ran.code == 2);
    CHECK(ran.err.find("demo/greet/1.0.0, demo/greet/2.0.0") != std::string::npos);
    CHECK(shell.run({"task", "create", "greet", "-v", "2.0.0"}).code == 0);
    CHECK(shell.run({"task", "create", "greet", "-v", "3.0.0"}).code == 10);
}

TEST_CASE("commands: a batch answers a line for each line, defaults filled in") {
    Demo shell;
    shell.write("b.jsonl",
                "{\"name\":\"greet\",\"context\":{\"n\":1}}\n\n{\"name\":\"nope\"}\n{broken\n[1]\n{\"name\":"
                "\"greet\",\"context\":{\"n\":1}}\n"
                "{\"name\":\"greet\",\"context\":{\"n\":2}}");
    const Ran ran = shell.run({"task", "create", "--batch", "b.jsonl"});
    CHECK(ran.code == 1);
    std::vector<json> answers;
    std::istringstream lines(ran.out);
    for (std::string line; std::getline(lines, line);) answers.push_back(json::parse(line));
    REQUIRE(answers.size() == 6);
    CHECK(answers[0]["line"] == 1);
    CHECK(answers[0].contains("task_uuid"));
    CHECK(answers[1]["line"] == 3);
    CHECK(answers[1]["error"]["code"] == "NOT_FOUND");
    CHECK(answers[2]["error"]["code"] == "BAD_REQUEST");
    CHECK(answers[3]["error"]["code"] == "BAD_REQUEST");
    CHECK(answers[4]["error"]["code"] == "CONFLICT");
    CHECK(answers[5]["line"] == 7);
    CHECK(answers[5].contains("task_uuid"));
    CHECK(shell.run({"task", "create", "--batch", "gone.jsonl"}).code == 2);
    CHECK(shell.run({"task", "create", "--batch", "b.jsonl", "--wait"}).code == 2);
}

TEST_CASE("commands: thousands of lines go in chunks") {
    Demo shell;
    std::string lines;
    for (int i = 0; i < 2500; ++i)
        lines += "{\"name\":\"greet\",\"context\":{\"n\":" + std::to_string(i) + "}}\n";
    shell.write("many.jsonl", lines);
    const Ran ran = shell.run({"task", "create", "--batch", "many.jsonl"});
    CHECK(ran.code == 0);
    CHECK(std::count(ran.out.begin(), ran.out.end(), '\n') == 2500);
    const json page = document(shell.run({"task", "list", "-l", "250", "--json"}));
    CHECK(page["tasks"].size() == 250);
    CHECK(page["pagination"]["total_count"] == 2500);
}

TEST_CASE("commands: the store is described, checked and copied") {
    Demo shell;
    REQUIRE(shell.run({"task", "create", "greet"}).code == 0);
    CHECK(document(shell.run({"store", "info", "--json"}))["tasks"] == 1);
    CHECK(document(shell.run({"store", "check", "--json"}))["ok"] == true);
    CHECK(shell.run({"store", "backup", "copy.db"}).code == 0);
    CHECK(std::filesystem::exists(shell.path("copy.db")));
    CHECK(shell.run({"store", "backup", "copy.db"}).code == 11);
}

TEST_CASE("commands: a file that is no store is left alone with exit 7") {
    Demo shell;
    shell.dir().write("state/tasker.db", "not a store at all, and long enough to be looked at twice");
    CHECK(shell.run({"task", "create", "greet"}).code == 7);
    CHECK(shell.run({"store", "check"}).code == 7);
}

TEST_CASE("commands: task run refuses a template whose handlers nobody offers") {
    Demo shell;
    const Ran ran = shell.run({"task", "run", "greet", "--json"});
    CHECK(ran.code == 3);
    CHECK(document(ran)["error"]["code"] == "HANDLER_MISSING");
    CHECK(shell.run({"task", "run", "bad.yaml"}).code != 0);
}

TEST_CASE("commands: a new handler is the template with the names filled in") {
    Shell shell;
    shell.dir().write("share/tasker-host/sdk-template/CMakeLists.txt", "project(@NAME@)\n");
    shell.dir().write("share/tasker-host/sdk-template/@NAME@.cpp", "class @CLASS@ {}; // @NAME@\n");
    const Ran ran = shell.run({"new", "handler", "greet_all"});
    CAPTURE(ran.err);
    CHECK(ran.code == 0);
    std::ifstream in(shell.path("greet_all/greet_all.cpp"));
    std::string line;
    std::getline(in, line);
    CHECK(line == "class GreetAll {}; // greet_all");
    CHECK(shell.run({"new", "handler", "greet_all"}).code == 11);
    CHECK(shell.run({"new", "handler", "greet_all", "--dir", "elsewhere"}).code == 0);
    for (const char* bad : {"Greet", "9x", "a-b", "../x", ""})
        CHECK(shell.run({"new", "handler", bad}).code == 2);
}

TEST_CASE("commands: without the template new handler says what is missing") {
    Shell shell;
    CHECK(shell.run({"new", "handler", "x"}).code == 10);
}

TEST_CASE("commands: completion scripts know every verb and bash accepts its own") {
    Shell shell;
    for (const char* name : {"bash", "zsh", "fish"}) {
        const Ran ran = shell.run({"completion", name});
        CHECK(ran.code == 0);
        CHECK(ran.out.find("validate") != std::string::npos);
        CHECK(ran.out.find("idempotency-key") != std::string::npos);
    }
    shell.write("complete.bash", shell.run({"completion", "bash"}).out);
    const int status = std::system(("bash -n " + shell.path("complete.bash").string()).c_str());
    CHECK(WEXITSTATUS(status) == 0);
}

TEST_CASE("commands: a reader that went away is no error") {
    Shell shell;
    int pipe_ends[2] = {-1, -1};
    REQUIRE(::pipe(pipe_ends) == 0);
    ::close(pipe_ends[0]);
    std::signal(SIGPIPE, SIG_IGN);
    tasker::host::Output out(pipe_ends[1]), err(pipe_ends[1]);
    CHECK(tasker::host::run_invocation({{"config", "show"}, shell.environment, shell.path(""), {}}, out,
                                       err) == 0);
    CHECK(out.broken());
    ::close(pipe_ends[1]);
}
