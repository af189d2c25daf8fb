// The checker finds every planted fault, and nothing in sound evidence.

#include <doctest/doctest.h>
#include <sqlite3.h>

#include <fstream>
#include <functional>
#include <sstream>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

#include "tests/chaos/checker.hpp"
#include "tests/chaos/graph.hpp"
#include "tests/support/temp_dir.hpp"

namespace {

using namespace tasker::chaos;
using tasker::host::testing::TempDir;

std::string uuid(int task, int step) {
    return "00000000-0000-7000-8000-0000000" + std::to_string(10 + task) + "0" + std::to_string(10 + step);
}
std::string nonce(int task, int step) {
    std::string text = std::to_string(100 * task + step);
    return std::string(24 - text.size(), '0') + text;
}

// Evidence of three tasks that ran as they should; one step of the second was killed once, one of the third retried.
class Scene {
  public:
    static constexpr int kTasks = 3;

    Scene() {
        if (sqlite3_open((folder_ / "tasker.db").c_str(), &store_) != SQLITE_OK)
            throw std::runtime_error("sqlite3_open");
        sql("CREATE TABLE meta(k TEXT PRIMARY KEY, v); INSERT INTO meta VALUES('open', 0);"
            "CREATE TABLE task(task_id INTEGER PRIMARY KEY, state INTEGER);"
            "CREATE TABLE task_doc(task_id INTEGER PRIMARY KEY, context TEXT);"
            "CREATE TABLE step(step_id INTEGER PRIMARY KEY, task_id INTEGER, idx INTEGER, state INTEGER,"
            " attempts INTEGER, fence INTEGER, ready_seq INTEGER, due_ms INTEGER, parents_left INTEGER "
            "DEFAULT 0);"
            "CREATE TABLE attempt(attempt_id INTEGER PRIMARY KEY, event INTEGER, from_state INTEGER,"
            " to_state INTEGER, claimed_ms INTEGER, recorded_ms INTEGER, envelope TEXT)");
        for (int task = 1; task <= kTasks; ++task) add_task(task);
    }
    ~Scene() { sqlite3_close(store_); }
    Scene(const Scene&) = delete;
    Scene& operator=(const Scene&) = delete;

    void sql(const std::string& text) {
        char* error = nullptr;
        if (sqlite3_exec(store_, text.c_str(), nullptr, nullptr, &error) != SQLITE_OK) {
            const std::string message = error;
            sqlite3_free(error);
            throw std::runtime_error(message + ": " + text);
        }
    }
    static std::int64_t step_id(int task, int step) { return 10 * task + step; }
    static std::string attempt_id(int task, int step, int fence) {
        return std::to_string((step_id(task, step) << 22) | fence);
    }
    static std::string envelope(int task, int step, const std::string& run) {
        return R"({"step_uuid":")" + uuid(task, step) + R"(","task_uuid":"task-)" + std::to_string(task) +
               R"(","success":true,"result":{"nonce":")" + run + R"("}})";
    }
    void attempt(int task, int step, int fence, int event, const std::string& text) {
        const int to = event == 0 ? 6 : event <= 2 ? 5 : 1;
        sql("INSERT INTO attempt VALUES(" + attempt_id(task, step, fence) + "," + std::to_string(event) +
            ",2," + std::to_string(to) + "," + std::to_string(100 * fence) + "," +
            std::to_string(100 * fence + 50) + ",'" + text + "')");
    }
    static std::string line(int task, int step, int attempt, const std::string& what,
                            const std::string& run) {
        return uuid(task, step) + ' ' + std::to_string(attempt) + " 77 " + what + ' ' + run;
    }

    Verdict judge() {
        std::string text;
        for (const std::string& entry : ledger) text += entry + '\n';
        Evidence evidence{folder_ / "tasker.db", folder_.write("ledger", text), submissions, 1, 1};
        return check(evidence);
    }

    std::vector<std::string> ledger;
    Submissions submissions;

  private:
    void add_task(int task) {
        const std::string id = std::to_string(task);
        submissions.accepted["k" + id] = "task-" + id;
        sql("INSERT INTO task VALUES(" + id + ", 8); INSERT INTO task_doc VALUES(" + id + ", '{\"key\":\"k" +
            id + "\"}')");
        for (int step = 0; step < static_cast<int>(graph().size()); ++step) add_step(task, step);
    }
    void add_step(int task, int step) {
        const bool killed = task == 2 && step == 1, retried = task == 3 && step == 3;
        const int fence = killed ? 3 : retried ? 2 : 1;  // what was taken away raised it once more
        if (killed) {
            ledger.push_back(line(task, step, 1, "begin", std::string(24, 'a')));
            attempt(task, step, 1, 3, "");
        }
        if (retried) {
            ledger.push_back(line(task, step, 1, "begin", std::string(24, 'b')));
            ledger.push_back(line(task, step, 1, "fail", std::string(24, 'b')));
            attempt(task, step, 1, 1, "{}");
        }
        sql("INSERT INTO step(step_id, task_id, idx, state, attempts, fence) VALUES(" +
            std::to_string(step_id(task, step)) + "," + std::to_string(task) + "," + std::to_string(step) +
            ",6," + std::to_string(retried ? 2 : 1) + "," + std::to_string(fence) + ")");
        attempt(task, step, fence, 0, envelope(task, step, nonce(task, step)));
        ledger.push_back(line(task, step, retried ? 2 : 1, "begin", nonce(task, step)));
        ledger.push_back(line(task, step, retried ? 2 : 1, "end", nonce(task, step)));
    }

    TempDir folder_;
    sqlite3* store_ = nullptr;
};

struct Mutant {
    const char* what;
    const char* rule;  // that must be named
    std::function<void(Scene&)> plant;
};

void replace(std::vector<std::string>& lines, const std::string& from, const std::string& to) {
    for (std::string& line : lines) {
        if (line == from) {
            line = to;
            return;
        }
    }
    throw std::runtime_error("no line " + from);
}
void erase(std::vector<std::string>& lines, const std::string& line) {
    const auto before = lines.size();
    std::erase(lines, line);
    if (lines.size() == before) throw std::runtime_error("no line " + line);
}

const std::vector<Mutant>& mutants() {
    using S = Scene;
    static const std::vector<Mutant> kMutants{
        {"an acknowledged task is gone", "lost",
         [](S& s) {
             s.sql(
                 "DELETE FROM step WHERE task_id = 1; DELETE FROM task WHERE task_id = 1; DELETE FROM "
                 "attempt WHERE attempt_id >> 22 BETWEEN 10 AND 14");
         }},
        {"only the row of a task is gone", "lost",
         [](S& s) { s.sql("DELETE FROM task WHERE task_id = 1; DELETE FROM task_doc WHERE task_id = 1"); }},
        {"an acknowledged task has another UUID", "lost",
         [](S& s) { s.submissions.accepted["k2"] = "task-9"; }},
        {"a step's row is gone", "lost",
         [](S& s) {
             s.sql("DELETE FROM step WHERE step_id = 14; DELETE FROM attempt WHERE attempt_id >> 22 = 14");
         }},
        {"a task that nobody submitted", "twice", [](S& s) { s.submissions.accepted.erase("k3"); }},
        {"a submission stored twice", "twice",
         [](S& s) {
             s.sql("UPDATE task_doc SET context = '{\"key\":\"k1\"}' WHERE task_id = 2");
             s.submissions.accepted.erase("k2");
         }},
        {"a task that is not finished", "terminal",
         [](S& s) { s.sql("UPDATE task SET state = 3 WHERE task_id = 1"); }},
        {"a step that is not finished", "terminal",
         [](S& s) { s.sql("UPDATE step SET state = 2 WHERE step_id = 12"); }},
        {"a step without a result", "once",
         [](S& s) { s.sql("DELETE FROM attempt WHERE attempt_id = " + S::attempt_id(1, 2, 1)); }},
        {"two results of a step", "once",
         [](S& s) { s.attempt(1, 2, 2, 0, S::envelope(1, 2, nonce(1, 2))); }},
        {"a result that is a failure", "once",
         [](S& s) {
             s.sql("UPDATE attempt SET envelope = replace(envelope, 'true', 'false') WHERE attempt_id = " +
                   S::attempt_id(1, 2, 1));
         }},
        {"a result of another task", "once",
         [](S& s) {
             s.sql("UPDATE attempt SET envelope = replace(envelope, 'task-1', 'task-2') WHERE attempt_id = " +
                   S::attempt_id(1, 2, 1));
         }},
        {"a result that no run came to", "nonce",
         [](S& s) {
             s.sql("UPDATE attempt SET envelope = '" + S::envelope(1, 2, std::string(24, 'f')) +
                   "' WHERE attempt_id = " + S::attempt_id(1, 2, 1));
         }},
        {"a result of a run that was killed", "nonce",
         [](S& s) {
             s.sql("UPDATE attempt SET envelope = '" + S::envelope(2, 1, std::string(24, 'a')) +
                   "' WHERE attempt_id = " + S::attempt_id(2, 1, 3));
         }},
        {"a result of another step", "nonce",
         [](S& s) {
             s.sql("UPDATE attempt SET envelope = '" + S::envelope(1, 2, nonce(1, 1)) +
                   "' WHERE attempt_id = " + S::attempt_id(1, 2, 1));
         }},
        {"two steps with one UUID", "nonce",
         [](S& s) {
             s.sql("UPDATE attempt SET envelope = '" + S::envelope(1, 1, nonce(1, 2)) +
                   "' WHERE attempt_id = " + S::attempt_id(1, 2, 1));
         }},
        {"a step that began before its parent had ended", "order",
         [](S& s) {
             erase(s.ledger, S::line(1, 3, 1, "begin", nonce(1, 3)));
             s.ledger.insert(s.ledger.begin() + 3, S::line(1, 3, 1, "begin", nonce(1, 3)));
         }},
        {"a killed run that began before its parent had ended", "order",
         [](S& s) { s.ledger.insert(s.ledger.begin(), S::line(1, 4, 1, "begin", std::string(24, 'c'))); }},
        {"more attempts than allowed", "attempts",
         [](S& s) { s.sql("UPDATE step SET attempts = 4 WHERE step_id = 12"); }},
        {"a killed run that was charged", "attempts",
         [](S& s) { s.sql("UPDATE step SET attempts = 2 WHERE step_id = 21"); }},
        {"a retry that was not charged", "attempts",
         [](S& s) { s.sql("UPDATE step SET attempts = 1 WHERE step_id = 33"); }},
        {"a run told that it is the fourth attempt", "attempts",
         [](S& s) {
             replace(s.ledger, S::line(1, 4, 1, "begin", nonce(1, 4)),
                     S::line(1, 4, 4, "begin", nonce(1, 4)));
         }},
        {"two runs at the same time", "overlap",
         [](S& s) { s.ledger.push_back(S::line(2, 1, 1, "end", std::string(24, 'a'))); }},
        {"an end without a begin", "overlap",
         [](S& s) { erase(s.ledger, S::line(1, 4, 1, "begin", nonce(1, 4))); }},
        {"a run that ended twice", "ledger",
         [](S& s) { s.ledger.push_back(S::line(1, 4, 1, "end", nonce(1, 4))); }},
        {"more torn lines than kills", "ledger",
         [](S& s) {
             s.ledger.push_back("0000 1 7");
             s.ledger.push_back("0000 1");
         }},
        {"a history that goes on after the result", "history", [](S& s) { s.attempt(1, 2, 3, 4, ""); }},
        {"an answer before its claim", "history",
         [](S& s) {
             s.sql("UPDATE attempt SET claimed_ms = 300 WHERE attempt_id = " + S::attempt_id(1, 2, 1));
         }},
        {"an attempt of no step", "history", [](S& s) { s.attempt(9, 9, 1, 3, ""); }},
        {"more runs than kills explain", "duplicates",
         [](S& s) {
             s.ledger.insert(s.ledger.begin() + 8, S::line(1, 4, 1, "begin", std::string(24, 'd')));
         }},
        {"a lost claim that left no trace", "fences",
         [](S& s) { s.sql("DELETE FROM attempt WHERE event = 3"); }},
        {"a step whose fence moved on", "fences",
         [](S& s) { s.sql("UPDATE step SET fence = fence + 5 WHERE step_id = 12"); }},
        {"a move that is not legal", "transition",
         [](S& s) {
             s.sql("UPDATE attempt SET from_state = 6, to_state = 0 WHERE attempt_id = " +
                   S::attempt_id(1, 2, 1));
         }},
        {"a lost claim that says it was a retry", "transition",
         [](S& s) { s.sql("UPDATE attempt SET to_state = 5 WHERE event = 3"); }},
        {"a claim before the last one was given up", "leases",
         [](S& s) { s.sql("UPDATE attempt SET recorded_ms = 60000 WHERE event = 3"); }},
        {"a complete step that is still ready", "leftover",
         [](S& s) { s.sql("UPDATE step SET ready_seq = 7 WHERE step_id = 12"); }},
        {"a complete step with a timer", "leftover",
         [](S& s) { s.sql("UPDATE step SET due_ms = 7 WHERE step_id = 12"); }},
        {"a complete step that waits for a parent", "leftover",
         [](S& s) { s.sql("UPDATE step SET parents_left = 1 WHERE step_id = 12"); }},
        {"a store that was not closed", "closed", [](S& s) { s.sql("UPDATE meta SET v = 1"); }},
        {"an index that disagrees with its table", "integrity",
         [](S& s) {
             s.sql(
                 "CREATE INDEX step_task ON step(task_id); PRAGMA writable_schema = 1;"
                 "UPDATE sqlite_schema SET sql = 'CREATE INDEX step_task ON step(idx)' WHERE name = "
                 "'step_task'");
         }},
    };
    return kMutants;
}

}  // namespace

TEST_CASE("sound evidence has no faults") {
    Scene scene;
    const Verdict verdict = scene.judge();
    for (const std::string& fault : verdict.faults) FAIL_CHECK(fault);
    CHECK(verdict.tasks == Scene::kTasks);
    CHECK(verdict.steps == 15);
    CHECK(verdict.runs == 17);
    CHECK(verdict.extra_runs == 1);
    CHECK(verdict.lost_claims == 1);
    CHECK(verdict.retries == 1);
}

TEST_CASE("a submission whose answer was lost may be there or not") {
    Scene scene;
    scene.submissions.accepted.erase("k3");
    scene.submissions.maybe = {"k3", "k4"};
    CHECK(scene.judge().faults.empty());
}

TEST_CASE("every planted fault is found, under the name of the rule that it breaks") {
    for (const Mutant& mutant : mutants()) {
        Scene scene;
        mutant.plant(scene);
        const Verdict verdict = scene.judge();
        bool named = false;
        std::string all;
        for (const std::string& fault : verdict.faults) {
            named = named || fault.rfind(std::string(mutant.rule) + ":", 0) == 0;
            all += fault + "\n";
        }
        CHECK_MESSAGE(named, mutant.what, ": expected a fault of '", mutant.rule, "', got:\n", all);
    }
}
