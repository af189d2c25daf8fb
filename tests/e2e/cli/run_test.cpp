// `task run`: what it refuses, how it is stopped, what it says of itself.

#include "tests/e2e/cli/sandbox.hpp"

namespace tasker::host::e2e {

namespace {
// The arguments of a run whose only step never ends.
Arguments endless(const Sandbox& sandbox, const std::string& name) {
    return {"task", "run", name, "--context",
            json{{"label", "a"},
                 {"journal", sandbox.path("journal").string()},
                 {"release", sandbox.path("r").string()}}
                .dump()};
}
}  // namespace

TEST_CASE("--timeout of a run holds although the handler is deaf") {
    const Sandbox sandbox;
    Arguments arguments = endless(sandbox, "hung");
    arguments.insert(arguments.end(), {"--timeout", "200ms", "--json"});
    const Finished done = sandbox.run(arguments, 15s);
    CHECK(done.status == ExitStatus{9, 0});
    CHECK_MESSAGE(document_fault(done.out).empty(), done.out);
}

TEST_CASE("a second signal ends a run at once although the handler is deaf, and the scratch store is gone") {
    Sandbox sandbox;
    std::filesystem::create_directories(sandbox.path("tmp"));
    sandbox.set("TMPDIR", sandbox.path("tmp").string());
    const auto run = sandbox.start(endless(sandbox, "hung"));
    REQUIRE(sandbox.started(1));
    run->signal(SIGINT);
    REQUIRE(run->wait_for_err("cancelling the task", kPatience));
    run->signal(SIGINT);
    const auto status = run->wait(kSoon + 2s);
    REQUIRE_MESSAGE(status.has_value(), run->err());
    CHECK(*status == ExitStatus{6, 0});
    CHECK(std::filesystem::is_empty(sandbox.path("tmp")));
}

TEST_CASE("one signal cancels a run whose handler listens") {
    const Sandbox sandbox;
    Arguments arguments = endless(sandbox, "hold");
    arguments.emplace_back("--json");
    const auto run = sandbox.start(arguments);
    REQUIRE(sandbox.started(1));
    run->signal(SIGINT);
    const auto status = run->wait(kPatience);
    REQUIRE(status.has_value());
    CHECK(*status == ExitStatus{1, 0});
    CHECK(json::parse(run->out())["status"] == "cancelled");
}

TEST_CASE("a run tells the same about itself as a submission does") {
    Sandbox sandbox;
    sandbox.set("USER", std::string(200, 'u'));
    const json run = sandbox.document({"task", "run", "linear_workflow", "-c", R"({"number":6})"});
    const json created = sandbox.document({"task", "create", "linear_workflow", "-c", R"({"number":6})"});
    for (const char* key : {"initiator", "source_system", "reason"}) CHECK(run[key] == created[key]);
    CHECK(run["initiator"] == std::string(128, 'u'));
    CHECK(run["reason"] == "CLI task creation");
}

TEST_CASE("a run refuses a step whose method the handler does not have, and names those that it has") {
    const Sandbox sandbox;
    sandbox.write(
        "templates/odd.yaml",
        "name: odd\nnamespace_name: slow\nversion: \"1.0.0\"\nsteps:\n  - name: only\n    handler:\n"
        "      callable: slow.hold\n      method: let_go\n");
    const Finished done = sandbox.run({"task", "run", "odd"}, 20s);
    CHECK(done.status.code == 3);
    CHECK_MESSAGE(done.err.find("let_go") != std::string::npos, done.err);
    CHECK_MESSAGE(done.err.find("'call'") != std::string::npos, done.err);
}

TEST_CASE("a file that does not exist is not found, under the name that was typed") {
    const Sandbox sandbox;
    for (const Arguments& arguments :
         {Arguments{"task", "run", "missing.yaml"}, Arguments{"template", "validate", "missing.yaml"},
          Arguments{"template", "validate", "no/missing.yaml"}}) {
        const Finished done = sandbox.run(arguments);
        CHECK(done.status.code == 10);
        CHECK_MESSAGE(done.err.find(" " + arguments[2]) != std::string::npos, done.err);
    }
}

TEST_CASE("a terminal that cannot move its cursor gets lines and no escapes") {
    Sandbox sandbox;
    testing::ChildOptions shell = sandbox.command({});
    const std::string run = shell.argv.front() + " task run linear_workflow -c '{\"number\":6}'";
    const auto on_terminal = [&] {
        shell = sandbox.command({});
        shell.argv = {"script", "-qec", run, "/dev/null"};
        const Finished done = testing::run_child(shell, kPatience);
        CHECK_MESSAGE(done.status.code == 0, done.out, done.err);
        return done.out;
    };
    sandbox.set("TERM", "xterm");
    CHECK(on_terminal().find('\x1b') != std::string::npos);
    sandbox.set("TERM", "dumb");
    CHECK(on_terminal().find('\x1b') == std::string::npos);
    sandbox.unset("TERM");
    CHECK(on_terminal().find('\x1b') == std::string::npos);
}

// What a creation checks is checked, nothing is stored.
TEST_CASE("a dry run tells what would be created, or why not, and stores nothing") {
    const Sandbox sandbox;
    const auto dry = [](const std::string& name, const std::string& context) {
        return Arguments{"task", "create", name, "-c", context, "--dry-run"};
    };
    const auto check = [&](int before) {
        const json told = sandbox.document(dry("linear_workflow", R"({"number":6})"));
        CHECK(told["dry_run"] == true);
        CHECK(told["name"] == "linear_workflow");
        CHECK(told["steps"].size() == 4);
        const Finished plain = sandbox.run(dry("linear_workflow", R"({"number":6})"));
        CHECK(plain.status.code == 0);
        CHECK_MESSAGE(plain.out.find("square") != std::string::npos, plain.out);
        sandbox.document(dry("no_such_template", "{}"), 10);
        if (before > 0) CHECK(sandbox.document({"task", "list"})["pagination"]["total_count"] == before);
    };
    check(0);
    CHECK_FALSE(std::filesystem::exists(sandbox.path("state/tasker.db")));
    sandbox.document({"task", "create", "linear_workflow", "-c", R"({"number":7})"});
    check(1);
    sandbox.document(dry("linear_workflow", R"({"number":7})"), 11);
    const auto worker = sandbox.worker();
    check(1);
    sandbox.document(dry("linear_workflow", R"({"number":7})"), 11);
    stop(*worker);
}

}  // namespace tasker::host::e2e
