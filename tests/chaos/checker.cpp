#include "tests/chaos/checker.hpp"

#include <sqlite3.h>

#include <algorithm>
#include <fstream>
#include <functional>
#include <memory>
#include <nlohmann/json.hpp>
#include <set>
#include <sstream>
#include <stdexcept>

#include "tests/chaos/graph.hpp"

namespace tasker::chaos {

namespace {

using Json = nlohmann::json;

// As stored: model/states and the engine's attempt events, told here once more on purpose.
constexpr std::int64_t kTaskComplete = 8;
constexpr std::int64_t kStepComplete = 6;
constexpr std::int64_t kStepReady = 1, kStepRunning = 2, kStepWaiting = 5;
constexpr std::int64_t kSucceeded = 0, kFailed = 1, kTimedOut = 2, kWorkerLost = 3, kHandedBack = 4;
// A lost one that ran; it may have to wait.
constexpr std::int64_t kLostRunning = 12;
constexpr std::int64_t kFenceBits = 22;

class Database {
  public:
    explicit Database(const std::filesystem::path& path) {
        const int code = sqlite3_open_v2(path.c_str(), &handle_, SQLITE_OPEN_READONLY, nullptr);
        if (code != SQLITE_OK) {
            sqlite3_close(handle_);
            throw std::runtime_error("the store cannot be opened: " + path.string());
        }
    }
    ~Database() { sqlite3_close(handle_); }
    Database(const Database&) = delete;
    Database& operator=(const Database&) = delete;

    // Calls `row` with the statement for each row.
    void query(const std::string& sql, const std::function<void(sqlite3_stmt*)>& row) {
        sqlite3_stmt* raw = nullptr;
        if (sqlite3_prepare_v2(handle_, sql.c_str(), -1, &raw, nullptr) != SQLITE_OK) {
            throw std::runtime_error(std::string(sqlite3_errmsg(handle_)) + ": " + sql);
        }
        const std::unique_ptr<sqlite3_stmt, int (*)(sqlite3_stmt*)> statement(raw, sqlite3_finalize);
        int code = 0;
        while ((code = sqlite3_step(raw)) == SQLITE_ROW) row(raw);
        if (code != SQLITE_DONE) throw std::runtime_error(std::string(sqlite3_errmsg(handle_)) + ": " + sql);
    }

  private:
    sqlite3* handle_ = nullptr;
};

std::string text(sqlite3_stmt* row, int column) {
    const auto* bytes = reinterpret_cast<const char*>(sqlite3_column_text(row, column));
    return bytes == nullptr ? std::string{}
                            : std::string(bytes, static_cast<std::size_t>(sqlite3_column_bytes(row, column)));
}

struct LedgerLine {
    std::size_t at = 0;  // order in the file
    std::string step;
    int attempt = 0;
    int pid = 0;
    std::string what, nonce;
};

struct Attempt {
    std::int64_t fence = 0, event = 0, from = 0, to = 0, claimed_ms = 0, recorded_ms = 0;
    bool has_claim_time = false;
    std::string envelope;
};
struct StepRow {
    std::int64_t id = 0, index = 0, state = 0, attempts = 0, fence = 0;
    bool unfinished_business = false;  // a place in the ready index, a timer, an open parent
    std::vector<Attempt> history;
    std::string uuid, nonce;  // of the recorded result
};
struct TaskRow {
    std::int64_t state = 0;
    std::string key, uuid;
    std::vector<StepRow> steps;
};

class Checker {
  public:
    explicit Checker(const Evidence& evidence) : evidence_(evidence) {}

    Verdict run() {
        read_ledger();
        read_store();
        for (auto& [id, task] : tasks_) {
            const std::string where = "task " + std::to_string(id);
            for (StepRow& step : task.steps) {
                const std::string which = where + " step " + std::to_string(step.index);
                check_result(task, step, which);
                check_history(step, which);
            }
            check_task(task, where);
        }
        check_submissions();
        for (const auto& [id, task] : tasks_) check_order(task, "task " + std::to_string(id));
        check_runs();
        return std::move(verdict_);
    }

  private:
    void fault(const std::string& rule, const std::string& text) {
        verdict_.faults.push_back(rule + ": " + text);
    }

    void read_ledger() {
        std::ifstream file(evidence_.ledger);
        std::string line;
        std::int64_t torn = 0;
        while (std::getline(file, line)) {
            if (line.empty()) continue;
            LedgerLine entry;
            std::istringstream words(line);
            words >> entry.step >> entry.attempt >> entry.pid >> entry.what >> entry.nonce;
            const bool known = entry.what == "begin" || entry.what == "end" || entry.what == "fail";
            if (!words || !known || entry.nonce.size() != 24) {
                // A kill may tear one write, not more.
                if (++torn > evidence_.kills) fault("ledger", "a line that no handler wrote: '" + line + "'");
                continue;
            }
            entry.at = ledger_.size();
            ledger_.push_back(entry);
        }
        for (const LedgerLine& entry : ledger_) {
            by_step_[entry.step].push_back(&entry);
            if (entry.what == "end" && !ends_.emplace(entry.nonce, &entry).second) {
                fault("ledger", "the nonce " + entry.nonce + " ends twice");
            }
        }
    }

    void read_store() {
        Database store(evidence_.store);
        store.query("PRAGMA integrity_check", [&](sqlite3_stmt* row) {
            if (text(row, 0) != "ok") fault("integrity", text(row, 0));
        });
        store.query("SELECT v FROM meta WHERE k = 'open'", [&](sqlite3_stmt* row) {
            if (sqlite3_column_int64(row, 0) != 0) fault("closed", "the store was not closed properly");
        });
        store.query("SELECT t.task_id, t.state, d.context FROM task t LEFT JOIN task_doc d USING(task_id)",
                    [&](sqlite3_stmt* row) {
                        TaskRow& task = tasks_[sqlite3_column_int64(row, 0)];
                        task.state = sqlite3_column_int64(row, 1);
                        const Json context = Json::parse(text(row, 2), nullptr, false);
                        if (context.is_object()) task.key = context.value("key", std::string{});
                    });
        std::map<std::int64_t, std::pair<std::int64_t, std::size_t>> place;
        store.query(
            "SELECT step_id, task_id, idx, state, attempts, fence, ready_seq IS NOT NULL OR due_ms IS NOT "
            "NULL "
            "OR parents_left <> 0 FROM step ORDER BY task_id, idx",
            [&](sqlite3_stmt* row) {
                const std::int64_t task = sqlite3_column_int64(row, 1);
                StepRow step;
                step.id = sqlite3_column_int64(row, 0);
                step.index = sqlite3_column_int64(row, 2);
                step.state = sqlite3_column_int64(row, 3);
                step.attempts = sqlite3_column_int64(row, 4);
                step.fence = sqlite3_column_int64(row, 5);
                step.unfinished_business = sqlite3_column_int64(row, 6) != 0;
                if (tasks_.count(task) == 0)
                    fault("lost", "step " + std::to_string(step.id) + " has no task");
                place[step.id] = {task, tasks_[task].steps.size()};
                tasks_[task].steps.push_back(std::move(step));
            });
        store.query(
            "SELECT attempt_id, event, claimed_ms, recorded_ms, envelope, from_state, to_state FROM attempt "
            "ORDER BY attempt_id",
            [&](sqlite3_stmt* row) {
                const std::int64_t id = sqlite3_column_int64(row, 0);
                const auto found = place.find(id >> kFenceBits);
                if (found == place.end())
                    return fault("history", "attempt " + std::to_string(id) + " has no step");
                Attempt attempt;
                attempt.fence = id & ((std::int64_t{1} << kFenceBits) - 1);
                attempt.event = sqlite3_column_int64(row, 1);
                attempt.has_claim_time = sqlite3_column_type(row, 2) != SQLITE_NULL;
                attempt.claimed_ms = sqlite3_column_int64(row, 2);
                attempt.recorded_ms = sqlite3_column_int64(row, 3);
                attempt.envelope = text(row, 4);
                attempt.from = sqlite3_column_int64(row, 5);
                attempt.to = sqlite3_column_int64(row, 6);
                tasks_[found->second.first].steps[found->second.second].history.push_back(std::move(attempt));
            });
    }

    // Every claim left its mark: fences without a gap, legal moves, one claim after the other.
    void check_history(const StepRow& step, const std::string& where) {
        if (step.unfinished_business)
            fault("leftover", where + " is complete but still has a place, a timer or a parent");
        std::int64_t next_fence = 1, free_since_ms = 0;
        for (const Attempt& attempt : step.history) {
            if (attempt.fence != next_fence) {
                fault("fences", where + " was claimed under fence " + std::to_string(attempt.fence) +
                                    ", expected " + std::to_string(next_fence));
            }
            // What is taken away raises the fence itself, so that the holder's answer is refused.
            const bool taken = attempt.event == kTimedOut || attempt.event == kWorkerLost ||
                               attempt.event == kLostRunning || attempt.event == kHandedBack;
            next_fence = attempt.fence + (taken ? 2 : 1);
            if (attempt.has_claim_time && attempt.claimed_ms < free_since_ms)
                fault("leases", where + " was claimed while it was still held");
            free_since_ms = attempt.recorded_ms;
            const std::int64_t to = attempt.event == kSucceeded                              ? kStepComplete
                                    : attempt.event == kFailed || attempt.event == kTimedOut ? kStepWaiting
                                    : attempt.event == kWorkerLost || attempt.event == kHandedBack
                                        ? kStepReady
                                        : -1;
            const bool legal = attempt.event == kLostRunning
                                   ? attempt.to == kStepReady || attempt.to == kStepWaiting
                                   : attempt.to == to;
            if (attempt.from != kStepRunning || !legal) {
                fault("transition", where + " went from state " + std::to_string(attempt.from) + " to " +
                                        std::to_string(attempt.to) + " at event " +
                                        std::to_string(attempt.event));
            }
        }
        if (!step.history.empty() && step.fence != step.history.back().fence)
            fault("fences", where + " ends under fence " + std::to_string(step.fence));
    }

    // Exactly one recorded result, made by exactly one run that came to its end.
    void check_result(TaskRow& task, StepRow& step, const std::string& where) {
        if (step.state != kStepComplete)
            fault("terminal", where + " is in state " + std::to_string(step.state));
        const Attempt* success = nullptr;
        std::int64_t charged = 0;
        for (const Attempt& attempt : step.history) {
            if (attempt.has_claim_time && attempt.recorded_ms < attempt.claimed_ms) {
                fault("history", where + " was answered before it was claimed");
            }
            if (attempt.event == kFailed) ++verdict_.retries;
            if (attempt.event == kWorkerLost || attempt.event == kLostRunning) ++verdict_.lost_claims;
            if (attempt.event == kSucceeded || attempt.event == kFailed || attempt.event == kTimedOut)
                ++charged;
            if (attempt.event != kSucceeded) continue;
            if (success != nullptr) fault("once", where + " has two recorded results");
            success = &attempt;
        }
        if (step.attempts > kMaxAttempts) fault("attempts", where + " used " + std::to_string(step.attempts));
        if (step.attempts != charged) {
            fault("attempts", where + " is charged " + std::to_string(step.attempts) +
                                  " attempts, its history says " + std::to_string(charged));
        }
        if (success == nullptr) return fault("once", where + " has no recorded result");
        if (success->fence != step.history.back().fence)
            fault("history", where + " goes on after its result");
        const Json envelope = Json::parse(success->envelope, nullptr, false);
        if (!envelope.is_object() || !envelope.value("success", false)) {
            return fault("once", where + " has a result that is no success");
        }
        step.uuid = envelope.value("step_uuid", std::string{});
        const std::string task_uuid = envelope.value("task_uuid", std::string{});
        if (task.uuid.empty()) task.uuid = task_uuid;
        if (task.uuid != task_uuid) fault("once", where + " has the result of another task");
        const auto result = envelope.find("result");
        if (result != envelope.end() && result->is_object())
            step.nonce = result->value("nonce", std::string{});
        const auto end = ends_.find(step.nonce);
        if (end == ends_.end()) return fault("nonce", where + " has a result that no run came to");
        if (end->second->step != step.uuid) fault("nonce", where + " has the result of another step");
        if (!used_.insert(step.nonce).second) fault("nonce", where + " shares its result with another step");
        if (!step_uuids_.insert(step.uuid).second)
            fault("nonce", where + " shares its UUID with another step");
    }

    void check_task(const TaskRow& task, const std::string& where) {
        ++verdict_.tasks;
        verdict_.steps += static_cast<std::int64_t>(task.steps.size());
        if (task.state != kTaskComplete)
            fault("terminal", where + " is in state " + std::to_string(task.state));
        if (task.steps.size() != graph().size()) {
            return fault("lost", where + " has " + std::to_string(task.steps.size()) + " steps");
        }
        for (std::size_t i = 0; i < task.steps.size(); ++i) {
            if (task.steps[i].index != static_cast<std::int64_t>(i))
                fault("lost", where + " misses step " + std::to_string(i));
        }
    }

    void check_submissions() {
        std::map<std::string, const TaskRow*> by_key;
        for (const auto& [id, task] : tasks_) {
            if (!by_key.emplace(task.key, &task).second)
                fault("twice", "the submission '" + task.key + "' is stored twice");
        }
        for (const auto& [key, uuid] : evidence_.submissions.accepted) {
            const auto found = by_key.find(key);
            if (found == by_key.end()) {
                fault("lost", "the acknowledged task " + uuid + " is not in the store");
            } else if (found->second->uuid != uuid) {
                fault("lost", "the task of '" + key + "' has another UUID than was acknowledged");
            }
        }
        std::set<std::string> known(evidence_.submissions.maybe.begin(), evidence_.submissions.maybe.end());
        for (const auto& [key, uuid] : evidence_.submissions.accepted) known.insert(key);
        for (const auto& [key, task] : by_key) {
            if (known.count(key) == 0) fault("twice", "nobody submitted the task '" + key + "'");
        }
    }

    // No run of a step began before the recorded run of each of its parents had ended.
    void check_order(const TaskRow& task, const std::string& where) {
        if (task.steps.size() != graph().size()) return;
        for (std::size_t i = 0; i < task.steps.size(); ++i) {
            const auto runs = by_step_.find(task.steps[i].uuid);
            if (runs == by_step_.end()) continue;
            for (const std::size_t parent : graph()[i].parents) {
                const auto end = ends_.find(task.steps[parent].nonce);
                if (end == ends_.end()) continue;
                for (const LedgerLine* line : runs->second) {
                    if (line->what == "begin" && line->at < end->second->at) {
                        fault("order", where + ": " + std::string(graph()[i].name) + " began before " +
                                           std::string(graph()[parent].name) + " had ended");
                    }
                }
            }
        }
    }

    void check_runs() {
        for (const auto& [uuid, lines] : by_step_) {
            // A run without an end was killed; the next one must belong to a later claim.
            std::string open;
            std::set<std::string> abandoned;
            for (const LedgerLine* line : lines) {
                if (line->attempt < 1 || line->attempt > kMaxAttempts) {
                    fault("attempts",
                          "step " + uuid + " was run as attempt " + std::to_string(line->attempt));
                }
                if (line->what == "begin") {
                    ++verdict_.runs;
                    if (!open.empty()) abandoned.insert(open);
                    open = line->nonce;
                } else if (line->nonce == open) {
                    open.clear();
                } else {
                    fault("overlap", abandoned.count(line->nonce) != 0
                                         ? "two runs of step " + uuid + " overlapped"
                                         : "step " + uuid + " ended a run that did not begin");
                }
            }
        }
        verdict_.extra_runs = verdict_.runs - verdict_.steps - verdict_.retries;
        if (verdict_.extra_runs > evidence_.kills * evidence_.slots) {
            fault("duplicates", std::to_string(verdict_.extra_runs) + " runs too many for " +
                                    std::to_string(evidence_.kills) + " kills");
        }
    }

    const Evidence& evidence_;
    Verdict verdict_;
    std::vector<LedgerLine> ledger_;
    std::map<std::string, std::vector<const LedgerLine*>> by_step_;
    std::map<std::string, const LedgerLine*> ends_;  // by nonce
    std::map<std::int64_t, TaskRow> tasks_;
    std::set<std::string> used_, step_uuids_;
};

}  // namespace

Verdict check(const Evidence& evidence) { return Checker(evidence).run(); }

}  // namespace tasker::chaos
