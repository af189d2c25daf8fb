// Rows 35-36, 72 and 102: what becomes of a running host whose files, address or settings change under it.

#include <csignal>
#include <filesystem>

#include "tests/bad_input/sandbox.hpp"
#include "tests/support/eventually.hpp"
#include "tests/support/told_address.hpp"

namespace tasker::host::bad_input {

namespace {
constexpr const char* kPlugin = TASKER_BINARY_DIR "/tests/bad-plugins/misbehave.so";

// A host with one plugin and one template.
struct Running {
    Running() {
        sandbox.install(kPlugin, "misbehave.so");
        sandbox.write("templates/good.yaml", one_step("good", "good.echo"));
    }
    void start(const Arguments& arguments = {}) { worker = sandbox.start_worker(arguments); }
    void check_serves(const std::string& context) const {
        const std::string done = sandbox.wait(sandbox.submit("good", context));
        CHECK_MESSAGE(done.find(R"("status":"complete")") != std::string::npos, done);
    }
    // Sends SIGHUP and waits until that was answered for the n-th time.
    void reload(int times) {
        worker->signal(SIGHUP);
        const bool done = testing::eventually(60s, [&] {
            static_cast<void>(worker->running());
            int seen = 0;
            for (std::size_t at = 0;
                 (at = worker->err().find("Templates read again", at)) != std::string::npos; ++at)
                ++seen;
            return seen >= times;
        });
        REQUIRE_MESSAGE(done, worker->err());
    }
    void stop() {
        worker->signal(SIGTERM);
        const auto status = worker->wait(60s);
        REQUIRE(status.has_value());
        CHECK_MESSAGE(status->code == 0, worker->err());
    }

    Sandbox sandbox;
    std::unique_ptr<testing::ChildProcess> worker;
};
}  // namespace

TEST_CASE("rows 35-36: a plugin that is overwritten, cut off or deleted goes on in the host that runs it") {
    const std::pair<const char*, std::function<void(Sandbox&)>> harms[] = {
        {"overwritten", [](Sandbox& sandbox) { sandbox.write("plugins/misbehave.so", "no plugin at all"); }},
        {"cut off",
         [](Sandbox& sandbox) { std::filesystem::resize_file(sandbox.path("plugins/misbehave.so"), 100); }},
        {"deleted", [](Sandbox& sandbox) { std::filesystem::remove(sandbox.path("plugins/misbehave.so")); }},
    };
    for (const auto& [what, harm] : harms) {
        CAPTURE(what);
        Running running;
        running.start();
        running.check_serves(R"({"n":1})");
        harm(running.sandbox);
        running.check_serves(R"({"n":2})");
        running.reload(1);
        running.check_serves(R"({"n":3})");
        running.stop();
        // The next one says what it misses, and serves the rest.
        running.start();
        CHECK_MESSAGE(running.worker->err().find("no plugin offers 'good.echo'") != std::string::npos,
                      running.worker->err());
        running.stop();
    }
}

TEST_CASE("row 72: a port that is in use is named, and the host that has it goes on") {
    Running first;
    first.sandbox.set("TASKER_WEB_BIND_ADDRESS", "127.0.0.1:0");
    first.start();
    const std::string address = testing::told_address(*first.worker, 60s);
    REQUIRE_MESSAGE(!address.empty(), first.worker->err());
    Running second;
    second.sandbox.set("TASKER_WEB_BIND_ADDRESS", address);
    const auto refused = second.sandbox.run({"worker"});
    CHECK(refused.status.code == 3);
    CHECK_MESSAGE(
        refused.err.find("cannot be served on " + address + ": Address already in use") != std::string::npos,
        refused.err);
    CHECK(refused.err.find("choose another TASKER_WEB_BIND_ADDRESS") != std::string::npos);
    // It left nothing behind: with a free port the same host starts.
    second.sandbox.set("TASKER_WEB_BIND_ADDRESS", "127.0.0.1:0");
    second.start();
    second.stop();
    first.check_serves("{}");
    first.stop();
}

TEST_CASE(
    "row 102: SIGHUP with a broken configuration, template or token keeps what was, with an error each") {
    Running running;
    const auto config = running.sandbox.write("host.toml", "[host]\nlog_level = \"info\"\n");
    const auto token = running.sandbox.write("token", "0123456789abcdef");
    std::filesystem::permissions(token,
                                 std::filesystem::perms::owner_read | std::filesystem::perms::owner_write);
    running.sandbox.set("TASKER_WEB_BIND_ADDRESS", "127.0.0.1:0");
    running.sandbox.set("TASKER_WEB_TOKEN_FILE", token.string());
    running.start({"--config", config.string()});
    const std::pair<const char*, const char*> breaks[] = {
        {"host.toml", "[host\nlog_level"},
        {"templates/good.yaml", "name: good\nsteps: ["},
        {"token", "short"},
    };
    for (const auto& [file, text] : breaks) running.sandbox.write(file, text);
    running.reload(1);
    const std::string& log = running.worker->err();
    for (const char* said : {"The configuration could not be read again", "Template keeps its old definition",
                             "The API's token stays as it was"})
        CHECK_MESSAGE(log.find(said) != std::string::npos, log);
    running.check_serves("{}");
    // A storm of them disturbs nothing.
    for (int i = 0; i < 200; ++i) running.worker->signal(SIGHUP);
    running.check_serves(R"({"n":2})");
    running.stop();
}

}  // namespace tasker::host::bad_input
