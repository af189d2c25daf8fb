// Rows 43-52 and 92: what handlers do, seen by one worker that must survive all of it.

#include <csignal>
#include <sstream>

#include "tests/bad_input/sandbox.hpp"

namespace tasker::host::bad_input {

namespace {

// How a step of that callable ends, on a worker that lives on.
struct Ending {
    int row;
    const char* callable;
    std::vector<std::string> says;  // in the final document
};

class Host {
  public:
    explicit Host(const std::vector<std::string>& callables, const std::string& toml = {}) {
        sandbox_.install(TASKER_BINARY_DIR "/tests/bad-plugins/misbehave.so", "misbehave.so");
        sandbox_.install(TASKER_BINARY_DIR "/tests/bad-plugins/throws.so", "throws.so");
        for (const std::string& callable : callables) {
            std::string name = callable;
            for (char& c : name) c = c == '.' ? '_' : c;
            sandbox_.write(
                "templates/" + name + ".yaml",
                one_step(name, callable, "    timeout_seconds: 1\n    retry:\n      max_attempts: 1\n"));
        }
        sandbox_.write("host.toml", "[host]\nthreads = 8\n" + toml);
        worker_ = sandbox_.start_worker({"--config", "{DIR}/host.toml"});
    }
    Sandbox& sandbox() { return sandbox_; }
    testing::ChildProcess& worker() { return *worker_; }
    std::string submit(const std::string& callable) {
        std::string name = callable;
        for (char& c : name) c = c == '.' ? '_' : c;
        return sandbox_.submit(name);
    }
    // Nothing is broken: another step runs, and the worker stops cleanly.
    void check_sound(int exit_code = 0) {
        CHECK(worker_->running());
        CHECK(sandbox_.wait(submit("good.echo")).find(R"("fine":true)") != std::string::npos);
        worker_->signal(SIGTERM);
        const auto status = worker_->wait(60s);
        REQUIRE(status.has_value());
        CHECK(status->code == exit_code);
        CHECK(sandbox_.run({"store", "check"}).status.code == 0);
    }

  private:
    Sandbox sandbox_;
    std::unique_ptr<testing::ChildProcess> worker_;
};

}  // namespace

TEST_CASE("rows 43-48: every misbehaviour ends in a named error of its own step") {
    const std::vector<Ending> endings{
        {43,
         "bad.throws",
         {R"("error_type":"handler_error")", "HANDLER_EXCEPTION", "the warehouse is closed"}},
        {43, "bad.throws_number", {R"("error_type":"handler_error")", "HANDLER_EXCEPTION"}},
        {46, "bad.twice", {R"("status":"complete")", R"("answer":1)"}},
        {47, "bad.not_json", {"invalid_result", "INVALID_RESULT", "not JSON"}},
        {47, "bad.utf8", {"INVALID_RESULT", "UTF-8"}},
        {47, "bad.nul", {"INVALID_RESULT", "NUL"}},
        {47, "bad.nan", {"INVALID_RESULT", "number"}},
        {47, "bad.deep", {"INVALID_RESULT", "deeper than 100"}},
        {47, "bad.huge", {"INVALID_RESULT", "larger than 1048576 bytes"}},
        {48, "bad.silent", {"NO_RESULT"}},
        {48, "bad.positive", {"INVALID_OUTCOME"}},
        {48, "bad.negative", {R"("error_type":"handler_error")"}},
    };
    std::vector<std::string> callables{"good.echo"};
    for (const Ending& ending : endings) callables.emplace_back(ending.callable);
    Host host(callables);
    for (const Ending& ending : endings) {
        const std::string document = host.sandbox().wait(host.submit(ending.callable));
        for (const std::string& part : ending.says) {
            CHECK_MESSAGE(document.find(part) != std::string::npos, "row ", ending.row, ", ",
                          std::string(ending.callable), ": expected ", part, " in:\n",
                          document.substr(0, 3000));
        }
    }
    host.check_sound();
}

TEST_CASE(
    "rows 44-45: a handler that ignores its deadline fails as handler_timeout, and its late result is "
    "refused") {
    Host host({"good.echo", "bad.deaf"}, "cancel_grace = \"1s\"\n");
    const std::string task = host.submit("bad.deaf");
    const std::string failed = host.sandbox().wait(task);
    CHECK_MESSAGE(failed.find(R"("error_type":"handler_timeout")") != std::string::npos, failed);
    CHECK(failed.find("HANDLER_TIMEOUT") != std::string::npos);
    // The handler answers a second later.
    CHECK_MESSAGE(host.worker().wait_for_err("Late step result refused", 20s), host.worker().err());
    const std::string after = host.sandbox().run({"task", "get", task, "--json"}).out;
    CHECK(after.find("late") == std::string::npos);
    CHECK(after.find(R"("current_state":"error")") != std::string::npos);
    host.check_sound();
}

TEST_CASE("row 44: a handler that heeds its deadline frees its thread") {
    Host host({"good.echo", "bad.polite"}, "cancel_grace = \"5s\"\n");
    const std::string failed = host.sandbox().wait(host.submit("bad.polite"));
    CHECK_MESSAGE(failed.find("HANDLER_TIMEOUT") != std::string::npos, failed);
    host.check_sound();
}

TEST_CASE("row 52: a hundred megabytes on standard output stall nobody") {
    Host host({"good.echo", "bad.prints"});
    const std::string task = host.submit("bad.prints");
    // Read on, as whoever started the host would.
    const bool other_done =
        host.sandbox().wait(host.submit("good.echo")).find(R"("fine":true)") != std::string::npos;
    CHECK(other_done);
    host.worker().wait(3s);
    CHECK(host.worker().running());
    host.check_sound();
}

TEST_CASE("row 109: hostile texts in the log stay inside of their line") {
    Host host({"good.echo", "bad.logs"});
    static_cast<void>(host.sandbox().wait(host.submit("bad.logs")));
    host.check_sound();
    std::istringstream lines(host.worker().err());
    int hostile = 0;
    for (std::string line; std::getline(lines, line);) {
        CHECK_MESSAGE((!line.empty() && line.front() == '{' && line.back() == '}'), line.substr(0, 300));
        CHECK(line.size() < 40'000);
        CHECK(line.find('\x1b') == std::string::npos);
        CHECK(line.find("\xff") == std::string::npos);
        CHECK(line.rfind(R"({"ts":")", 0) == 0);
        if (line.find("forged line") != std::string::npos) ++hostile;
    }
    CHECK(hostile == 1);
}

TEST_CASE(
    "row 42: a handler that calls exit() ends its worker with 5, which says so, and its step is not lost") {
    Host host({"good.echo", "bad.exits"});
    const std::string task = host.submit("bad.exits");
    const auto status = host.worker().wait(30s);
    REQUIRE(status.has_value());
    CHECK(*status == testing::ExitStatus{5, 0});
    CHECK(host.worker().err().find("a plugin called exit()") != std::string::npos);
    const auto after = host.sandbox().run({"task", "get", task, "--json"});
    CHECK_MESSAGE(after.out.find(R"("current_state":"enqueued")") != std::string::npos, after.out);
    const auto once = host.sandbox().run({"task", "run", "bad_exits", "--json"});
    CHECK(once.status.code == 5);
    CHECK_MESSAGE(once.out.find("exit()") != std::string::npos, once.out);
}

TEST_CASE("row 92: a task cancelled while its step runs stays cancelled") {
    Host host({"good.echo", "bad.hang"}, "cancel_grace = \"1s\"\n");
    const std::string task = host.submit("bad.hang");
    CHECK(host.sandbox().run({"task", "cancel", task}).status.code == 0);
    CHECK(host.sandbox().run({"task", "cancel", task}).status.code != 0);
    CHECK(host.sandbox().wait(task).find(R"("status":"cancelled")") != std::string::npos);
}

}  // namespace tasker::host::bad_input
