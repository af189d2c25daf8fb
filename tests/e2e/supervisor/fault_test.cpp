// Something goes wrong at each step of a hot restart, with real workers: the namespace is served by one of the two
// generations in the end, and every step ran to its end once, but those of a process that was killed.

#include <signal.h>

#include <fstream>

#include "host/core/failpoint.hpp"
#include "tests/e2e/supervisor/supervised.hpp"

namespace tasker::host::e2e {

namespace {
namespace fs = std::filesystem;

struct Faulty : Supervised {
    // What processes that start from now on have armed.
    void arm(const std::string& failpoints) const { write("failpoints", failpoints); }
    explicit Faulty(const std::string& armed = "", const std::string& settings = "") {
        set("TASKER_CONFIG_PATH",
            write("config.toml", "[host.supervisor]\nready_deadline = \"2s\"\n" + settings).string());
        set("TASKER_FAILPOINTS_FILE", path("failpoints").string());
        arm(armed);
        begin({"slow"});
        arm("");
    }
    std::string history() const {
        std::string text;
        const json now = of("slow");
        for (const json& line : now["history"]) text += line.get<std::string>() + "\n";
        return text;
    }
    // A step that lasts, and one that is over at once: both run to their end.
    void finish(const std::string& held, int attempts_of_held) {
        release("held");
        const std::string quick = submit_slow("hung", "quick");
        release("quick");
        for (const std::string& task : {held, quick}) {
            const json done = json::parse(run({"task", "wait", task, "--json"}).out);
            INFO(done.dump());
            CHECK(done["status"] == "complete");
            CHECK(step(done, "only")["attempts"] == 1);
        }
        std::size_t runs = 0;
        for (const std::string& line : journal()) runs += line.rfind("held ", 0) == 0 ? 1 : 0;
        CHECK(runs == static_cast<std::size_t>(attempts_of_held));
    }
};

struct Fault {
    const char* old_armed;
    const char* new_armed;
    int serves;        // the generation that serves in the end
    int runs_of_held;  // twice where the old process was killed
    const char* told;  // in the history
};
}  // namespace

TEST_CASE("fault: at each step of a restart") {
    if (!kFailpointsCompiledIn) return;
    for (const Fault& one : std::initializer_list<Fault>{
             {"", "worker.start=crash", 1, 1, "generation 2 is given up"},
             {"", "worker.start=stop", 1, 1, "generation 2 is given up: was not ready in time"},
             {"", "worker.ready=crash", 1, 1, "generation 2 is given up"},
             {"", "worker.ready=stop", 1, 1, "generation 2 is given up: did not answer ACTIVATE"},
             {"worker.pause=crash", "", 2, 2, "generation 2 serves for good"},
             {"worker.pause=stop", "", 2, 2, "generation 1 is killed: did not answer PAUSE"},
             {"", "worker.activate=crash", 1, 1, "generation 2 is given up"},
             {"", "worker.activate=stop", 1, 1, "generation 2 is given up: did not answer ACTIVATE"},
             {"", "worker.activated=crash", 1, 1, "generation 2 is given up"},
             {"worker.resume=crash", "worker.activate=crash", 1, 2, "generation 2 is given up"},
             {"worker.resume=stop", "worker.activate=crash", 1, 2,
              "generation 1 is killed: did not answer RESUME"},
             {"worker.drain=crash", "", 2, 2, "generation 2 serves for good"},
         }) {
        CAPTURE(std::string(one.old_armed));
        CAPTURE(std::string(one.new_armed));
        Faulty f(one.old_armed);
        const std::string held = f.submit_slow("hung", "held");
        REQUIRE(f.started(1));
        f.arm(one.new_armed);
        const Finished restart = f.run({"worker", "restart", "slow", "--wait"});
        CHECK_MESSAGE(restart.status.code == (one.serves == 2 ? 0 : 1), restart.err);
        f.arm("");
        const bool told =
            eventually(kPatience, [&] { return f.history().find(one.told) != std::string::npos; });
        CHECK_MESSAGE(told, f.history());
        f.finish(held, one.runs_of_held);
        CHECK(f.reaches("slow", "active", one.serves));
        f.end();
        CHECK(f.document({"store", "check"})["ok"] == true);
    }
}

TEST_CASE("fault: an old worker that dies while it stands by gives its steps to the new one") {
    Faulty f("", "probation = \"30s\"\nprobation_results = 1000\n[host]\nthreads = 1\nprefetch = 0\n");
    const std::string held = f.submit_slow("hung", "held");
    REQUIRE(f.started(1));
    // There is no thread for it: the new one has something to do, and so does not end its probation.
    const std::string other = f.submit_slow("hung", "other");
    CHECK(f.run({"worker", "restart", "slow"}).status.code == 0);
    REQUIRE(f.started(2));
    REQUIRE(f.reaches("slow", "probation"));
    ::kill(f.worker_pid("slow"), SIGKILL);
    REQUIRE(f.reaches("slow", "active", 2));
    f.release("other");
    const json done = f.document({"task", "wait", other});
    CHECK(done["status"] == "complete");
    CHECK(step(done, "only")["attempts"] == 1);
    f.finish(held, 2);
    f.end();
}

TEST_CASE("fault: an old worker that never ends is asked to, then killed, and its step runs again") {
    Faulty f("", "[host]\ndrain_timeout = \"100ms\"\ncancel_grace = \"100ms\"\n");
    const std::string held = f.submit_slow("hung", "held");
    REQUIRE(f.started(1));
    const pid_t old = f.worker_pid("slow");
    CHECK(f.document({"worker", "restart", "slow", "--wait"})["state"] == "committed");
    REQUIRE(f.started(2));
    CHECK(eventually(kPatience, [&] { return !alive(old); }));
    f.finish(held, 2);
    f.end();
}

TEST_CASE("fault: where two workers are too many the old one ends first, and steps wait meanwhile") {
    Faulty f("", "overlap = false\n");
    const std::string held = f.submit_slow("hung", "held");
    REQUIRE(f.started(1));
    const pid_t old = f.worker_pid("slow");
    CHECK(f.run({"worker", "restart", "slow"}).status.code == 0);
    REQUIRE(f.reaches("slow", "stopping"));
    const std::string other = f.submit_slow("hung", "other");
    f.release("other");
    CHECK(f.of("slow")["candidate"].is_null());
    CHECK(f.worker_pid("slow") == old);
    f.release("held");
    REQUIRE(f.reaches("slow", "active", 2));
    CHECK_FALSE(alive(old));
    CHECK(f.document({"task", "wait", other})["status"] == "complete");
    f.finish(held, 1);
    f.end();
}

}  // namespace tasker::host::e2e
