// Which handler of a real plugin runs, and which of its methods.

#include "tests/e2e/cli/sandbox.hpp"

namespace tasker::host::e2e {

namespace {
constexpr const char* kPlugins = TASKER_BINARY_DIR "/tests/e2e-plugins-odd";

void write_teller(const Sandbox& sandbox, const std::string& steps) {
    sandbox.write("templates/teller.yaml",
                  "name: teller\nnamespace_name: slow\nversion: \"1.0.0\"\nsteps:\n" + steps);
}

std::string invoked(const json& task, const std::string& name) {
    return step(task, name)["results"]["result"].value("invoked_method", "");
}
}  // namespace

TEST_CASE(
    "V06 V02: the method of the YAML is the one that a plugin's handler runs, by each name of the handler") {
    const Sandbox sandbox;
    write_teller(
        sandbox,
        "  - {name: a, handler: {callable: teller.account, method: refund}}\n"
        "  - {name: b, handler: {callable: 'teller:account', method: charge}}\n"
        "  - {name: c, handler: {callable: 'teller::teller.account', resolver: plugin_lookup}}\n"
        "  - {name: d, handler: {callable: teller.account, method: call, resolver: explicit_mapping}}\n");
    const json done = sandbox.document({"task", "run", "teller", "--plugin-path", kPlugins});
    CHECK(invoked(done, "a") == "refund");
    CHECK(invoked(done, "b") == "charge");
    CHECK(invoked(done, "c") == "call");
    CHECK(invoked(done, "d") == "call");
}

TEST_CASE(
    "V05 V07: a resolver or method that is none is told before a run, and fails the step of a worker by "
    "name") {
    const Sandbox sandbox;
    write_teller(sandbox,
                 "  - {name: method, handler: {callable: teller.account, method: refnud}}\n"
                 "  - {name: resolver, handler: {callable: teller.account, resolver: plugin_lokup}}\n");
    const Finished refused = sandbox.run({"task", "run", "teller", "--plugin-path", kPlugins});
    CHECK(refused.status.code == 3);
    CHECK_MESSAGE(refused.err.find(
                      "has no method 'refnud'; it has 'call', 'refund', 'charge', did you mean 'refund'?") !=
                      std::string::npos,
                  refused.err);
    CHECK_MESSAGE(refused.err.find("there is no resolver 'plugin_lokup', did you mean 'plugin_lookup'?") !=
                      std::string::npos,
                  refused.err);
    const auto worker = sandbox.worker({"--namespace", "slow", "--plugin-path", kPlugins});
    CHECK(worker->err().find("RESOLVER_NOT_FOUND") != std::string::npos);
    CHECK(worker->err().find("METHOD_NOT_FOUND") != std::string::npos);
    const std::string uuid = sandbox.document({"task", "create", "teller"})["task_uuid"];
    const json failed = sandbox.document({"task", "wait", uuid}, 1);
    CHECK(step(failed, "method")["results"]["error"]["error_code"] == "METHOD_NOT_FOUND");
    CHECK(step(failed, "method")["attempts"] == 1);
    CHECK(step(failed, "resolver")["results"]["error"]["error_code"] == "RESOLVER_NOT_FOUND");
    stop(*worker);
}

TEST_CASE(
    "V08: a callable that nobody offers is looked for as the step's name only where the configuration says "
    "so") {
    const Sandbox sandbox;
    write_teller(sandbox, "  - {name: teller.account, handler: {callable: gone}}\n");
    CHECK(sandbox.run({"task", "run", "teller", "--plugin-path", kPlugins}).status.code == 3);
    const auto file = sandbox.write("fallback.toml", "[host]\nfallback_to_step_name = true\n");
    const json done =
        sandbox.document({"task", "run", "teller", "--plugin-path", kPlugins, "--config", file.string()});
    CHECK(invoked(done, "teller.account") == "call");
}

}  // namespace tasker::host::e2e
