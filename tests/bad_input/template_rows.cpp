// Rows 1-22: templates.

#include <sys/stat.h>

#include "tests/bad_input/connection.hpp"
#include "tests/bad_input/sandbox.hpp"

namespace tasker::host::bad_input {

namespace {

const Arguments kValidate{"template", "validate"};

std::function<void(Sandbox&)> file(const std::string& content, const std::string& name = "bad.yaml") {
    return [=](Sandbox& sandbox) {
        sandbox.write("templates/" + name, content);
        sandbox.write("templates/good.yaml", one_step("good", "good.echo"));
    };
}
std::string step(const std::string& member) { return one_step("bad", "good.echo", "    " + member + "\n"); }
std::string retry(const std::string& value) {
    return one_step("bad", "good.echo", "    retry:\n      max_attempts: " + value + "\n");
}
std::string in_namespace(const std::string& name) {
    return "name: bad\nnamespace_name: \"" + name +
           "\"\nversion: 1.0.0\nsteps:\n  - name: only\n    handler:\n      callable: a.b\n";
}
std::string steps(const std::string& list) {
    return "name: bad\nnamespace_name: bad\nversion: 1.0.0\nsteps:\n" + list;
}
std::string named(const std::string& name, const std::string& dependencies) {
    return "  - name: " + name + "\n    handler:\n      callable: a.b\n    dependencies: [" + dependencies +
           "]\n";
}
std::string alias_bomb() {
    std::string text = "a0: &a0 [x, x, x, x, x, x, x, x, x]\n";
    for (int i = 1; i <= 9; ++i) {
        const std::string last = "*a" + std::to_string(i - 1);
        text += "a" + std::to_string(i) + ": &a" + std::to_string(i) + " [";
        for (int j = 0; j < 9; ++j) text += (j == 0 ? "" : ", ") + last;
        text += "]\n";
    }
    return text;
}

const std::string kLoc = "{DIR}/templates/bad.yaml:";
const std::string kAlone = "2 files, 1 with errors";

}  // namespace

TEST_CASE("rows 1-9: files that are no templates") {
    check_rows({
        {1, "an empty file", kValidate, 3, {kLoc, "empty", kAlone}, file("")},
        {1, "a file of comments", kValidate, 3, {kLoc, "empty"}, file("# nothing\n")},
        {2, "a syntax error", kValidate, 3, {kLoc + "3:", "not YAML", kAlone}, file("name: a\nsteps: [\n")},
        {3,
         "a duplicate key",
         kValidate,
         3,
         {kLoc + "6:1:", "duplicate key 'version': lines 3 and 6"},
         file("name: bad\nnamespace_name: bad\nversion: 1.0.0\nsteps:\n  - {name: a, handler: {callable: "
              "a.b}}\nversion: 2.0.0\n")},
        {4,
         "deep nesting",
         kValidate,
         3,
         {kLoc, "nesting deeper than 32"},
         file("a: " + std::string(5000, '['))},
        {5, "an alias bomb", kValidate, 3, {kLoc, "alias"}, file(alias_bomb())},
        {6,
         "two MiB",
         kValidate,
         3,
         {"{DIR}/templates/bad.yaml", "larger than 1 MiB", kAlone},
         file("# " + std::string(std::size_t{2} << 20U, 'x'))},
        {7,
         "a custom tag",
         kValidate,
         3,
         {kLoc + "1:7:", "tag not allowed"},
         file("name: !!python/object:os.system rm\n")},
        {7,
         "an include",
         kValidate,
         3,
         {kLoc + "1:7:", "tag not allowed"},
         file("name: !include /etc/passwd\n"),
         {"root:"}},
        {8,
         "a cycle",
         kValidate,
         3,
         {kLoc, "dependency cycle: a -> "},
         file(steps(named("a", "b") + named("b", "a")))},
        {8,
         "a step that depends on itself",
         kValidate,
         3,
         {kLoc + "8:", "dependency cycle: 'a' depends on itself"},
         file(steps(named("a", "a")))},
        {9,
         "an unknown dependency",
         kValidate,
         3,
         {kLoc + "12:", "depends on 'chrage' which does not exist", "did you mean 'charge'"},
         file(steps(named("charge", "") + named("ship", "chrage")))},
    });
}

TEST_CASE("rows 10-16: values that cannot be") {
    check_rows({
        {10,
         "a duplicate step name",
         kValidate,
         3,
         {kLoc + "9:", "two steps are named 'a': lines 5 and 9"},
         file(steps(named("a", "") + named("a", "")))},
        {12, "no attempts", kValidate, 3, {kLoc + "10:", "max_attempts", "1 to 100"}, file(retry("0"))},
        {12, "negative attempts", kValidate, 3, {kLoc + "10:", "max_attempts", "-3"}, file(retry("-3"))},
        {12,
         "a billion attempts",
         kValidate,
         3,
         {kLoc + "10:", "max_attempts", "1 to 100"},
         file(retry("1000000000"))},
        {12,
         "attempts as a text",
         kValidate,
         3,
         {kLoc + "10:", "steps[0].retry.max_attempts"},
         file(retry("\"3\""))},
        {13,
         "a timeout of nothing",
         kValidate,
         3,
         {kLoc + "9:", "timeout_seconds"},
         file(step("timeout_seconds: 0"))},
        {13,
         "a timeout that is no number",
         kValidate,
         3,
         {kLoc + "9:", "timeout_seconds"},
         file(step("timeout_seconds: .nan"))},
        {13,
         "an endless timeout",
         kValidate,
         3,
         {kLoc + "9:", "timeout_seconds"},
         file(step("timeout_seconds: 1000000000000"))},
        {14,
         "a namespace of 30 characters",
         kValidate,
         3,
         {kLoc + "2:", "namespace must match", "max 29"},
         file(in_namespace(std::string(30, 'n')))},
        {14, "a namespace of 29 characters", kValidate, 0, {}, file(in_namespace(std::string(29, 'n')))},
        {14,
         "a hyphen in the namespace",
         kValidate,
         3,
         {"namespace must match", "a-b"},
         file(in_namespace("a-b"))},
        {14,
         "a path as namespace",
         kValidate,
         3,
         {"namespace must match", "../x"},
         file(in_namespace("../x"))},
        {15,
         "two files with one id and different content",
         kValidate,
         3,
         {"{DIR}/templates/bad.yaml", "{DIR}/templates/good.yaml", "good"},
         file(one_step("good", "other.callable"))},
        {16, "Latin-1", kValidate, 3, {"bad.yaml", "not UTF-8 at byte"}, file("name: caf\xe9\n")},
        {16,
         "UTF-16",
         kValidate,
         3,
         {"bad.yaml", "not UTF-8 at byte 0", "UTF-16"},
         file(std::string("\xff\xfen\0a\0", 6))},
        {16, "a NUL", kValidate, 3, {"bad.yaml", "NUL"}, file(std::string("name: a\0b\n", 10))},
        {16, "a BOM before UTF-8", kValidate, 0, {}, file("\xef\xbb\xbf" + one_step("bom", "good.echo"))},
    });
}

TEST_CASE("rows 17-19: what lies about in the folder") {
    check_rows({
        {17,
         "a symlink out of the folder",
         kValidate,
         0,
         {"{DIR}/templates/out.yaml", "leads out of the folder"},
         [](Sandbox& s) {
             s.write("secret.yaml", one_step("secret", "a.b"));
             std::filesystem::create_symlink(s.path("secret.yaml"), s.path("templates/out.yaml"));
         }},
        {17,
         "a FIFO",
         kValidate,
         0,
         {"{DIR}/templates/pipe.yaml", "not a regular file"},
         [](Sandbox& s) { REQUIRE(mkfifo(s.path("templates/pipe.yaml").c_str(), 0600) == 0); }},
        {17,
         "a folder named like a template",
         kValidate,
         0,
         {"{DIR}/templates/x.yaml", "it is a folder"},
         [](Sandbox& s) { std::filesystem::create_directory(s.path("templates/x.yaml")); }},
        {18,
         "an unreadable file",
         kValidate,
         3,
         {"{DIR}/templates/bad.yaml", "permission denied", kAlone},
         [](Sandbox& s) {
             file("name: bad\n")(s);
             s.drop_privileges();
             std::filesystem::permissions(s.path("templates/bad.yaml"), std::filesystem::perms::none);
         }},
        {19,
         "ten thousand templates",
         kValidate,
         0,
         {"10000 files, 0 with errors"},
         [](Sandbox& s) {
             for (int i = 0; i < 10'000; ++i)
                 s.write("templates/t" + std::to_string(i) + ".yaml",
                         one_step("t" + std::to_string(i), "a.b"));
         }},
    });
}

// Row 20 (a template torn while it is read again) has no subject: templates are read once, at the start.
TEST_CASE("rows 21-22: keys and documents too many") {
    const std::string unknown = one_step("bad", "good.echo", "    timout_seconds: 5\n");
    Arguments strict = kValidate;
    strict.push_back("--strict");
    check_rows({
        {21,
         "an unknown key",
         kValidate,
         0,
         {kLoc + "9:", "warning", "timout_seconds", "did you mean 'timeout_seconds'"},
         file(unknown)},
        {21, "an unknown key, strictly", strict, 3, {kLoc + "9:", "error", "timout_seconds"}, file(unknown)},
        {22,
         "two documents",
         kValidate,
         3,
         {kLoc, "one document"},
         file(one_step("a", "a.b") + "---\n" + one_step("b", "a.b"))},
    });
}

TEST_CASE("row 15: of two files that claim one id neither is loaded, the others are") {
    Sandbox sandbox;
    sandbox.install(TASKER_BINARY_DIR "/tests/bad-plugins/misbehave.so", "misbehave.so");
    sandbox.write("templates/a.yaml", one_step("good", "good.echo"));
    sandbox.write("templates/b.yaml", one_step("good", "other.callable"));
    sandbox.write("templates/c.yaml", one_step("fine", "good.echo"));
    CHECK(sandbox.run({"task", "create", "good"}).status.code == 10);
    CHECK(sandbox.run({"task", "create", "fine"}).status.code == 0);
}

TEST_CASE("row 11: a callable that no plugin offers is said at the start, with the nearest one") {
    Sandbox sandbox;
    sandbox.install(TASKER_BINARY_DIR "/tests/bad-plugins/misbehave.so", "misbehave.so");
    sandbox.write("templates/t.yaml", one_step("t", "good.ecko"));
    const auto worker = sandbox.start_worker();
    CHECK_MESSAGE(worker->wait_for_err("good.ecko", 10s), worker->err());
    CHECK(worker->wait_for_err("'good.echo'", 10s));
    const std::string health = http_get(sandbox, "/health");
    CHECK_MESSAGE(health.find(R"("status":"degraded")") != std::string::npos, health);
    CHECK_MESSAGE(health.find("'good.ecko', did you mean 'good.echo'?") != std::string::npos, health);
    const std::string task = sandbox.submit("t");
    CHECK(sandbox.run({"task", "wait", task, "--timeout", "1s"}).status.code == 9);
    CHECK(sandbox.run({"task", "get", task, "--json"}).out.find(R"("attempts":0)") != std::string::npos);
}

}  // namespace tasker::host::bad_input
