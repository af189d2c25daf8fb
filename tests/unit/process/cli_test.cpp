#include "host/process/cli.hpp"

#include <doctest/doctest.h>

#include <set>

#include "host/process/cli_grammar.hpp"

using namespace tasker::host;

namespace {
using Parsed = std::variant<CommandLine, HelpText, UsageFault>;
CommandLine parsed(const std::vector<std::string>& arguments) {
    Parsed result = parse_command_line(arguments);
    if (const auto* fault = std::get_if<UsageFault>(&result)) FAIL(fault->message);
    REQUIRE(std::holds_alternative<CommandLine>(result));
    return std::get<CommandLine>(result);
}
UsageFault refused(const std::vector<std::string>& arguments) {
    const Parsed result = parse_command_line(arguments);
    REQUIRE(std::holds_alternative<UsageFault>(result));
    return std::get<UsageFault>(result);
}
}  // namespace

TEST_CASE("cli: a verb comes with its options and arguments") {
    const CommandLine line = parsed({"task", "create", "greet", "-n", "orders", "--version=1.0.0", "-c",
                                     R"({"a":[1]})", "--tag", "x", "--tag", "y", "--wait"});
    CHECK(line.verb == "task create");
    CHECK(line.get("NAME") == "greet");
    CHECK(line.get("namespace") == "orders");
    CHECK(line.get("version") == "1.0.0");
    CHECK(line.get("context") == R"({"a":[1]})");
    CHECK(line.all("tag") == std::vector<std::string>{"x", "y"});
    CHECK(line.has("wait"));
    CHECK_FALSE(line.has("timeout"));
}

TEST_CASE("cli: every spelling of the context is the same option") {
    for (const char* spelling : {"-c", "--context", "-i", "--input"}) {
        CHECK(parsed({"task", "create", "x", spelling, "{}"}).get("context") == "{}");
    }
}

TEST_CASE("cli: options for every command stand before or behind the verb") {
    for (const auto& arguments :
         {std::vector<std::string>{"--json", "--config", "f.toml", "task", "list"},
          std::vector<std::string>{"task", "list", "--json", "--config", "f.toml"},
          std::vector<std::string>{"task", "--format", "json", "list", "--config=f.toml"}}) {
        const CommandLine line = parsed(arguments);
        CHECK(line.verb == "task list");
        CHECK(line.json);
        CHECK(line.config == "f.toml");
    }
    CHECK_FALSE(parsed({"task", "list", "--format", "table"}).json);
}

TEST_CASE("cli: a flag of a setting is kept under its key") {
    const CommandLine line = parsed({"worker", "--namespace", "a", "-n", "b", "--threads", "4",
                                     "--all-namespaces", "--state-dir", "/s", "--plugin-path", "p"});
    CHECK(line.settings.at("host.namespaces") == std::vector<std::string>{"a", "b"});
    CHECK(line.settings.at("host.threads") == std::vector<std::string>{"4"});
    CHECK(line.settings.at("host.all_namespaces") == std::vector<std::string>{"true"});
    CHECK(line.settings.at("host.state_dir") == std::vector<std::string>{"/s"});
    CHECK(line.settings.at("host.plugin_path") == std::vector<std::string>{"p"});
}

TEST_CASE("cli: of a task verb --namespace is a filter and no setting") {
    const CommandLine line = parsed({"task", "list", "--namespace", "a"});
    CHECK(line.settings.empty());
    CHECK(line.get("namespace") == "a");
}

TEST_CASE("cli: misspelt commands and options are refused with a suggestion") {
    CHECK(refused({"tsak", "list"}).hint == "did you mean 'task'?");
    CHECK(refused({"task", "lst"}).message == "unknown command 'task lst'");
    CHECK(refused({"task", "lst"}).hint == "did you mean 'list'?");
    CHECK(refused({"task", "list", "--nmespace", "x"}).hint == "did you mean '--namespace'?");
    CHECK(refused({"task", "list", "--nmespace", "x"}).message == "unknown option '--nmespace'");
    CHECK(refused({"config", "shwo"}).usage.find("tasker-host config") != std::string::npos);
}

TEST_CASE("cli: the value of an unknown option is not repeated, it may be a secret") {
    CHECK(refused({"task", "list", "--pasword=hunter2"}).message == "unknown option '--pasword'");
}

TEST_CASE("cli: a missing command, argument or value is refused") {
    CHECK(refused({}).message == "a command is missing");
    CHECK(refused({"task"}).message == "a command is missing");
    CHECK(refused({"task", "get"}).message.find("TASK is missing") != std::string::npos);
    CHECK_FALSE(refused({"task", "list", "--limit"}).message.empty());
    CHECK(refused({"task", "get", "a", "b"}).message == "unexpected argument 'b'");
    CHECK_FALSE(refused({"task", "list", "--format", "xml"}).message.empty());
    CHECK_FALSE(refused({"completion", "tcsh"}).message.empty());
    CHECK_FALSE(refused({"task", "list", "--limit", "1", "--limit", "2"}).message.empty());
}

TEST_CASE("cli: help names the exit codes and every verb that there is") {
    const auto result = parse_command_line({"--help"});
    const std::string text = std::get<HelpText>(result).text;
    CHECK(text.find("11  refused (duplicate, permission, state)") != std::string::npos);
    CHECK(text.find("Examples:") != std::string::npos);
    for (const auto& [group, help] : groups()) CHECK(text.find(group) != std::string::npos);
    const std::string task = std::get<HelpText>(parse_command_line({"task", "--help"})).text;
    for (const VerbSpec& verb : verbs()) {
        if (verb.group == "task") CHECK(task.find(verb.name) != std::string::npos);
    }
    const std::string create = std::get<HelpText>(parse_command_line({"task", "create", "--help"})).text;
    CHECK(create.find("--idempotency-key") != std::string::npos);
    CHECK(create.find("Exit codes:") != std::string::npos);
    CHECK(std::get<HelpText>(parse_command_line({"--version"})).text.starts_with("tasker-host "));
}

TEST_CASE("cli: JSON is wanted even when the rest does not parse") {
    CHECK(wants_json({"tsak", "--json"}));
    CHECK(wants_json({"--format", "json"}));
    CHECK(wants_json({"--format=json"}));
    CHECK_FALSE(wants_json({"task", "list"}));
}

TEST_CASE("grammar: no verb has an option twice, also not one of those for every command") {
    for (const VerbSpec& verb : verbs()) {
        std::set<std::string> seen;
        const auto check = [&](const OptionSpec& option) {
            for (const std::string& spelling : option.spellings()) {
                CAPTURE(verb.name);
                CAPTURE(spelling);
                CHECK(seen.insert(spelling).second);
            }
        };
        for (const OptionSpec& option : global_options()) check(option);
        for (const OptionSpec& option : verb.options) check(option);
        CHECK_FALSE(verb.help.empty());
    }
}
