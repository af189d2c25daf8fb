// Rows 53-65: configuration, command line, state dir.

#include <csignal>
#include <fstream>

#include "tests/bad_input/sandbox.hpp"

namespace tasker::host::bad_input {

namespace {

namespace fs = std::filesystem;

const Arguments kCheck{"config", "check", "--config", "{DIR}/host.toml"};

std::function<void(Sandbox&)> toml(const std::string& content) {
    return [=](Sandbox& sandbox) { sandbox.write("host.toml", content); };
}
std::function<void(Sandbox&)> variable(const std::string& name, const std::string& value) {
    return [=](Sandbox& sandbox) { sandbox.set(name, value); };
}
Row setting(const std::string& what, const std::string& line, std::vector<std::string> says) {
    says.insert(says.begin(), "{DIR}/host.toml:2:");
    return {56, what, kCheck, 2, std::move(says), toml("[host]\n" + line + "\n")};
}

}  // namespace

TEST_CASE("rows 53-57: configuration files") {
    check_rows({
        {53, "a missing file", kCheck, 2, {"{DIR}/host.toml", "not found"}},
        {53,
         "a folder",
         kCheck,
         2,
         {"{DIR}/host.toml", "is a directory"},
         [](Sandbox& s) { fs::create_directory(s.path("host.toml")); }},
        {53, "an empty file means the defaults", kCheck, 0, {}, toml("")},
        {53,
         "a missing file named by the environment",
         {"config", "check"},
         2,
         {"nowhere.toml", "not found", "TASKER_CONFIG_PATH"},
         variable("TASKER_CONFIG_PATH", "nowhere.toml")},
        {54, "a syntax error", kCheck, 2, {"{DIR}/host.toml:2:"}, toml("[host]\nthreads =\n")},
        {54,
         "a duplicate key",
         kCheck,
         2,
         {"{DIR}/host.toml:3:", "threads"},
         toml("[host]\nthreads = 1\nthreads = 2\n")},
        {55,
         "an unknown key",
         kCheck,
         2,
         {"{DIR}/host.toml:2:", "unknown key 'host.thread'", "did you mean", "threads"},
         toml("[host]\nthread = 4\n")},
        {55,
         "a Tasker server's tables are ignored",
         kCheck,
         0,
         {"[worker]"},
         toml("[worker]\nanything = 1\n")},
        setting("a text for a number", "threads = \"four\"", {"host.threads", "whole number"}),
        setting("no threads", "threads = 0", {"host.threads", "1..1024"}),
        setting("a negative number", "threads = -1", {"host.threads", "1..1024"}),
        setting("a number for a duration", "drain_timeout = 30", {"host.drain_timeout", "\"30s\""}),
        setting("a drain of a thousand days", "drain_timeout = \"1000d\"", {"host.drain_timeout", "allowed"}),
        setting("an unknown durability", "durability = \"maybe\"", {"host.durability", "full | process"}),
        setting("an unset variable", "worker_id = \"${NOT_SET_ANYWHERE}\"",
                {"NOT_SET_ANYWHERE", "is not set"}),
        {57,
         "an unset variable, in the command that needs it",
         {"worker", "--config", "{DIR}/host.toml"},
         2,
         {"NOT_SET_ANYWHERE"},
         toml("[host]\nworker_id = \"${NOT_SET_ANYWHERE}\"\n")},
    });
}

TEST_CASE("rows 58-61: secrets and the command line") {
    check_rows({
        {58,
         "a password on the command line",
         {"worker", "--database-url", "postgresql://user:opensesame@db/tasker"},
         2,
         {"--database-url", "DATABASE_URL"},
         {},
         {"opensesame"}},
        {59,
         "a malformed URL",
         {"config", "check"},
         2,
         {"DATABASE_URL"},
         variable("DATABASE_URL", "mysql://user:opensesame@db/x"),
         {"opensesame"}},
        {59,
         "a deployment that this build cannot serve",
         {"worker"},
         3,
         {"PostgreSQL", "[REDACTED]"},
         variable("DATABASE_URL", "postgresql://user:opensesame@db/tasker"),
         {"opensesame"}},
        {60,
         "a secret that everybody can read",
         kCheck,
         0,
         {"{DIR}/host.toml", "chmod 600"},
         toml("[host]\ndatabase_url = \"postgresql://user:opensesame@db/tasker\"\n"),
         {"opensesame"}},
        {61,
         "an unknown command",
         {"taks", "list"},
         2,
         {"unknown command 'taks'", "did you mean 'task'", "usage:"}},
        {61, "an unknown verb", {"task", "craete"}, 2, {"craete", "did you mean 'create'"}},
        {61,
         "an unknown flag",
         {"task", "list", "--limt", "3"},
         2,
         {"--limt", "did you mean '--limit'", "usage:"}},
        {61, "a flag without its value", {"task", "list", "--limit"}, 2, {"--limit"}},
        {61, "no command at all", {}, 2, {"usage:"}},
        {61, "a task that is no UUID", {"task", "get", "nonsense"}, 2, {"nonsense"}},
        {61,
         "a context that is no JSON",
         {"task", "create", "good", "--context", "{oops"},
         2,
         {"context"},
         [](Sandbox& s) { s.write("templates/good.yaml", one_step("good", "good.echo")); }},
        {61,
         "a template that nobody has",
         {"task", "create", "goood"},
         10,
         {"goood", "good"},
         [](Sandbox& s) { s.write("templates/good.yaml", one_step("good", "good.echo")); }},
        {61, "an error as JSON", {"task", "get", "nonsense", "--json"}, 2, {R"({"error":{"code":")"}},
    });
}

TEST_CASE("row 61: an error goes to standard error, as JSON to standard output") {
    Sandbox sandbox;
    const auto plain = sandbox.run({"taks"});
    CHECK(plain.out.empty());
    CHECK_FALSE(plain.err.empty());
    const auto json = sandbox.run({"taks", "--json"});
    CHECK(json.status.code == 2);
    CHECK(json.out.rfind(R"({"error":)", 0) == 0);
    CHECK(json.out.find('\n') == json.out.size() - 1);
}

TEST_CASE("row 62: a closed standard output ends a command quietly") {
    Sandbox sandbox;
    for (int i = 0; i < 200; ++i) {
        sandbox.write("templates/t" + std::to_string(i) + ".yaml", one_step("t" + std::to_string(i), "a.b"));
    }
    auto options = sandbox.host({"template", "list", "--json"});
    options.stdout_closed = true;
    const auto done = testing::run_child(options, 60s);
    CHECK(done.status.signal == 0);
    CHECK((done.status.code == 0 || done.status.code == 1));
}

TEST_CASE("row 63: a second host on the same store is refused at once with the first one's pid") {
    Sandbox sandbox;
    const auto first = sandbox.start_worker();
    const auto second = sandbox.run({"worker"}, 10s);
    CHECK(second.status.code == 3);
    CHECK_MESSAGE(second.err.find("pid " + std::to_string(first->pid())) != std::string::npos, second.err);
    CHECK(first->running());
}

TEST_CASE("row 64: what a killed host leaves behind is taken over") {
    Sandbox sandbox;
    sandbox.install(TASKER_BINARY_DIR "/tests/bad-plugins/misbehave.so", "misbehave.so");
    sandbox.write("templates/good.yaml", one_step("good", "good.echo"));
    static_cast<void>(sandbox.start_worker()->kill_and_wait());
    CHECK(fs::exists(sandbox.path("state/api.sock")));
    // The dead socket counts as no host: the command writes to the store itself.
    const std::string task = sandbox.submit("good");
    const auto next = sandbox.start_worker();
    CHECK(sandbox.wait(task).find(R"("status":"complete")") != std::string::npos);
}

TEST_CASE("row 65: a state dir that cannot be written is named") {
    check_rows({
        {65,
         "a folder without permission",
         {"worker"},
         3,
         {"{DIR}/state"},
         [](Sandbox& s) {
             s.drop_privileges();
             fs::permissions(s.path("state"), fs::perms::owner_read | fs::perms::owner_exec);
         }},
        {65,
         "a file where the folder should be",
         {"worker"},
         3,
         {"{DIR}/occupied"},
         [](Sandbox& s) {
             s.write("occupied", "");
             s.set("TASKER_STATE_DIR", s.path("occupied").string());
         }},
        {65,
         "a socket path that is too long",
         {"worker"},
         3,
         {"107"},
         [](Sandbox& s) {
             const auto deep = s.path("state/" + std::string(120, 'd'));
             fs::create_directories(deep);
             fs::permissions(deep, fs::perms::owner_all);
             s.set("TASKER_STATE_DIR", deep.string());
         }},
    });
}

}  // namespace tasker::host::bad_input
