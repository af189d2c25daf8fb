// The way of a handler's author: install, new handler, build, test, drop in, run.

#include <unistd.h>

#include "tests/e2e/cli/sandbox.hpp"

namespace tasker::host::e2e {

// Sanitized objects need link flags that an author's project does not have.
#if !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__)
TEST_CASE("a new handler's project builds against an installed prefix, passes its test and runs") {
    Sandbox sandbox;
    const std::string prefix = sandbox.path("prefix").string();
    const std::string project = sandbox.path("work/greet_user").string();
    const auto tool = [&](const Arguments& arguments) {
        testing::ChildOptions options;
        options.argv = arguments;
        options.env = sandbox.command({}).env;
        options.cwd = sandbox.path("work");
        const Finished done = testing::run_child(options, 300s);
        REQUIRE_MESSAGE(done.status.code == 0, arguments[0], " ", arguments[1], ": ", done.out, done.err);
        return done;
    };
    const std::string host = prefix + "/bin/tasker-host";
    tool({"cmake", "--install", TASKER_BINARY_DIR, "--prefix", prefix});
    for (const char* part :
         {"bin/tasker-host", "include/tasker/abi.h", "lib/cmake/TaskerSDK/TaskerSDKConfig.cmake",
          "lib/tasker-host/plugins/linear_workflow.so", "share/tasker-host/templates/linear_workflow.yaml"}) {
        CHECK_MESSAGE(std::filesystem::exists(sandbox.path("prefix") / part), part);
    }
    // What was installed stands on its own feet: nothing in the environment says where anything is.
    for (const char* name : {"TASKER_PLUGIN_PATH", "TASKER_TEMPLATE_PATH"}) sandbox.unset(name);
    CHECK(json::parse(tool({host, "task", "run", "linear_workflow", "-c", R"({"number":6})", "--json"})
                          .out)["status"] == "complete");

    tool({host, "new", "handler", "greet_user"});
    tool({"cmake", "-S", project, "-B", project + "/build", "-DCMAKE_PREFIX_PATH=" + prefix});
    tool({"cmake", "--build", project + "/build"});
    tool({"ctest", "--test-dir", project + "/build", "--output-on-failure", "--no-tests=error"});

    std::filesystem::create_directories(sandbox.path("dropped"));
    std::filesystem::copy_file(project + "/build/greet_user.so", sandbox.path("dropped/greet_user.so"));
    sandbox.set("TASKER_PLUGIN_PATH", sandbox.path("dropped").string());
    const json done = json::parse(
        tool({host, "task", "run", project + "/greet_user.yaml", "--context", R"({"name":"Ada"})", "--json"})
            .out);
    CHECK(done["status"] == "complete");
    CHECK(step(done, "greet_user")["results"]["result"].dump().find("Ada") != std::string::npos);

    // Every command that its README tells must exist.
    for (const std::string& line : lines(read_file(project + "/README.md"))) {
        const auto at = line.find("tasker-host plugin ");
        if (at == std::string::npos) continue;
        CAPTURE(line);
        CHECK(tool({"sh", "-c",
                    "cd " + project + " && PATH=" + prefix + "/bin:$PATH && " + line + " || echo FAILED"})
                  .out.find("FAILED") == std::string::npos);
    }
}
#endif

}  // namespace tasker::host::e2e
