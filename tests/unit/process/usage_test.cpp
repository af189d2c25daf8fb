// What the command line refuses, in which words, and what it never repeats.

#include <doctest/doctest.h>
#include <fcntl.h>

#include <nlohmann/json.hpp>

#include "tests/unit/process/invocation.hpp"

using nlohmann::json;
using namespace tasker::host::testing;

namespace {
bool contains(const std::string& text, const std::string& part) {
    return text.find(part) != std::string::npos;
}

struct Demo : Shell {
    Demo() {
        write("templates/greet.yaml",
              "name: greet\nnamespace_name: demo\nversion: 1.0.0\nsteps:\n  - name: say\n    handler:\n"
              "      callable: demo.say\n");
    }
};
}  // namespace

TEST_CASE("usage: a password is not repeated, wherever it was typed") {
    Demo shell;
    const std::string url = "postgresql://u:sup3rs3cret@h/d";
    const std::vector<std::vector<std::string>> places{{"worker", url},
                                                       {"worker", "--namespace", url},
                                                       {"worker", "--durability", url},
                                                       {"--color", url, "task", "list"},
                                                       {"task", "get", url},
                                                       {"task", "create", url},
                                                       {"task", "create", "greet", "--context", "@" + url},
                                                       {"task", "list", "--limit", url},
                                                       {"template", "info", url},
                                                       {"template", "validate", url},
                                                       {"plugin", "info", url},
                                                       {"plugin", "check", url},
                                                       {"plugin", "unquarantine", url},
                                                       {"config", "explain", url},
                                                       {"new", "handler", url},
                                                       {url}};
    for (auto arguments : places) {
        for (const bool as_json : {false, true}) {
            if (as_json) arguments.emplace_back("--json");
            const Ran ran = shell.run(arguments);
            CAPTURE(arguments.front());
            CAPTURE(ran.out + ran.err);
            CHECK(ran.code != 0);
            CHECK_FALSE(contains(ran.out + ran.err, "sup3rs3cret"));
        }
    }
    for (const char* value : {"postgresql://u:sup3rs3cret@h/d", "u:sup3rs3cret@h", "redis:sup3rs3cret@h:1"}) {
        shell.environment["TASKER_WEB_BIND_ADDRESS"] = value;
        const Ran ran = shell.run({"config", "show"});
        CAPTURE(ran.out + ran.err);
        CHECK_FALSE(contains(ran.out + ran.err, "sup3rs3cret"));
    }
}

TEST_CASE("usage: a value that is missing, repeated or none of those allowed is told in plain words") {
    Shell shell;
    const std::pair<std::vector<std::string>, const char*> rows[] = {
        {{"task", "list", "--limit"}, "the option --limit needs a value: --limit N"},
        {{"task", "list", "--limit", "1", "--limit", "2"}, "the option --limit is given more than once"},
        {{"task", "list", "--color", "red"}, "'red' is not one of auto, always, never"},
        {{"completion", "tcsh"}, "'tcsh' is not one of bash, zsh, fish"},
    };
    for (const auto& [arguments, text] : rows) {
        const Ran ran = shell.run(arguments);
        CHECK(ran.code == 2);
        CHECK_MESSAGE(contains(ran.err, text), ran.err);
    }
}

TEST_CASE("usage: -- ends the options") {
    Demo shell;
    const Ran created = shell.run({"task", "create", "--", "greet"});
    CHECK_MESSAGE(created.code == 0, created.err);
    const std::string uuid = created.out.substr(0, created.out.size() - 1);
    CHECK(shell.run({"task", "get", "--", uuid}).code == 0);
    CHECK(shell.run({"task", "get", "--json", "--", uuid}).code == 0);
    const Ran odd = shell.run({"template", "validate", "--", "--odd"});
    CHECK(odd.code == 10);
    CHECK(contains(odd.err, "--odd"));
}

TEST_CASE("usage: help begins with how the command is called, and shows two examples of the main ones") {
    Shell shell;
    for (const std::vector<std::string>& verb : {std::vector<std::string>{"task", "create"},
                                                 {"task", "run"},
                                                 {"task", "get"},
                                                 {"task", "list"},
                                                 {"task", "wait"},
                                                 {"worker"},
                                                 {"template", "validate"},
                                                 {"plugin", "info"},
                                                 {"store", "backup"},
                                                 {"new", "handler"}}) {
        std::vector<std::string> arguments = verb;
        arguments.emplace_back("--help");
        const Ran ran = shell.run(arguments);
        std::string path = "tasker-host";
        for (const std::string& word : verb) path += " " + word;
        CHECK_MESSAGE(ran.out.starts_with("Usage: " + path + " "), ran.out.substr(0, 200));
        const std::size_t first = ran.out.find("\n  " + path);
        CHECK_MESSAGE(first != std::string::npos, ran.out);
        CHECK_MESSAGE(ran.out.find("\n  " + path, first + 1) != std::string::npos, ran.out);
    }
    CHECK(
        shell.run({"task", "get", "--help"}).out.starts_with("Usage: tasker-host task get [OPTIONS] TASK\n"));
    CHECK(shell.run({"task", "--help"}).out.starts_with("Usage: tasker-host task [OPTIONS] COMMAND\n"));
    CHECK(shell.run({"--help"}).out.starts_with("Usage: tasker-host [OPTIONS] COMMAND\n"));
}

TEST_CASE("usage: the version is one document, as a verb and as an option") {
    Shell shell;
    for (const auto& arguments :
         {std::vector<std::string>{"version", "--json"}, {"--version", "--json"}, {"--json", "-V"}}) {
        const Ran ran = shell.run(arguments);
        CHECK(ran.code == 0);
        REQUIRE(json::accept(ran.out));
        CHECK(json::parse(ran.out)["name"] == "tasker-host");
    }
    CHECK(shell.run({"--version"}).out.starts_with("tasker-host "));
}

TEST_CASE("usage: what cannot stand beside --batch or --dry-run is refused and not ignored") {
    Demo shell;
    shell.write("b.jsonl", "{\"name\":\"greet\"}\n");
    const std::vector<std::vector<std::string>> beside_batch{
        {"--priority", "3"}, {"--tag", "x"}, {"--timeout", "3"}, {"--dry-run"}, {"--correlation-id", "x"}};
    for (const auto& more : beside_batch) {
        std::vector<std::string> arguments{"task", "create", "--batch", "b.jsonl"};
        arguments.insert(arguments.end(), more.begin(), more.end());
        const Ran ran = shell.run(arguments);
        CHECK(ran.code == 2);
        CHECK_MESSAGE(contains(ran.err, more.front() + " cannot be combined with --batch"), ran.err);
    }
    CHECK(shell.run({"task", "create", "greet", "--dry-run", "--wait"}).code == 2);
}

TEST_CASE("usage: null in a batch line is the same as leaving the field out") {
    Demo shell;
    shell.write(
        "b.jsonl",
        "{\"name\":\"greet\", \"initiator\":null, \"reason\":null,\"context\":null,\"version\":null}\n"
        "{\"initiator\":null}\n{}\n");
    const Ran ran = shell.run({"task", "create", "greet", "--batch", "b.jsonl", "--initiator", "cron"});
    std::istringstream lines(ran.out);
    std::string first, second, third;
    std::getline(lines, first);
    std::getline(lines, second);
    std::getline(lines, third);
    REQUIRE_MESSAGE(contains(first, "task_uuid"), ran.out);
    // The same task twice more.
    CHECK(contains(second, "CONFLICT"));
    CHECK(contains(third, "CONFLICT"));
    const json task = json::parse(shell.run({"task", "get", json::parse(first)["task_uuid"], "--json"}).out);
    CHECK(task["initiator"] == "cron");
    CHECK(task["reason"] == "CLI task creation");
}

TEST_CASE("usage: a backup that cannot be written failed, one whose target exists is refused") {
    Demo shell;
    REQUIRE(shell.run({"task", "create", "greet"}).code == 0);
    const Ran failed = shell.run({"store", "backup", "/nonexistent/x.db", "--json"});
    CHECK(failed.code == 1);
    CHECK(json::parse(failed.out)["error"]["code"] == "FAILED");
    shell.write("there.db", "mine");
    CHECK(shell.run({"store", "backup", "there.db"}).code == 11);
}

TEST_CASE("usage: with no place for a store a worker is a matter of configuration") {
    Shell shell;
    shell.environment.clear();
    const Ran ran = shell.run({"worker"});
    CHECK(ran.code == 2);
    CHECK(contains(ran.err, "TASKER_STATE_DIR"));
    CHECK(shell.run({"task", "list"}).code == 2);
    CHECK(shell.run({"plugin", "list"}).code == 0);
}

TEST_CASE("usage: a plugin root that gives nothing says why") {
    Shell shell;
    shell.write("a.file", "");
    for (const char* verb : {"plugin", "handler"}) {
        shell.environment["TASKER_PLUGIN_PATH"] = "nowhere:a.file";
        const Ran ran = shell.run({verb, "list"});
        CHECK(ran.code == 0);
        CHECK_MESSAGE(contains(ran.err, "nowhere does not exist"), ran.err);
        CHECK_MESSAGE(contains(ran.err, "a.file is not a folder"), ran.err);
    }
    CHECK(contains(shell.run({"plugin", "info", "greet"}).err, "nowhere does not exist"));
}

TEST_CASE("usage: an answer that is lost is no success") {
    Demo shell;
    const int full = ::open("/dev/full", O_WRONLY | O_CLOEXEC);
    REQUIRE(full >= 0);
    for (const auto& arguments :
         {std::vector<std::string>{"task", "create", "greet"}, {"version"}, {"--help"}}) {
        tasker::host::Output out(full), err(full);
        CHECK(tasker::host::run_invocation({arguments, shell.environment, shell.path(""), {}}, out, err) ==
              1);
    }
    ::close(full);
}

TEST_CASE("usage: names that would break a handler's project are refused with the reason") {
    Shell shell;
    shell.dir().write("share/tasker-host/sdk-template/@NAME@.cpp", "");
    for (const char* name :
         {"plugin", "test", "all", "install", "help", "clean", "package", "step", "step_test"}) {
        const Ran ran = shell.run({"new", "handler", name});
        CHECK(ran.code == 2);
        CHECK_MESSAGE(contains(ran.err, "needs this name"), ran.err);
    }
    // Not installed: the next step is to install it, and a folder with a blank is one word.
    const Ran built = shell.run({"new", "handler", "greet", "--dir", "my handlers/greet"});
    CHECK(built.code == 0);
    CHECK_MESSAGE(contains(built.out, "cmake --install "), built.out);
    CHECK_MESSAGE(contains(built.out, "my handlers/greet' -B '"), built.out);
    shell.dir().write("lib/cmake/TaskerSDK/TaskerSDKConfig.cmake", "");
    const Ran installed = shell.run({"new", "handler", "greet_two"});
    CHECK_FALSE(contains(installed.out, "cmake --install"));
    CHECK(contains(installed.out, "-DCMAKE_PREFIX_PATH=" + shell.dir().path().string() + "\n"));
}
