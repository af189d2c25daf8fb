// A plugin that ends its worker: who is blamed, who is told, and when it ends.

#include <unistd.h>

#include <fstream>
#include <sstream>

#include "tests/e2e/supervisor/supervised.hpp"

namespace tasker::host::e2e {

namespace {
namespace fs = std::filesystem;

double cpu_seconds(pid_t pid) {
    std::istringstream stat(read_file("/proc/" + std::to_string(pid) + "/stat"));
    std::string word;
    double ticks = 0;
    for (int field = 1; stat >> word; ++field)
        if (field == 14 || field == 15) ticks += std::stod(word);
    return ticks / static_cast<double>(::sysconf(_SC_CLK_TCK));
}

struct Crashing : Supervised {
    Crashing() {
        for (const std::string name : {"now", "wait"}) {
            write("templates/" + name + ".yaml",
                  "name: " + name +
                      "\nnamespace_name: crashes\nversion: \"1.0.0\"\nidentity_strategy: always_unique\n"
                      "steps:\n  - name: only\n    handler:\n      callable: crash." +
                      name + "\n    retry:\n      max_attempts: 50\n");
        }
        fs::create_directories(path("plugins"));
        fs::copy_file(std::string(TASKER_BINARY_DIR) + "/tests/e2e-crashes/crasher.so",
                      path("plugins/crasher.so"));
        set("TASKER_PLUGIN_PATH", path("plugins").string());
        set("TASKER_TEMPLATE_PATH", path("templates").string());
    }
    std::string submit(const std::string& name, json context) const {
        return document({"task", "create", name, "--context", context.dump()})["task_uuid"];
    }
    // The step that crashes, and one that runs in the same process meanwhile.
    void submit_both(const std::string& how) {
        neighbour =
            submit("wait", {{"ready", path("ready").string()}, {"release", path("release").string()}});
        culprit = submit(
            "now", {{"how", how}, {"ready", path("ready").string()}, {"journal", path("runs").string()}});
    }
    std::size_t runs() const { return lines(read_file(path("runs"))).size(); }
    json end_of(const std::string& task) const {
        return json::parse(run({"task", "wait", task, "--json"}).out);
    }
    std::vector<std::string> events(const std::string& task) const {
        const json whole = document({"task", "get", task});
        std::vector<std::string> all;
        const json audit = document({"task", "step-audit", task, step(whole, "only")["workflow_step_uuid"]});
        for (const json& one : audit) all.push_back(one.value("event", one.dump()));
        return all;
    }
    std::string history() const {
        std::string all;
        const json now = of("crashes");
        for (const json& line : now["history"]) all += line.get<std::string>() + "\n";
        return all;
    }

    std::string culprit, neighbour;
};
}  // namespace

TEST_CASE("crash: the step that kills its worker ends after exactly three, its neighbours go on") {
    std::string how, told;
    SUBCASE("by a fault") { how = "wild", told = "signal 11 (Segmentation fault)"; }
    SUBCASE("by a signal that it raises") { how = "segv", told = "signal 11 (Segmentation fault)"; }
    SUBCASE("by abort()") { how = "abort", told = "signal 6 (Aborted)"; }
    SUBCASE("by a stack overflow") {
        how = "overflow", told = "signal 11 (Segmentation fault), a stack overflow,";
    }
    SUBCASE("by exit()") { how = "exit", told = "exit"; }
    SUBCASE("by _exit()") { how = "quit", told = "exit"; }
    if (how.empty() || (kSanitized && how != "exit")) return;
    const bool exits = told == "exit";
    CAPTURE(how);
    Crashing f;
    f.begin({"crashes"});
    f.submit_both(how);
    const json ended = f.end_of(f.culprit);
    CHECK(f.runs() == 3);
    CHECK(ended["status"] != "complete");
    CHECK(step(ended, "only")["crashes"] == 3);
    const json error = step(ended, "only")["results"]["error"];
    INFO(ended.dump());
    CHECK(error["error_code"] == "POISON_STEP");
    CHECK(error["retryable"] == false);
    const std::string message = error["message"];
    CHECK_MESSAGE(message.find("crashed its worker 3 times, the last time with " +
                               (exits ? "exit()" : told)) != std::string::npos,
                  message);
    CHECK_MESSAGE(message.find("callable 'crash.now' of plugin 'crasher'") != std::string::npos, message);
    const std::string place = (exits ? ": exited without shutdown handshake during" : " in") +
                              std::string(" callable 'crash.now' of plugin 'crasher' (step 'only' ") +
                              step(ended, "only")["workflow_step_uuid"].get<std::string>() + ", ";
    const std::string said = (exits ? "called exit()" : told) + place;
    CHECK(eventually(kPatience, [&] { return f.history().find(said) != std::string::npos; }));
    CHECK_MESSAGE(f.host->wait_for_err(said, kPatience), f.host->err());
    CHECK(f.reaches("crashes", "active"));
    f.write("release", "");
    const json kept = f.end_of(f.neighbour);
    CHECK(kept["status"] == "complete");
    CHECK(step(kept, "only")["attempts"] == 1);
    f.end();
    CHECK(f.document({"store", "check"})["ok"] == true);
    CHECK(fs::is_empty(f.path("state/flight")));
}

TEST_CASE("crash: on a thread of its own, too, where nothing else ran") {
    if (kSanitized) return;
    Crashing f;
    f.begin({"crashes"});
    f.write("ready", "");
    const json ended = f.end_of(f.submit(
        "now",
        {{"how", "thread"}, {"ready", f.path("ready").string()}, {"journal", f.path("runs").string()}}));
    CHECK(f.runs() == 3);
    CHECK(step(ended, "only")["results"]["error"]["error_code"] == "POISON_STEP");
    CHECK(f.reaches("crashes", "active"));
    f.end();
}

TEST_CASE("crash: who kills its worker without a word is blamed for nothing, and told all the same") {
    std::string how, told;
    SUBCASE("by SIGKILL") { how = "kill", told = "signal 9 (Killed)"; }
    if (how.empty()) return;
    CAPTURE(how);
    Crashing f;
    f.begin({"crashes"});
    f.submit_both(how);
    const json ended = f.end_of(f.culprit);
    CHECK(ended["status"] == "complete");
    CHECK(step(ended, "only")["attempts"] == 1);
    CHECK(f.runs() == 2);
    const std::string said = told + " while it ran callable 'crash.";
    CHECK_MESSAGE(f.host->wait_for_err(said, kPatience), f.host->err());
    CHECK(f.host->wait_for_err("callable 'crash.now' of plugin 'crasher' (step 'only'", kPatience));
    CHECK_MESSAGE(f.history().find(said) != std::string::npos, f.history());
    f.write("release", "");
    const json kept = f.end_of(f.neighbour);
    CHECK(kept["status"] == "complete");
    CHECK(step(kept, "only")["attempts"] == 1);
    f.end();
}

TEST_CASE("crash: a handler that closes every descriptor, or forks, harms no step and costs nothing") {
    std::string how;
    SUBCASE("closes") { how = "close"; }
    SUBCASE("forks") { how = "fork"; }
    if (how.empty()) return;
    CAPTURE(how);
    Crashing f;
    f.begin({"crashes"});
    const pid_t worker = f.worker_pid("crashes");
    f.submit_both(how);
    const json ended = f.end_of(f.culprit);
    CHECK(ended["status"] == "complete");
    CHECK(step(ended, "only")["attempts"] == 1);
    CHECK(f.runs() == 1);
    if (how == "close") {
        // Its supervisor cannot tell it anything any more: another one takes its place, it ends what it runs.
        REQUIRE(eventually(kPatience, [&] {
            const json now = f.of("crashes");
            return now["candidate"].is_object() && now["candidate"]["claims"] == true;
        }));
        CHECK_MESSAGE(f.history().find("recycled: it closed the channel") != std::string::npos, f.history());
    }
    // The next one is run as before.
    f.write("quick", "");
    const std::string next =
        f.submit("wait", {{"ready", f.path("ready2").string()}, {"release", f.path("quick").string()}});
    CHECK(f.end_of(next)["status"] == "complete");
    CHECK(f.worker_pid("crashes") == worker);
    CHECK(alive(worker));
    const double before = cpu_seconds(worker);
    const auto asked = std::chrono::steady_clock::now();
    // Some time in which it has nothing to do: operators asking.
    for (int i = 0; i < (kSanitized ? 10 : 100); ++i) CHECK(f.worker_pid("crashes") == worker);
    const double passed = std::chrono::duration<double>(std::chrono::steady_clock::now() - asked).count();
    CHECK(cpu_seconds(worker) - before < passed / 2);
    f.write("release", "");
    const json kept = f.end_of(f.neighbour);
    CHECK(kept["status"] == "complete");
    CHECK(step(kept, "only")["attempts"] == 1);
    if (how == "close") CHECK(eventually(kPatience, [&] { return !alive(worker); }));
    CHECK(f.document({"worker", "restart", "crashes", "--wait"})["state"] == "committed");
    f.end();
    CHECK_FALSE(alive(worker));
    CHECK(f.document({"store", "check"})["ok"] == true);
}

TEST_CASE("crash: five crashes within a minute hold the namespace until somebody looks") {
    if (kSanitized) return;
    Crashing f;
    f.begin({"crashes"});
    f.write("ready", "");
    const json context{
        {"how", "abort"}, {"ready", f.path("ready").string()}, {"journal", f.path("runs").string()}};
    const std::string first = f.submit("now", context), second = f.submit("now", context);
    REQUIRE(f.reaches("crashes", "held"));
    const auto crashes = [&](const std::string& task) {
        return step(f.document({"task", "get", task}), "only")["crashes"].get<int>();
    };
    CHECK(crashes(first) + crashes(second) == 5);
    CHECK_MESSAGE(
        f.history().find("is not started again: 5 crashes within 60 s, the last one: ") != std::string::npos,
        f.history());
    CHECK(f.run({"system", "health"}).status.code == 1);
    CHECK(f.run({"worker", "restart", "crashes"}).status.code == 0);
    for (const std::string& task : {first, second})
        CHECK(step(f.end_of(task), "only")["results"]["error"]["error_code"] == "POISON_STEP");
    CHECK(crashes(first) + crashes(second) == 6);
    CHECK(f.reaches("crashes", "active"));
    f.end();
}

TEST_CASE("crash: also where a lone worker is started again and again") {
    if (kSanitized) return;
    Crashing f;
    const auto start = [&] { return f.start({"worker", "--namespace", "crashes"}); };
    auto worker = start();
    REQUIRE(worker->wait_for_err(kReady, kPatience));
    f.submit_both("abort");
    for (int crash = 1; crash <= 3; ++crash) {
        CAPTURE(crash);
        const auto ended = worker->wait(kPatience);
        REQUIRE(ended);
        CHECK(*ended == ExitStatus{-1, SIGABRT});
        if (crash == 2) {
            // Whoever looks in between takes the steps back, and blames as the next worker would.
            CHECK(step(f.document({"task", "get", f.culprit}), "only")["attempts"] == 0);
        }
        worker = start();
    }
    REQUIRE(worker->wait_for_err(kReady, kPatience));
    CHECK(step(f.end_of(f.culprit), "only")["results"]["error"]["error_code"] == "POISON_STEP");
    CHECK(f.runs() == 3);
    f.write("release", "");
    CHECK(f.end_of(f.neighbour)["status"] == "complete");
    stop(*worker);
    CHECK(fs::is_empty(f.path("state/flight")));
}

}  // namespace tasker::host::e2e
