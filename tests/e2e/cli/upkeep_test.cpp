// What an operator asks: the store, the configuration, completion.

#include "tests/e2e/cli/sandbox.hpp"

namespace tasker::host::e2e {

namespace {
// The copy is a store of its own: another machine's state dir.
void check_copy(const Sandbox& sandbox, const std::filesystem::path& copy, int tasks) {
    CAPTURE(copy.string());
    const std::string url = "sqlite://" + copy.string();
    CHECK(sandbox.document({"--database-url", url, "--state-dir", sandbox.path("other").string(), "store",
                            "check"})["ok"] == true);
    CHECK(sandbox.document({"--database-url", url, "--state-dir", sandbox.path("other").string(), "task",
                            "list"})["pagination"]["total_count"] == tasks);
}

// An entry of `config show --json`, wherever in the document it stands.
const json* setting(const json& document, const std::string& key) {
    if (document.is_object() && document.value("key", json()) == key) return &document;
    if (document.is_structured()) {
        for (const auto& [name, value] : document.items()) {
            if (const json* found = setting(value, key)) return found;
        }
    }
    return nullptr;
}
}  // namespace

TEST_CASE("the store is described, checked and copied with a host and without") {
    const Sandbox sandbox;
    CHECK(sandbox.document({"store", "info"}, 10).contains("error"));
    sandbox.document({"task", "create", "linear_workflow", "-c", R"({"number":1})"});
    const json idle = sandbox.document({"store", "info"});
    CHECK(idle["path"] == sandbox.path("state/tasker.db").string());
    CHECK(idle["tasks"] == 1);
    CHECK(idle["open_tasks"] == 1);
    CHECK(sandbox.document({"store", "check"})["ok"] == true);
    sandbox.document({"store", "backup", sandbox.path("idle.db").string()});

    const auto worker = sandbox.worker();
    sandbox.document({"task", "create", "linear_workflow", "-c", R"({"number":2})", "--wait"});
    CHECK(sandbox.document({"store", "info"})["tasks"] == 2);
    CHECK(sandbox.run({"store", "info"}).out.find("a running host") != std::string::npos);
    CHECK(sandbox.document({"store", "check"})["ok"] == true);
    // A relative name is meant from where the user stands, not from where the host does.
    sandbox.document({"store", "backup", "busy.db"});
    CHECK(sandbox.document({"store", "backup", "busy.db"}, 11).contains("error"));
    stop(*worker);
    check_copy(sandbox, sandbox.path("idle.db"), 1);
    check_copy(sandbox, sandbox.path("work/busy.db"), 2);
}

TEST_CASE("the configuration tells where each value came from: flag before environment before file") {
    Sandbox sandbox;
    const std::string file =
        sandbox.write("host.toml", "[host]\nthreads = 3\nworker_id = \"filed\"\nlog_level = \"warn\"\n")
            .string();
    sandbox.set("TASKER_CONFIG_PATH", file);
    sandbox.set("HOSTNAME", "from-environment");
    sandbox.set("RUST_LOG", "debug");
    const json shown = sandbox.document({"config", "show", "--log-level", "error"});
    const auto check = [&](const char* key, const std::string& value, const std::string& origin) {
        CAPTURE(key);
        const json* const entry = setting(shown, key);
        REQUIRE(entry != nullptr);
        CHECK((*entry)["value"] == value);
        CHECK_MESSAGE((*entry)["origin"].get<std::string>().find(origin) != std::string::npos, entry->dump());
    };
    check("host.threads", "3", file + ":2");
    check("host.worker_id", "from-environment", "HOSTNAME");
    check("host.log_level", "error", "--log-level");
    check("host.cancel_grace", "10s", "default");

    const json level = sandbox.document({"config", "explain", "host.log_level"});
    CHECK(level["value"] == "debug");
    CHECK(level["origin"].get<std::string>().find("RUST_LOG") != std::string::npos);
    CHECK(level["overridden"].dump().find(file) != std::string::npos);
    const Finished plain = sandbox.run({"config", "explain", "host.log_level"});
    CHECK(plain.out.find("RUST_LOG") != std::string::npos);
    CHECK(plain.out.find(file) != std::string::npos);
}

TEST_CASE("bash completes nouns, verbs and options") {
    const Sandbox sandbox;
    const Finished script = sandbox.run({"completion", "bash"});
    REQUIRE(script.status.code == 0);
    const std::string file = sandbox.write("completion.bash", script.out).string();
    const auto completed = [&](const std::string& words, int at) {
        testing::ChildOptions bash;
        bash.argv = {"bash", "--norc", "-euc",
                     "source " + file + "; COMP_WORDS=(tasker-host " + words +
                         "); COMP_CWORD=" + std::to_string(at) +
                         "; complete -p tasker-host >/dev/null; f=$(complete -p tasker-host); f=${f##*-F }; "
                         "${f%% *}; echo \" ${COMPREPLY[*]} \""};
        bash.env = {"PATH=/usr/bin:/bin"};
        const Finished done = testing::run_child(bash, kPatience);
        CHECK_MESSAGE(done.status.code == 0, done.err);
        return done.out;
    };
    CHECK(completed("ta", 1) == " task \n");
    CHECK(completed("task c", 2) == " create cancel complete-step \n");
    CHECK(completed("task create --idem", 3) == " --idempotency-key \n");
    CHECK(completed("completion f", 2) == " fish \n");
    // The value of an option is no verb, and what stands behind it is completed as if it were not there.
    CHECK(completed("--state-dir /x task c", 4) == " create cancel complete-step \n");
    CHECK(completed("--state-dir = /x task c", 5) == " create cancel complete-step \n");
    CHECK(completed("--json task c", 3) == " create cancel complete-step \n");
    CHECK(completed("task list -n orders --lim", 5) == " --limit \n");
    CHECK(completed("task list --format j", 4) == " json \n");
    CHECK(completed("task list --format = j", 5) == " json \n");
    CHECK(completed("--color a", 2) == " auto always \n");
    for (const char* shell : {"zsh", "fish"}) {
        const Finished other = sandbox.run({"completion", shell});
        CHECK(other.status.code == 0);
        CHECK(other.out.find("tasker-host") != std::string::npos);
    }
}

}  // namespace tasker::host::e2e
