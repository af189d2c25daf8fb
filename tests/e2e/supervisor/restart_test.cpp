// A worker is replaced while it works.

#include <fstream>

#include "tests/e2e/supervisor/supervised.hpp"

namespace tasker::host::e2e {

namespace {
namespace fs = std::filesystem;
const std::string kAnswer =
    "name: answer\nnamespace_name: answers\nversion: \"1.0.0\"\nidentity_strategy: always_unique\n"
    "steps:\n  - name: give\n    handler:\n      callable: answer.give\n";

// A namespace whose one plugin is changed by the test.
struct Answers : Supervised {
    explicit Answers(const std::vector<std::string>& named = {"answers"}, const std::string& settings = "") {
        set("TASKER_CONFIG_PATH", write("config.toml", settings).string());
        write("templates/answer.yaml", kAnswer);
        fs::create_directories(path("plugins"));
        set("TASKER_PLUGIN_PATH", path("plugins").string());
        set("TASKER_TEMPLATE_PATH", path("templates").string());
        put("first");
        begin(named, {"answers"});
    }
    // As `cp` does it: into the file that is there.
    void put(const std::string& build) const {
        const std::string from =
            std::string(TASKER_BINARY_DIR) + "/tests/e2e-answers/answer_" + build + ".so";
        fs::copy_file(from, path("plugins/answer.so"), fs::copy_options::overwrite_existing);
    }
    int answer() const {
        const json task = document({"task", "create", "answer", "--wait"});
        REQUIRE(task["status"] == "complete");
        return document({"task", "wait", task["task_uuid"]})["steps"][0]["results"]["result"]["answer"];
    }
    bool history_says(const std::string& what) const {
        return eventually(kPatience, [&] {
            const json now = of("answers");
            for (const json& line : now["history"])
                if (line.get<std::string>().find(what) != std::string::npos) return true;
            return false;
        });
    }
};
}  // namespace

TEST_CASE("restart: under load no step is lost and none runs twice") {
    Supervised f;
    f.begin({"examples"});
    constexpr int kTasks = 200;
    std::string batch;
    for (int i = 1; i <= kTasks; ++i) {
        batch += json{{"name", "linear_workflow"},
                      {"namespace", "examples"},
                      {"version", "1.0.0"},
                      {"context", {{"number", 2 * i}}}}
                     .dump() +
                 "\n";
    }
    f.write("batch.jsonl", batch);
    const auto submitting = f.start({"task", "create", "--batch", f.path("batch.jsonl").string()});
    for (int i = 0; i < 3; ++i) CHECK(f.run({"worker", "restart", "examples", "--wait"}).status.code == 0);
    REQUIRE(submitting->wait(kPatience));
    REQUIRE(eventually(kPatience, [&] {
        return f.document({"task", "list", "-s", "complete", "-l", "1"})["pagination"]["total_count"] ==
               kTasks;
    }));
    const json all = f.document({"task", "list", "-l", "200"});
    for (const json& task : all["tasks"]) {
        const json whole = f.document({"task", "get", task["task_uuid"]});
        for (const json& one : whole["steps"]) CHECK(one["attempts"] == 1);
    }
    CHECK(f.of("examples")["last_good_generation"] == 4);
    f.end();
    CHECK(f.document({"store", "check"})["ok"] == true);
}

TEST_CASE("restart: a step that runs stays with the old worker until it is done") {
    Supervised f;
    f.begin({"slow"});
    const std::string task = f.submit_slow("hung", "a");
    REQUIRE(f.started(1));
    const pid_t old = f.worker_pid("slow");
    CHECK(f.document({"worker", "restart", "slow", "--wait"})["state"] == "committed");
    CHECK(f.reaches("slow", "draining", 1));
    CHECK(f.worker_pid("slow") == old);
    CHECK(f.of("slow")["candidate"]["claims"] == true);
    // The new one works meanwhile.
    const std::string other = f.submit_slow("hung", "b");
    f.release("b");
    CHECK(f.document({"task", "wait", other})["status"] == "complete");
    f.release("a");
    const json done = f.document({"task", "wait", task});
    CHECK(done["status"] == "complete");
    CHECK(step(done, "only")["attempts"] == 1);
    CHECK(f.reaches("slow", "active", 2));
    CHECK_FALSE(alive(old));
    CHECK(f.journal() == std::vector<std::string>{"a 1", "b 1"});
    f.end();
}

TEST_CASE(
    "restart: a changed plugin is copied over the running one, and the new answer appears with nothing "
    "lost") {
    Answers f;
    CHECK(f.answer() == 1);
    f.put("second");
    int answered = 1;
    REQUIRE(eventually(kPatience, [&] { return (answered = f.answer()) != 1; }));
    CHECK(answered == 2);
    CHECK(f.document({"task", "list", "-s", "open"})["pagination"]["total_count"] == 0);
    // Back to what ran before, although the folder has something else.
    REQUIRE(f.reaches("answers", "active", 2));
    CHECK(f.document({"worker", "rollback", "answers", "--wait"})["state"] == "committed");
    CHECK(f.answer() == 1);
    f.end();
}

TEST_CASE("restart: a plugin that dies while it is loaded is refused, and the old one goes on") {
    Answers f;
    const pid_t old = f.worker_pid("answers");
    f.put("dying");
    CHECK(f.history_says("a change is refused: no plugin offers 'answer.give' any more"));
    CHECK(f.reaches("answers", "active", 1));
    CHECK(f.worker_pid("answers") == old);
    CHECK(f.answer() == 1);
    const json refused = f.status()["refused_plugins"];
    REQUIRE(refused.size() == 1);
    CHECK(refused[0]["state"] == "quarantined");
    const Finished again = f.run({"worker", "restart", "answers", "--wait"});
    CHECK(again.status.code == 1);
    CHECK_MESSAGE(again.err.find("died with SIGABRT in load") != std::string::npos, again.err);
    f.put("second");
    REQUIRE(eventually(kPatience, [&] { return f.answer() == 2; }));
    f.end();
}

TEST_CASE(
    "restart: a plugin that crashes while it is on probation is rolled back and quarantined, its step is run "
    "by "
    "the old one") {
    Answers f({"answers"}, "[host]\nthreads = 1\nprefetch = 0\n");
    const pid_t old = f.worker_pid("answers");
    // The old one has no thread left, so that work is there when the new one comes.
    const json hold{{"hold", f.path("release").string()}};
    std::vector<std::string> tasks;
    const auto submit = [&](const json& context) {
        tasks.push_back(f.document({"task", "create", "answer", "-c", context.dump()})["task_uuid"]);
    };
    submit(hold);
    REQUIRE(eventually(kPatience, [&] {
        return f.document({"task", "get", tasks[0]})["steps"][0]["current_state"] == "in_progress";
    }));
    for (int i = 0; i < 3; ++i) submit(json::object());
    f.put("crashing");
    CHECK(f.history_says("is given up"));
    f.write("release", "");
    CHECK(f.reaches("answers", "active", 1));
    CHECK(f.worker_pid("answers") == old);
    for (const std::string& task : tasks) {
        const json done = f.document({"task", "wait", task});
        CHECK(done["status"] == "complete");
        CHECK(done["steps"][0]["results"]["result"]["answer"] == 1);
        CHECK(done["steps"][0]["attempts"] == 1);
    }
    const Finished again = f.run({"worker", "restart", "answers", "--wait"});
    CHECK(again.status.code == 1);
    if (!kSanitized) {
        CHECK_MESSAGE(
            again.err.find("crashed with signal 6 (Aborted) in callable 'answer.give'") != std::string::npos,
            again.err);
        CHECK(f.document({"plugin", "list"}).dump().find("quarantined") != std::string::npos);
    }
    f.put("second");
    REQUIRE(eventually(kPatience, [&] { return f.answer() == 2; }));
    f.end();
}

TEST_CASE("restart: a new generation that fails far more often is rolled back where that is wanted") {
    Answers f({"answers"},
              "[host]\nthreads = 1\nprefetch = 0\n[host.supervisor]\nrollback_on_errors = true\n"
              "probation = \"30s\"\n");
    std::vector<std::string> tasks;
    const auto submit = [&](const json& context) {
        tasks.push_back(f.document({"task", "create", "answer", "-c", context.dump()})["task_uuid"]);
    };
    submit({{"hold", f.path("release").string()}});
    REQUIRE(eventually(kPatience, [&] {
        return f.document({"task", "get", tasks[0]})["steps"][0]["current_state"] == "in_progress";
    }));
    for (int i = 0; i < 8; ++i) submit(json::object());
    f.put("failing");
    CHECK(f.history_says("of its"));
    CHECK(f.history_says("results are errors; of the old generation's"));
    f.write("release", "");
    CHECK(f.reaches("answers", "active", 1));
    for (const std::string& task : tasks) {
        const json done = f.document({"task", "wait", task});
        CHECK(done["status"] == "complete");
        CHECK(done["steps"][0]["results"]["result"]["answer"] == 1);
    }
    f.end();
}

TEST_CASE(
    "restart: a generation of which something cannot be loaded any more does not take the place of the old "
    "one") {
    Answers f;
    f.put("second");
    REQUIRE(f.reaches("answers", "active", 2));
    const json first = json::parse(read_file(f.path("state/generations/answers/1.json")));
    const std::string hash = first["plugins"][0]["sha256"];
    fs::remove_all(f.path("state/plugin-cache") / hash.substr(0, 2) / hash);
    const Finished back = f.run({"worker", "rollback", "answers", "--to", "1", "--wait"});
    CHECK(back.status.code == 1);
    CHECK_MESSAGE(back.err.find("plugin answer.so is rejected") != std::string::npos, back.err);
    CHECK(f.answer() == 2);
    CHECK(f.of("answers")["current"]["generation"] == 2);
    f.end();
}

TEST_CASE("restart: a rollback stays until files of the namespace change, also over a new supervisor") {
    Answers f(std::vector<std::string>{});
    f.put("second");
    REQUIRE(f.reaches("answers", "active", 2));
    CHECK(f.run({"worker", "rollback", "answers", "--to", "0"}).status.code == 2);
    CHECK(f.document({"worker", "rollback", "answers", "--wait"})["state"] == "committed");
    CHECK(f.answer() == 1);
    const Finished further = f.run({"worker", "rollback", "answers", "--wait"});
    CHECK(further.status.code != 0);
    CHECK_MESSAGE(further.err.find("no older generation") != std::string::npos, further.err);
    INFO("another namespace's files");
    f.write("templates/new.yaml",
            "name: fresh\nnamespace_name: fresh\nversion: \"1.0.0\"\nidentity_strategy: always_unique\n"
            "steps:\n  - name: give\n    handler:\n      callable: answer.give\n");
    REQUIRE(f.reaches("fresh", "active"));
    CHECK(f.answer() == 1);
    f.end();
    f.begin({}, {"answers"});
    CHECK(f.answer() == 1);
    CHECK(f.document({"worker", "restart", "answers", "--wait"})["state"] == "committed");
    CHECK(f.answer() == 2);
    f.end();
}

TEST_CASE("restart: a rollback needs nothing of the folder") {
    Answers f;
    f.put("second");
    REQUIRE(f.reaches("answers", "active", 2));
    fs::remove(f.path("plugins/answer.so"));
    fs::remove(f.path("templates/answer.yaml"));
    REQUIRE(f.host->wait_for_err("no template of the namespace any more", kPatience));
    CHECK(f.answer() == 2);
    CHECK(f.run({"worker", "restart", "answers", "--wait"}).status.code == 1);
    CHECK(f.document({"worker", "rollback", "answers", "--to", "1", "--wait"})["state"] == "committed");
    CHECK(f.answer() == 1);
    f.end();
}

TEST_CASE("restart: what a template asks for in vain is told by worker status") {
    Answers f;
    f.write("templates/vain.yaml",
            "name: vain\nnamespace_name: answers\nversion: \"1.0.0\"\nsteps:\n"
            "  - name: give\n    handler:\n      callable: answer.gone\n");
    CHECK(eventually(kPatience, [&] {
        return f.document({"worker", "status"})["findings"].dump().find("answer.gone") != std::string::npos;
    }));
    f.end();
}

TEST_CASE("restart: a template that cannot be read keeps the one before; one that can takes its place") {
    Answers f;
    f.write("templates/answer.yaml", kAnswer + "  - name: [\n");
    // The folder is at rest and was looked at once the neighbour of the broken file is served.
    f.write("templates/other.yaml",
            "name: other\nnamespace_name: answers\nversion: \"1.0.0\"\nsteps:\n"
            "  - name: give\n    handler:\n      callable: answer.give\n");
    REQUIRE(f.reaches("answers", "active", 2));
    CHECK(f.answer() == 1);
    CHECK(f.document({"template", "list"}).dump().find("other") != std::string::npos);
    f.write("templates/answer.yaml",
            kAnswer + "  - name: again\n    handler:\n      callable: answer.give\n");
    REQUIRE(f.reaches("answers", "active", 3));
    const json task = f.document({"task", "create", "answer", "--wait"});
    CHECK(f.document({"task", "get", task["task_uuid"]})["steps"].size() == 2);
    f.end();
}

TEST_CASE("restart: a namespace that appears is served; the others notice nothing") {
    Answers f(std::vector<std::string>{});
    const pid_t old = f.worker_pid("answers");
    f.write("templates/new.yaml",
            "name: fresh\nnamespace_name: fresh\nversion: \"1.0.0\"\nidentity_strategy: always_unique\n"
            "steps:\n  - name: give\n    handler:\n      callable: answer.give\n");
    REQUIRE(f.reaches("fresh", "active", 1));
    CHECK(f.document({"task", "create", "fresh", "--wait"})["status"] == "complete");
    CHECK(f.worker_pid("answers") == old);
    CHECK(f.of("answers")["current"]["generation"] == 1);
    f.end();
}

TEST_CASE("restart: SIGHUP renews every namespace, a drained one starts again when it is resumed") {
    Supervised f;
    f.begin({"examples", "slow"});
    f.host->signal(SIGHUP);
    CHECK(f.reaches("examples", "active", 2));
    CHECK(f.reaches("slow", "active", 2));
    CHECK(f.run({"worker", "drain", "slow"}).status.code == 0);
    CHECK(f.reaches("slow", "idle"));
    Finished health;
    CHECK(eventually(kPatience, [&] {
        health = f.run({"system", "health"});
        return health.status.code == 1;
    }));
    CHECK_MESSAGE(health.out.find("namespace 'slow' has no worker") != std::string::npos, health.out);
    const std::string task = f.submit_slow("hold", "a");
    f.release("a");
    CHECK(f.document({"task", "get", task})["status"] != "complete");
    CHECK(f.run({"worker", "resume", "slow"}).status.code == 0);
    CHECK(f.document({"task", "wait", task})["status"] == "complete");
    f.end();
}

}  // namespace tasker::host::e2e
