// Each exit code that a user can meet, in the way in which he meets it.

#include "tests/e2e/cli/sandbox.hpp"

namespace tasker::host::e2e {

namespace {
bool contains(const std::string& text, const std::string& part) {
    return text.find(part) != std::string::npos;
}
}  // namespace

TEST_CASE("exit code 2: a configuration with an unknown key names file, line and the nearest key") {
    const Sandbox sandbox;
    const std::string file = sandbox.write("bad.toml", "# mine\n[host]\nthread = 4\n").string();
    for (const Arguments& arguments :
         {Arguments{"worker", "--config", file}, Arguments{"config", "check", "--config", file},
          Arguments{"task", "list", "--config", file}}) {
        const Finished done = sandbox.run(arguments);
        CHECK(done.status.code == 2);
        CHECK_MESSAGE(contains(done.err, file + ":3"), done.err);
        CHECK_MESSAGE(contains(done.err, "threads"), done.err);
    }
}

TEST_CASE("exit code 2: a configured value out of its range names file, line, value and range") {
    const Sandbox sandbox;
    const std::string file = sandbox.write("bad.toml", "[host]\n\nthreads = 0\n").string();
    const Finished done = sandbox.run({"worker", "--config", file});
    CHECK(done.status.code == 2);
    CHECK_MESSAGE(contains(done.err, file + ":3"), done.err);
    CHECK_MESSAGE(contains(done.err, "1..1024"), done.err);
}

TEST_CASE("exit code 3: a template with errors is told with file, line and column, all errors at once") {
    const Sandbox sandbox;
    const std::string file =
        sandbox
            .write("bad.yaml",
                   "name: bad\nnamespace_name: default\nversion: \"1.0.0\"\nsteps:\n  - name: a\n"
                   "    dependencies: [nobody]\n    handler:\n      callable: x.y\n  - name: a\n"
                   "    handler:\n      callable: x.y\n")
            .string();
    const Finished done = sandbox.run({"template", "validate", file});
    CHECK(done.status.code == 3);
    const std::string said = done.out + done.err;
    CHECK_MESSAGE(contains(said, file + ":6:"), said);
    CHECK_MESSAGE(contains(said, file + ":9:"), said);
    const Finished as_json = sandbox.run({"template", "validate", file, "--json"});
    CHECK(as_json.status.code == 3);
    CHECK_MESSAGE(document_fault(as_json.out).empty(), as_json.out);
}

TEST_CASE("exit code 3: a PostgreSQL deployment is not to be had yet, and its password is not shown") {
    Sandbox sandbox;
    const std::string url = "postgresql://u:s3cr3tword@h.invalid/db";
    sandbox.set("DATABASE_URL", url);
    for (const Arguments& arguments :
         {Arguments{"worker"}, Arguments{"worker", "--json"}, Arguments{"worker", "--log-level", "trace"},
          Arguments{"task", "list"}, Arguments{"task", "list", "--json"}, Arguments{"config", "show"},
          Arguments{"config", "show", "--json"}, Arguments{"config", "explain", "host.database_url"}}) {
        const Finished done = sandbox.run(arguments);
        const bool shows = arguments.front() == "config";
        CHECK_MESSAGE(done.status.code == (shows ? 0 : 3), arguments[0], " ", arguments[1 % arguments.size()],
                      done.out, done.err);
        CHECK_MESSAGE(!contains(done.out + done.err, "s3cr3tword"), done.out, done.err);
    }
}

TEST_CASE("a password in the configuration file is shown nowhere") {
    const Sandbox sandbox;
    const std::string file =
        sandbox.write("host.toml", "[host]\ndatabase_url = \"postgresql://u:s3cr3tword@h.invalid/db\"\n")
            .string();
    for (const Arguments& arguments :
         {Arguments{"worker", "--log-level", "trace"}, Arguments{"config", "show"},
          Arguments{"config", "show", "--json"}, Arguments{"config", "check"}, Arguments{"task", "list"},
          Arguments{"store", "info", "--json"}}) {
        Arguments all = arguments;
        all.insert(all.end(), {"--config", file});
        const Finished done = sandbox.run(all);
        CHECK_MESSAGE(!contains(done.out + done.err, "s3cr3tword"), done.out, done.err);
    }
}

TEST_CASE("exit code 2: a password on the command line is refused and not repeated") {
    const Sandbox sandbox;
    const Finished done = sandbox.run({"worker", "--database-url=postgresql://u:s3cr3tword@h.invalid/db"});
    CHECK(done.status.code == 2);
    CHECK_MESSAGE(contains(done.err, "DATABASE_URL"), done.err);
    CHECK_MESSAGE(!contains(done.out + done.err, "s3cr3tword"), done.out, done.err);
}

TEST_CASE("exit code 3: a state dir that cannot be made") {
    Sandbox sandbox;
    sandbox.write("file", "");
    sandbox.set("TASKER_STATE_DIR", sandbox.path("file/state").string());
    const Finished done = sandbox.run({"worker"});
    CHECK(done.status.code == 3);
    CHECK_MESSAGE(contains(done.err, sandbox.path("file/state").string()), done.err);
}

TEST_CASE("exit code 3: a worker that cannot start says so in one document with --json") {
    const Sandbox sandbox;
    const auto first = sandbox.worker();
    const Finished done = sandbox.run({"worker", "--json"});
    CHECK(done.status.code == 3);
    CHECK_MESSAGE(document_fault(done.out).empty(), document_fault(done.out), ": ", done.out);
    stop(*first);
}

TEST_CASE("exit code 7: what is no store of ours is refused by every verb and left untouched") {
    const Sandbox sandbox;
    const std::string garbage(20000, 'x');
    const auto store = sandbox.write("state/tasker.db", garbage);
    for (const Arguments& arguments :
         {Arguments{"worker"}, Arguments{"task", "list"},
          Arguments{"task", "create", "linear_workflow", "-c", R"({"number":6})"},
          Arguments{"task", "get", kUnknownTask}, Arguments{"store", "info"}, Arguments{"store", "check"},
          Arguments{"store", "backup", "copy.db"}}) {
        CAPTURE(arguments.front());
        CAPTURE(arguments.back());
        const Finished done = sandbox.run(arguments);
        CHECK(done.status.code == 7);
        CHECK_MESSAGE(contains(done.out + done.err, store.string()), done.out, done.err);
        CHECK(read_file(store) == garbage);
    }
    CHECK(sandbox.document({"task", "list"}, 7).contains("error"));
    CHECK_FALSE(std::filesystem::exists(sandbox.path("work/copy.db")));
}

TEST_CASE("exit code 8: a host that holds the store and does not answer is not reachable") {
    const Sandbox sandbox;
    const auto worker = sandbox.worker();
    // Alive and silent.
    worker->signal(SIGSTOP);
    const Finished done = sandbox.run({"task", "list", "--json"});
    worker->signal(SIGCONT);
    CHECK(done.status.code == 8);
    CHECK_MESSAGE(document_fault(done.out).empty(), done.out);
    CHECK_MESSAGE(contains(done.out, "pid " + std::to_string(worker->pid())), done.out);
    stop(*worker);
}

TEST_CASE("exit code 9: waiting has an end, and the task goes on") {
    const Sandbox sandbox;
    const auto worker = sandbox.worker();
    const std::string task = sandbox.submit_slow("hold", "a");
    for (const char* verb : {"wait", "watch"}) {
        const Finished done = sandbox.run({"task", verb, task, "--timeout", "50ms"});
        CHECK(done.status.code == 9);
        CHECK_MESSAGE(contains(done.err, task), done.err);
    }
    const json error = sandbox.document({"task", "wait", task, "--timeout", "0"}, 9);
    CHECK(error["error"]["message"].is_string());
    sandbox.release("a");
    CHECK(sandbox.document({"task", "wait", task})["status"] == "complete");
    stop(*worker);
}

TEST_CASE("exit code 9: waiting with no host ends too") {
    const Sandbox sandbox;
    const std::string task = sandbox.submit_slow("hold", "a");
    const Finished done = sandbox.run({"task", "wait", task, "--timeout", "50ms"});
    CHECK(done.status.code == 9);
}

TEST_CASE("exit code 10: a task that nobody has heard of, with a store and without one") {
    const Sandbox sandbox;
    CHECK(sandbox.document({"task", "get", kUnknownTask}, 10).contains("error"));
    sandbox.document({"task", "create", "linear_workflow", "-c", R"({"number":6})"});
    CHECK(sandbox.document({"task", "get", kUnknownTask}, 10).contains("error"));
    CHECK(contains(sandbox.run({"task", "get", kUnknownTask}).err, kUnknownTask));
}

TEST_CASE("exit code 11: the same submission twice, directly and through a host") {
    const Sandbox sandbox;
    const Arguments submission{"task", "create", "linear_workflow", "-c", R"({"number":6})"};
    sandbox.document(submission);
    CHECK(sandbox.document(submission, 11)["error"]["code"] == "CONFLICT");
    const auto worker = sandbox.worker();
    CHECK(sandbox.document(submission, 11)["error"]["code"] == "CONFLICT");
    stop(*worker);
    CHECK(sandbox.document({"task", "list"})["pagination"]["total_count"] == 1);
}

TEST_CASE("exit codes stand in the help of the program and of every verb") {
    const Sandbox sandbox;
    for (const Arguments& arguments :
         {Arguments{"--help"}, Arguments{"worker", "--help"}, Arguments{"task", "create", "--help"}}) {
        const Finished done = sandbox.run(arguments);
        CHECK(done.status.code == 0);
        CHECK(contains(done.out, "  6   forced stop, work handed back"));
        CHECK(contains(done.out, "  11  refused (duplicate, permission, state)"));
    }
}

}  // namespace tasker::host::e2e
