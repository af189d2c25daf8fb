// Each of the processes is killed while a step runs.

#include "tests/e2e/supervisor/supervised.hpp"

namespace tasker::host::e2e {

TEST_CASE("death: a killed worker's step runs again at once, uncharged; its neighbour notices nothing") {
    Supervised f;
    f.begin({"examples", "slow"});
    const std::string task = f.submit_slow("hung", "a");
    REQUIRE(f.started(1));
    const pid_t neighbour = f.worker_pid("examples"), killed = f.worker_pid("slow");
    ::kill(killed, SIGKILL);
    REQUIRE(f.started(2));
    CHECK(f.journal() == std::vector<std::string>{"a 1", "a 1"});
    f.release("a");
    const json done = f.document({"task", "wait", task});
    CHECK(done["status"] == "complete");
    CHECK(step(done, "only")["attempts"] == 1);
    CHECK(f.worker_pid("slow") != killed);
    CHECK(f.worker_pid("examples") == neighbour);
    CHECK(f.host->wait_for_err("signal 9 (Killed) while it ran callable 'slow.hung' of plugin 'slow'",
                               kPatience));
    f.end();
}

TEST_CASE("death: an engine that was stopped is replaced once it has been silent for too long") {
    Supervised f;
    f.write("config.toml", "[host.supervisor]\nsilence = \"3s\"\n");
    f.set("TASKER_CONFIG_PATH", f.path("config.toml").string());
    f.begin({"slow"});
    const std::string task = f.submit_slow("hung", "a");
    REQUIRE(f.started(1));
    const pid_t engine = f.engine_pid(), worker = f.worker_pid("slow");
    ::kill(engine, SIGSTOP);
    REQUIRE(f.engine_is_new(engine));
    CHECK(f.host->wait_for_err("The engine is killed: it has said nothing for 3000 ms", kPatience));
    f.release("a");
    CHECK(f.document({"task", "wait", task})["status"] == "complete");
    CHECK(f.journal() == std::vector<std::string>{"a 1"});
    CHECK(f.worker_pid("slow") == worker);
    f.end();
}

TEST_CASE("death: after its engine's a namespace without a worker takes submissions, too, at once") {
    Supervised f;
    f.begin({"slow"});
    REQUIRE(f.run({"worker", "drain", "slow"}).status.code == 0);
    REQUIRE(f.reaches("slow", "idle"));
    const pid_t engine = f.engine_pid();
    ::kill(engine, SIGKILL);
    REQUIRE(f.engine_is_new(engine));
    const std::string task = f.submit_slow("hold", "a");
    f.release("a");
    CHECK(f.run({"worker", "resume", "slow"}).status.code == 0);
    CHECK(f.document({"task", "wait", task})["status"] == "complete");
    f.end();
}

TEST_CASE("death: a worker whose handler hangs is replaced, and its threads go with it") {
    Supervised f;
    f.set("TASKER_CONFIG_PATH",
          f.write("config.toml", "[host]\nmax_abandoned = 1\ncancel_grace = \"50ms\"\n").string());
    f.write(
        "templates/stuck.yaml",
        "name: stuck\nnamespace_name: slow\nversion: \"1.0.0\"\nidentity_strategy: always_unique\nsteps:\n"
        "  - name: only\n    handler:\n      callable: slow.hung\n    timeout_seconds: 1\n"
        "    retry:\n      retryable: false\n");
    f.begin({"slow"});
    const pid_t worker = f.worker_pid("slow");
    const std::string task = f.submit_slow("stuck", "never");
    REQUIRE(f.reaches("slow", "active", 2));
    CHECK(eventually(kPatience, [&] { return !alive(worker); }));
    const json now = f.of("slow");
    CHECK_MESSAGE(now["history"].dump().find("recycled: 1 handler hangs") != std::string::npos, now.dump());
    const json ended = json::parse(f.run({"task", "wait", task, "--json"}).out);
    CHECK(step(ended, "only")["results"]["error"]["error_code"] == "HANDLER_TIMEOUT");
    CHECK(f.journal().size() == 1);
    f.end();
}

TEST_CASE(
    "death: a command that looks into the store between two engines takes nothing away from the workers") {
    Supervised f;
    f.begin({"slow"});
    const std::string task = f.submit_slow("hung", "a");
    REQUIRE(f.started(1));
    const pid_t engine = f.engine_pid();
    // Nobody starts another one meanwhile.
    f.host->signal(SIGSTOP);
    ::kill(engine, SIGKILL);
    CHECK(f.document({"task", "list"})["tasks"].size() == 1);
    CHECK(f.document({"store", "check"})["ok"] == true);
    const std::string other = f.submit_slow("hung", "b");
    f.host->signal(SIGCONT);
    REQUIRE(f.engine_is_new(engine));
    REQUIRE(f.started(2));
    for (const char* label : {"a", "b"}) f.release(label);
    for (const std::string& one : {task, other}) {
        const json done = f.document({"task", "wait", one});
        CHECK(done["status"] == "complete");
        CHECK(step(done, "only")["attempts"] == 1);
    }
    CHECK(f.journal() == std::vector<std::string>{"a 1", "b 1"});
    f.end();
}

TEST_CASE("death: a killed engine loses nothing, and the step that ran meanwhile is not run again") {
    Supervised f;
    f.begin({"slow"});
    const std::string kept = f.submit_slow("hung", "a"), answered = f.submit_slow("hung", "b");
    REQUIRE(f.started(2));
    const pid_t engine = f.engine_pid(), worker = f.worker_pid("slow");
    ::kill(engine, SIGKILL);
    f.release("b");  // its result has nowhere to go for a while
    REQUIRE(f.engine_is_new(engine));
    CHECK(f.document({"task", "wait", answered})["status"] == "complete");
    f.release("a");
    const json done = f.document({"task", "wait", kept});
    CHECK(done["status"] == "complete");
    CHECK(step(done, "only")["attempts"] == 1);
    CHECK(f.journal().size() == 2);
    CHECK(f.worker_pid("slow") == worker);
    f.end();
    CHECK(f.document({"store", "check"})["ok"] == true);
}

TEST_CASE(
    "death: without their supervisor the workers finish what they run and end, and so does the engine") {
    Supervised f;
    f.begin({"slow"});
    const std::string task = f.submit_slow("hung", "a");
    REQUIRE(f.started(1));
    const pid_t engine = f.engine_pid(), worker = f.worker_pid("slow");
    f.host->kill_and_wait();
    SUBCASE("alone") {
        f.release("a");
        CHECK(eventually(kPatience, [&] { return !alive(worker) && !alive(engine); }));
        CHECK(f.document({"task", "get", task})["status"] == "complete");
    }
    SUBCASE("while the next one waits for them") {
        const auto next = f.start({"run", "--namespace", "slow"});
        CHECK(next->wait_for_err("waiting for its end", kPatience));
        f.release("a");
        const json done = f.document({"task", "wait", task});
        CHECK(done["status"] == "complete");
        CHECK(step(done, "only")["attempts"] == 1);
        CHECK(f.reaches("slow", "active"));
        stop(*next);
    }
    SUBCASE("at the next one's engine, when their own is dead, too") {
        ::kill(engine, SIGKILL);
        const auto next = f.start({"run", "--namespace", "slow"});
        CHECK(next->wait_for_err("a worker is attached", kPatience));
        CHECK(eventually(kPatience, [&] { return f.run({"worker", "status"}).status.code == 0; }));
        CHECK(f.reaches("slow", "active"));
        f.release("a");
        const json done = f.document({"task", "wait", task});
        CHECK(done["status"] == "complete");
        CHECK(step(done, "only")["attempts"] == 1);
        CHECK(eventually(kPatience, [&] { return !alive(worker); }));
        stop(*next);
    }
    CHECK(f.journal() == std::vector<std::string>{"a 1"});
}

}  // namespace tasker::host::e2e
