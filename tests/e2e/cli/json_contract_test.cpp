// Every verb with --json: one document, the exit code, nothing odd on standard error. Without: errors are for people.

#include <map>

#include "tests/e2e/cli/sandbox.hpp"

namespace tasker::host::e2e {

namespace {
// What the rows' words stand for: {DONE} a finished task, {OPEN} one that runs or would, {DIR} the sandbox.
using Words = std::map<std::string, std::string>;

std::string filled(std::string text, const Words& words) {
    for (const auto& [word, value] : words) {
        for (auto at = text.find(word); at != std::string::npos; at = text.find(word, at + value.size())) {
            text.replace(at, word.size(), value);
        }
    }
    return text;
}

struct Row {
    Arguments arguments;
    int exit = 0;
    std::vector<std::string> keys = {};  // members that the document has; "error" alone for a failure
    bool stream = false;                 // a JSON value a line
    bool script = false;                 // not a document: asking for one is a usage fault
};

const std::string kNobody = kUnknownTask;

std::vector<Row> successes() {
    const std::vector<std::string> task{"task_uuid", "name",    "namespace",   "version",
                                        "status",    "context", "total_steps", "steps"};
    return {
        {{"version"}, 0, {"name", "version"}},
        {{"task", "create", "linear_workflow", "-c", R"({"number":{PASS}1})"}, 0, {"task_uuid"}},
        {{"task", "create", "--name", "minimal_c", "-i", R"({"text":"{PASS}"})", "-p", "3", "--tag", "x"},
         0,
         {"task_uuid"}},
        {{"task", "run", "linear_workflow", "--context", R"({"number":6})"}, 0, task},
        {{"task", "get", "{DONE}"}, 0, task},
        {{"task", "list"}, 0, {"tasks", "pagination"}},
        {{"task", "list", "-n", "nowhere", "--limit", "500"}, 0, {"tasks", "pagination"}},
        {{"task", "list", "--status", "complete"}, 0, {"tasks", "pagination"}},
        {{"task", "wait", "{DONE}"}, 0, task},
        {{"task", "watch", "{DONE}"}, 0, {}, true},
        {{"task", "steps", "{DONE}"}},
        {{"task", "step", "{DONE}", "square"},
         0,
         {"step_uuid", "name", "current_state", "results", "created_at"}},
        {{"task", "step-audit", "{DONE}", "square"}},
        {{"task", "cancel", "{OPEN}"}},
        {{"dlq", "list"}},
        {{"dlq", "stats"}},
        {{"store", "prune", "--older-than", "30d", "--dry-run"}, 0, {"dry_run", "complete_tasks", "steps"}},
        {{"template", "list"}, 0, {"templates"}},
        {{"template", "info", "linear_workflow"}, 0, {"name", "namespace", "version"}},
        {{"template", "validate"}},
        {{"template", "validate", TASKER_SOURCE_DIR "/templates", "--strict"}},
        {{"template", "schema"}, 0, {"$schema", "properties"}},
        {{"template", "schema", "-o", "{DIR}/schema{PASS}.json"}, 0, {"format", "output"}},
        {{"template", "visualize", "linear_workflow"}, 0, {"nodes", "edges"}},
        {{"template", "visualize", "linear_workflow", "-f", "svg"}, 0, {"format", "picture"}},
        {{"task", "visualize", "{DONE}"}, 0, {"nodes", "edges"}},
        {{"plugin", "list"}, 0, {"plugins"}},
        {{"plugin", "info", "linear_workflow"}, 0, {"id", "version", "handlers"}},
        {{"plugin", "info", TASKER_BINARY_DIR "/plugins/minimal_c.so"}, 0, {"id", "version", "handlers"}},
        {{"plugin", "check", TASKER_BINARY_DIR "/plugins/minimal_c.so"},
         0,
         {"id", "version", "handlers", "state", "verdict", "used_by", "findings"}},
        {{"handler", "list"}, 0, {"handlers", "resolvers", "missing"}},
        {{"config", "show"}},
        {{"config", "explain", "host.threads"}, 0, {"key", "value", "source", "range", "help"}},
        {{"config", "explain"}},
        {{"config", "check"}},
        {{"store", "info"}, 0, {"path", "tasks", "steps", "schema_version", "durability"}},
        {{"store", "check"}, 0, {"ok", "faults"}},
        {{"store", "backup", "{DIR}/copy{PASS}.db"}, 0, {"target"}},
        {{"new", "handler", "greet{PASS}"}, 0, {"name", "folder", "files"}},
        {{"completion", "bash"}, 0, {}, false, true},
    };
}

// Where the thing does not exist.
std::vector<Row> not_found() {
    return {
        {{"task", "create", "no_such_template", "-c", "{}"}, 10},
        {{"task", "create", "linear_workflow", "-n", "nowhere", "-c", R"({"number":1})"}, 10},
        {{"task", "create", "linear_workflow", "-v", "9.9.9", "-c", R"({"number":1})"}, 10},
        {{"task", "run", "no_such_template"}, 10},
        {{"task", "get", kNobody}, 10},
        {{"task", "wait", kNobody}, 10},
        {{"task", "watch", kNobody}, 10},
        {{"task", "steps", kNobody}, 10},
        {{"task", "cancel", kNobody}, 10},
        {{"task", "step", kNobody, "square"}, 10},
        {{"task", "step", "{DONE}", "no_such_step"}, 10},
        {{"task", "step-audit", "{DONE}", kNobody}, 10},
        {{"task", "reset-step", kNobody, kNobody, "-r", "x"}, 10},
        {{"dlq", "get", kNobody}, 10},
        {{"dlq", "update", kNobody, "-s", "cancelled"}, 10},
        {{"template", "info", "no_such_template"}, 10},
        {{"plugin", "info", "no_such_plugin"}, 10},
        {{"plugin", "check", "no_such_plugin.so"}, 10},
        {{"plugin", "unquarantine", "0123456789abcdef"}, 10},
    };
}

// Every verb with an option that it does not have, and what else cannot be understood.
std::vector<Row> usage_faults() {
    std::vector<Row> rows;
    for (const Row& row : successes()) {
        Arguments arguments = row.arguments;
        arguments.emplace_back("--no-such-option");
        rows.push_back({arguments, 2});
    }
    const Row others[] = {
        {{}, 2},
        {{"worker", "--no-such-option"}, 2},
        {{"worker", "--threads", "0"}, 2},
        {{"worker", "--namespace", "not-a-name"}, 2},
        {{"tusk"}, 2},
        {{"task"}, 2},
        {{"task", "crate"}, 2},
        {{"task", "create"}, 2},
        {{"task", "create", "linear_workflow", "-c", "{broken"}, 2},
        {{"task", "create", "linear_workflow", "-c", "[1]"}, 2},
        {{"task", "create", "linear_workflow", "-c", "@{DIR}/no-such-file"}, 2},
        {{"task", "create", "linear_workflow", "-c", "{}", "--priority", "high"}, 2},
        {{"task", "create", "linear_workflow", "-c", "{}", "--timeout", "soon"}, 2},
        {{"task", "create", "linear_workflow", "--name", "minimal_c"}, 2},
        {{"task", "create", "--batch", "{DIR}/no-such-file"}, 2},
        {{"task", "create", "--batch", "-", "--wait"}, 2},
        {{"task", "run"}, 2},
        {{"task", "get"}, 2},
        {{"task", "get", "not-a-uuid"}, 2},
        {{"task", "wait", "not-a-uuid"}, 2},
        {{"task", "watch", "not-a-uuid"}, 2},
        {{"task", "steps", "not-a-uuid"}, 2},
        {{"task", "cancel", "not-a-uuid"}, 2},
        {{"task", "step", "{DONE}"}, 2},
        {{"task", "reset-step", "{DONE}", "square"}, 2},
        {{"task", "complete-step", "{DONE}", "square", "-r", "x", "--result", "{broken"}, 2},
        {{"dlq", "get", "not-a-uuid"}, 2},
        {{"dlq", "list", "--status", "no_such_status"}, 2},
        {{"dlq", "update", kNobody}, 2},
        {{"store", "prune", "--older-than", "soon"}, 2},
        {{"task", "list", "--limit", "many"}, 2},
        {{"task", "list", "--limit", "0"}, 2},
        {{"task", "list", "--status", "no_such_status"}, 2},
        {{"template", "info"}, 2},
        {{"plugin", "info"}, 2},
        {{"plugin", "check"}, 2},
        {{"plugin", "unquarantine"}, 2},
        {{"plugin", "list", "--probe-deadline", "soon"}, 2},
        {{"store", "backup"}, 2},
        {{"system"}, 2},
        {{"system", "health", "superfluous"}, 2},
        {{"system", "info", "--no-such-option"}, 2},
        {{"new", "handler"}, 2},
        {{"new", "handler", "Not-A-Name"}, 2},
        {{"config", "explain", "host.no_such_key"}, 2},
        {{"completion", "tcsh"}, 2},
        {{"version", "superfluous"}, 2},
        {{"version", "--color", "purple"}, 2},
        {{"config", "show", "--log-level", "loud"}, 2},
        {{"task", "list", "--config", "{DIR}/no-such.toml"}, 2},
    };
    rows.insert(rows.end(), std::begin(others), std::end(others));
    return rows;
}

std::vector<Row> refusals() {
    return {
        {{"task", "cancel", "{DONE}"}, 11},
        {{"task", "reset-step", "{DONE}", "square", "-r", "x"}, 11},
        {{"task", "resolve-step", "{DONE}", "square", "-r", "x"}, 11},
        {{"task", "complete-step", "{DONE}", "square", "-r", "x"}, 11},
        {{"new", "handler", "taken"}, 11},
        {{"store", "backup", "{DIR}/taken.db"}, 11},
    };
}

void check_document(const Row& row, const std::string& out) {
    if (row.stream && row.exit == 0) {
        CHECK_FALSE(out.empty());
        for (const std::string& line : lines(out)) CHECK_MESSAGE(document_fault(line + "\n").empty(), line);
        return;
    }
    CHECK_MESSAGE(document_fault(out).empty(), document_fault(out), ": ", out);
    if (!json::accept(out)) return;
    const json document = json::parse(out);
    for (const std::string& key : row.keys) CHECK_MESSAGE(document.contains(key), "no ", key, ": ", out);
    if (row.exit == 0) {
        CHECK_FALSE(document.contains("error"));
        return;
    }
    REQUIRE_MESSAGE(document.contains("error"), out);
    CHECK(document.size() == 1);
    const json& error = document["error"];
    CHECK_MESSAGE((error.contains("code") && error["code"].is_string()), out);
    CHECK_MESSAGE((error.contains("message") && error["message"].is_string()), out);
    CHECK_MESSAGE(error.contains("hint"), out);
    CHECK_MESSAGE(error.value("message", "") != "", out);
}

void check_json(const Sandbox& sandbox, const Row& row, const Words& words, bool json_first) {
    Arguments arguments;
    std::string said;
    for (const std::string& argument : row.arguments) arguments.push_back(filled(argument, words));
    arguments.insert(json_first ? arguments.begin() : arguments.end(), "--json");
    for (const std::string& argument : arguments) said += argument + " ";
    CAPTURE(said);
    const Finished done = sandbox.run(arguments);
    CHECK_MESSAGE(done.status.code == row.exit, "exit ", done.status.code, " signal ", done.status.signal,
                  ", expected ", row.exit, ": ", done.out, done.err);
    if (done.status.code == row.exit) check_document(row, done.out);
    CHECK_MESSAGE(!has_crash_text(done.err), done.err);
}

void check_plain(const Sandbox& sandbox, const Row& row, const Words& words) {
    Arguments arguments;
    std::string said;
    for (const std::string& argument : row.arguments) arguments.push_back(filled(argument, words));
    for (const std::string& argument : arguments) said += argument + " ";
    CAPTURE(said);
    const Finished done = sandbox.run(arguments);
    CHECK_MESSAGE(done.status.code == row.exit, "exit ", done.status.code, " signal ", done.status.signal,
                  ", expected ", row.exit, ": ", done.out, done.err);
    if (row.exit == 0) {
        CHECK_FALSE(done.out.empty());
    } else {
        CHECK_MESSAGE(done.out.empty(), done.out);
        CHECK_MESSAGE(done.err.rfind("error: ", 0) == 0, done.err);
    }
    CHECK_MESSAGE(!has_crash_text(done.err), done.err);
}

std::string finished_task(const Sandbox& sandbox) {
    return sandbox.document(
        {"task", "create", "linear_workflow", "-c", R"({"number":6})", "--wait"})["task_uuid"];
}

void occupy(const Sandbox& sandbox) {
    sandbox.write("work/taken/file", "");
    sandbox.write("taken.db", "mine");
}

void check_all(const Sandbox& sandbox, Words words, const std::string& pass) {
    for (const bool plain : {false, true}) {
        // A pass of its own leaves files and tasks of its own.
        words["{PASS}"] = pass + (plain ? "2" : "1");
        words["{DIR}"] = sandbox.path("").parent_path().string();
        words["{OPEN}"] = sandbox.submit_slow("hold", words["{PASS}"]);
        bool json_first = false;
        for (const auto& rows : {successes(), not_found(), usage_faults(), refusals()}) {
            for (const Row& row : rows) {
                if (row.arguments == Arguments{"worker"}) continue;
                if (plain) {
                    check_plain(sandbox, row, words);
                } else if (row.script && row.exit == 0) {
                    check_json(sandbox, {row.arguments, 2}, words, json_first);
                } else {
                    check_json(sandbox, row, words, json_first);
                    json_first = !json_first;
                }
            }
        }
    }
}
}  // namespace

TEST_CASE("the judge of documents tells good ones from bad ones") {
    CHECK(document_fault("{\"a\":\"b c\\\" d\",\"e\":[1,2]}\n").empty());
    for (const char* bad :
         {"", "{}", "{}\n{}\n", "{}\n\n", "{\"a\": 1}\n", "{\"a\":1,}\n", "text\n", "[1,\t2]\n"}) {
        CHECK_FALSE(document_fault(bad).empty());
    }
}

TEST_CASE("every verb keeps the contract of documents and exit codes with no host running") {
    const Sandbox sandbox;
    occupy(sandbox);
    Words words;
    {
        const auto worker = sandbox.worker();
        words["{DONE}"] = finished_task(sandbox);
        stop(*worker);
    }
    check_all(sandbox, words, "1");
    CHECK(sandbox.document({"store", "check"})["ok"] == true);
}

TEST_CASE("every verb keeps the contract of documents and exit codes through a running host") {
    const Sandbox sandbox;
    occupy(sandbox);
    const auto worker = sandbox.worker();
    check_all(sandbox, {{"{DONE}", finished_task(sandbox)}}, "2");
    CHECK(sandbox.document({"store", "check"})["ok"] == true);
    stop(*worker);
}

TEST_CASE("a document stays on one line and compact whatever the layout of the input was") {
    const Sandbox sandbox;
    const std::string file = sandbox.write("input.json", "{\r\n  \"number\" : 6\n}\n").string();
    const auto check = [&](const Arguments& arguments) {
        Arguments all = arguments;
        all.emplace_back("--json");
        const Finished done = sandbox.run(all);
        CHECK_MESSAGE(done.status.code == 0, done.err);
        const std::string fault = document_fault(done.out);
        CHECK_MESSAGE(fault.empty(), arguments[1], ": ", fault, ": ", done.out.substr(0, 400));
        return done.out;
    };
    check({"task", "run", "linear_workflow", "-c", "@" + file});
    const std::string made = check({"task", "create", "linear_workflow", "-c", "@" + file});
    check({"task", "list"});
    const auto worker = sandbox.worker();
    const std::string uuid = json::parse(made)["task_uuid"];
    check({"task", "wait", uuid});
    check({"task", "get", uuid});
    stop(*worker);
}

TEST_CASE("an unknown word or option gets the nearest one that exists") {
    const Sandbox sandbox;
    const std::pair<Arguments, std::string> typos[] = {
        {{"task", "crate"}, "create"},
        {{"tusk"}, "task"},
        {{"task", "list", "--limt", "3"}, "--limit"},
        {{"config", "explain", "host.thread"}, "host.threads"},
        {{"task", "create", "linear_workflo", "-c", "{}"}, "linear_workflow"},
        {{"template", "info", "linear_workflo"}, "linear_workflow"},
    };
    for (const auto& [arguments, meant] : typos) {
        const Finished done = sandbox.run(arguments);
        CHECK(done.status.code != 0);
        CHECK_MESSAGE(done.err.find(meant) != std::string::npos, done.err);
    }
}

}  // namespace tasker::host::e2e
