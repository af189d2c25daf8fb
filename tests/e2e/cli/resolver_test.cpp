// A plugin that brings a resolver: its templates name callables that no handler has.

#include "tests/e2e/cli/sandbox.hpp"

namespace tasker::host::e2e {

namespace {
constexpr const char* kPlugins = TASKER_BINARY_DIR "/tests/e2e-plugins-resolvers";

std::filesystem::path write_reports(const Sandbox& sandbox, const std::string& name,
                                    const std::string& steps) {
    return sandbox.write("templates/" + name + ".yaml",
                         "name: " + name + "\nnamespace_name: slow\nversion: \"1.0.0\"\nsteps:\n" + steps);
}

std::string report(const json& task, const std::string& name) {
    return step(task, name)["results"]["result"].value("report", "");
}
}  // namespace

TEST_CASE(
    "V03 V05: templates name what a plugin's resolver finds, and it runs and validates without a word") {
    const Sandbox sandbox;
    const auto file =
        write_reports(sandbox, "reports",
                      "  - {name: daily, handler: {callable: report.daily}}\n"
                      "  - {name: weekly, handler: {callable: report.weekly, resolver: reporter.reports}}\n");
    const json done = sandbox.document({"task", "run", "reports", "--plugin-path", kPlugins});
    CHECK(report(done, "daily") == "report.daily");
    CHECK(report(done, "weekly") == "report.weekly");

    const json valid = sandbox.document({"template", "validate", file.string(), "--plugin-path", kPlugins});
    CHECK_MESSAGE(valid.dump().find("RESOLVER") == std::string::npos, valid.dump());
    CHECK_MESSAGE(valid.dump().find("warning") == std::string::npos, valid.dump());
    const json handlers = sandbox.document({"handler", "list", "--plugin-path", kPlugins});
    CHECK(handlers["resolvers"][1] == json{{"name", "reporter.reports"}, {"priority", 40}});
    for (const json& missing : handlers["missing"]) CHECK(missing["callable"] != "report.daily");

    // Without the plugin its resolver is none.
    const Finished refused = sandbox.run({"task", "run", "reports"});
    CHECK(refused.status.code == 3);
    CHECK_MESSAGE(refused.err.find("there is no resolver 'reporter.reports'") != std::string::npos,
                  refused.err);
}

TEST_CASE(
    "V03: a worker serves what a plugin's resolver finds, also what a reload brings, and fails what it "
    "refuses") {
    const Sandbox sandbox;
    write_reports(sandbox, "reports", "  - {name: daily, handler: {callable: report.daily}}\n");
    const auto worker = sandbox.worker({"--namespace", "slow", "--plugin-path", kPlugins});
    const json first =
        sandbox.document({"task", "wait", sandbox.document({"task", "create", "reports"})["task_uuid"]});
    CHECK(report(first, "daily") == "report.daily");

    write_reports(sandbox, "later",
                  "  - {name: monthly, handler: {callable: report.monthly, resolver: reporter.reports}}\n");
    write_reports(sandbox, "refused",
                  "  - {name: never, handler: {callable: report.never}, retry: {retryable: false}}\n");
    worker->signal(SIGHUP);
    REQUIRE_MESSAGE(eventually(kPatience,
                               [&] {
                                   static_cast<void>(worker->running());
                                   return worker->err().find("Templates read again") != std::string::npos;
                               }),
                    worker->err());
    CHECK_MESSAGE(worker->err().find("UNKNOWN_RESOLVER") == std::string::npos, worker->err());
    const json second =
        sandbox.document({"task", "wait", sandbox.document({"task", "create", "later"})["task_uuid"]});
    CHECK(report(second, "monthly") == "report.monthly");
    const json failed =
        sandbox.document({"task", "wait", sandbox.document({"task", "create", "refused"})["task_uuid"]}, 1);
    const json error = step(failed, "never")["results"]["error"];
    CHECK(error["error_code"] == "HANDLER_NOT_FOUND");
    CHECK_MESSAGE(error.dump().find("resolver 'reporter.reports' failed") != std::string::npos, error.dump());
    CHECK_MESSAGE(error.dump().find("there is no such report") != std::string::npos, error.dump());
    stop(*worker);
}

TEST_CASE("V11: plugin info lists publishers, subscribers and resolvers, without running the plugin") {
    const Sandbox sandbox;
    const std::string file = std::string(kPlugins) + "/reporter.so";
    const json info = sandbox.document({"plugin", "info", file});
    CHECK(info["publishers"] == json{"reporter.seen"});
    CHECK(info["subscribers"] == json{"reporter.heard"});
    CHECK(info["resolvers"] == json::array({{{"name", "reporter.reports"},
                                             {"priority", 40},
                                             {"prefix", nullptr},
                                             {"pattern", "report\\.([a-z]+)"}}}));
    const Finished text = sandbox.run({"plugin", "info", file});
    CHECK(text.status.code == 0);
    for (const char* line :
         {"  Handler     reporter.any\n", "  Publisher   reporter.seen\n", "  Subscriber  reporter.heard\n",
          "  Resolver    reporter.reports (40) - pattern report\\.([a-z]+)\n"})
        CHECK_MESSAGE(text.out.find(line) != std::string::npos, text.out);
    const json list = sandbox.document({"plugin", "list", "--plugin-path", kPlugins});
    CHECK(list["plugins"][0]["resolvers"][0]["name"] == "reporter.reports");
}

}  // namespace tasker::host::e2e
