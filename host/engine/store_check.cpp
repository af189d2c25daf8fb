#include "host/engine/store_check.hpp"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <system_error>
#include <utility>

#include "host/engine/store_file.hpp"
#include "host/engine/task_graph.hpp"
#include "host/model/states.hpp"

namespace tasker::host {

namespace {
constexpr std::size_t kMaxFaults = 100;

struct Rule {
    const char* fault;  // shown with the row id
    const char* query;  // rows that break it
};

constexpr Rule kRules[] = {
    {"step without its task: step row ",
     "SELECT step_id FROM step s WHERE NOT EXISTS (SELECT 1 FROM task t WHERE t.task_id = s.task_id)"},
    {"task without its document: task row ",
     "SELECT task_id FROM task t WHERE NOT EXISTS (SELECT 1 FROM task_doc d WHERE d.task_id = t.task_id)"},
    {"task without its template: task row ",
     "SELECT task_id FROM task t WHERE NOT EXISTS (SELECT 1 FROM template p WHERE p.template_id = "
     "t.template_id)"},
    {"step without its lane: step row ",
     "SELECT step_id FROM step s WHERE NOT EXISTS (SELECT 1 FROM lane l WHERE l.lane_id = s.lane)"},
    {"enqueued step without a place: step row ",
     "SELECT step_id FROM step WHERE state = 1 AND ready_seq IS NULL"},
    {"complete step without a result: step row ",
     "SELECT step_id FROM step s WHERE state = 6 AND NOT EXISTS (SELECT 1 FROM attempt a WHERE a.attempt_id "
     "= (s.step_id << 22 | s.fence) AND a.event IN (0, 11) AND a.envelope IS NOT NULL)"},
    {"step that ran before its parents: step row ",
     "SELECT step_id FROM step s WHERE state IN (1, 2, 5, 6) AND parents_left <> 0 AND NOT EXISTS (SELECT 1 "
     "FROM "
     "attempt a WHERE a.attempt_id = (s.step_id << 22 | s.fence) AND a.event = 11)"},  // not by hand
    {"complete task with an open step: task row ",
     "SELECT task_id FROM task t WHERE state = 8 AND EXISTS (SELECT 1 FROM step s WHERE s.step_id >= "
     "t.first_step AND s.task_id = t.task_id AND s.state NOT IN (6, 9) AND s.step_id < t.first_step + "
     "10000)"},
    {"made step without its row: task row ",
     "SELECT task_id FROM made_step m WHERE NOT EXISTS (SELECT 1 FROM step s WHERE s.step_id = m.step_id AND "
     "s.task_id = m.task_id AND s.idx = m.idx)"},
    {"complete task with an open made step: task row ",
     "SELECT DISTINCT m.task_id FROM made_step m JOIN step s USING(step_id) JOIN task t ON t.task_id = "
     "m.task_id "
     "WHERE t.state = 8 AND s.state NOT IN (6, 9)"},
    {"checkpoint without its step, or of a complete one: step row ",
     "SELECT step_id FROM step_checkpoint c WHERE NOT EXISTS (SELECT 1 FROM step s WHERE s.step_id = "
     "c.step_id "
     "AND s.checkpoints > 0 AND s.state NOT IN (6, 9))"},
    {"task without its place in the index of identities: task row ",
     "SELECT task_id FROM task t WHERE identity IS NOT NULL AND task_id <= coalesce((SELECT v FROM meta "
     "WHERE "
     "k = 'identities_upto'), 0) AND NOT EXISTS (SELECT 1 FROM task_identity i WHERE i.prefix = "
     "t.identity_prefix AND i.task_id = t.task_id)"},
    {"two tasks of one identity: task row ",
     "SELECT max(task_id) FROM task WHERE identity IS NOT NULL GROUP BY identity HAVING count(*) > 1"},
    {"task with the identity of a pruned one: task row ",
     "SELECT t.task_id FROM task t JOIN pruned_identity p ON p.identity = t.identity"},
    {"pruned task that is there: task row ",
     "SELECT task_id FROM pruned_identity p WHERE EXISTS (SELECT 1 FROM task t WHERE t.task_id = p.task_id)"},
    {"attempt without its step: attempt row ",
     "SELECT attempt_id FROM attempt a WHERE NOT EXISTS (SELECT 1 FROM step s WHERE s.step_id = a.attempt_id "
     ">> 22)"},
    {"dead letter entry without its task: entry row ",
     "SELECT dlq_id FROM dlq d WHERE NOT EXISTS (SELECT 1 FROM task t WHERE t.task_id = d.task_id)"},
};

void check_rules(SqlConnection& reader, std::vector<std::string>& faults) {
    for (const Rule& rule : kRules) {
        Statement select = reader.prepare(rule.query);
        for (auto rows = select.query(); rows.next() && faults.size() < kMaxFaults;) {
            faults.push_back(rule.fault + std::to_string(rows.integer(0)));
        }
    }
}

// parents_left must be what the edges and the states of the parents say.
class ParentCheck {
  public:
    ParentCheck(SqlConnection& reader, std::vector<std::string>& faults)
        : reader_(reader),
          faults_(faults),
          at_submission_(
              reader.prepare("SELECT state, parents_left, step_id FROM step WHERE step_id BETWEEN ? "
                             "AND ? ORDER BY step_id")),
          later_(reader.prepare("SELECT s.state, s.parents_left, s.step_id FROM made_step m JOIN step s "
                                "USING(step_id) WHERE m.task_id = ? ORDER BY m.idx")) {}

    void check(std::int64_t task_id, std::int64_t first_step, const TaskTemplate& definition) {
        const auto graph = graph_of(reader_, task_id, first_step, definition);
        const std::size_t initial = graph ? graph->initial() : definition.steps.size();
        const std::size_t count = graph ? graph->size() : initial;
        steps_.clear();
        read(at_submission_.query(first_step, first_step + static_cast<std::int64_t>(initial) - 1));
        if (count > initial) read(later_.query(task_id));
        if (steps_.size() != count) {
            faults_.push_back("task without all of its steps: task row " + std::to_string(task_id));
            return;
        }
        for (std::size_t i = 0; i < count && faults_.size() < kMaxFaults; ++i) {
            const std::int64_t left =
                graph ? open_of((*graph)[i].parents) : open_of(definition.steps[i].dependency_ids);
            if (left != steps_[i].parents_left) {
                faults_.push_back("step with a wrong number of open parents: step row " +
                                  std::to_string(steps_[i].id));
            }
        }
    }

  private:
    struct Row {
        StepState state;
        std::int64_t parents_left, id;
    };
    void read(Statement::Rows rows) {
        while (rows.next())
            steps_.push_back({static_cast<StepState>(rows.integer(0)), rows.integer(1), rows.integer(2)});
    }
    template <class Ordinals>
    std::int64_t open_of(const Ordinals& parents) const {
        return std::ranges::count_if(
            parents, [&](std::size_t parent) { return !satisfies_children(steps_[parent].state); });
    }

    SqlConnection& reader_;
    std::vector<std::string>& faults_;
    Statement at_submission_, later_;
    std::vector<Row> steps_;
};

void check_parents(SqlConnection& reader, PinnedTemplates& pinned, std::vector<std::string>& faults) {
    Statement tasks = reader.prepare("SELECT task_id, template_id, first_step FROM task");
    ParentCheck check(reader, faults);
    for (auto rows = tasks.query(); rows.next() && faults.size() < kMaxFaults;) {
        try {
            const auto definition = pinned.definition(reader, rows.integer(1));
            check.check(rows.integer(0), rows.integer(2), *definition);
        } catch (const SqlError&) {
            throw;
        } catch (const Error& error) {
            faults.push_back("task row " + std::to_string(rows.integer(0)) + ": " + error.what());
        }
    }
}
}  // namespace

std::vector<std::string> check_store(SqlConnection& reader, PinnedTemplates& pinned) {
    std::vector<std::string> faults;
    try {
        reader.exec("BEGIN");
        Statement integrity = reader.prepare("PRAGMA integrity_check(100)");
        for (auto rows = integrity.query(); rows.next();) {
            if (rows.text(0) != "ok") faults.emplace_back(rows.text(0));
        }
        check_rules(reader, faults);
        check_parents(reader, pinned, faults);
    } catch (const SqlError& error) {
        faults.emplace_back(error.what());
    }
    if (reader.in_transaction()) reader.exec("ROLLBACK");
    return faults;
}

void backup_store(SqlConnection& reader, const std::filesystem::path& target) {
    const std::string shown = "'" + target.string() + "'";
    // Made here and exclusively, so that an existing file is never overwritten.
    const int fd = open(target.c_str(), O_CREAT | O_EXCL | O_WRONLY | O_CLOEXEC, 0600);
    if (fd < 0)
        throw Error("cannot write the backup " + shown + ": " + std::strerror(errno),
                    "choose a new file name");
    close(fd);
    try {
        SqlConnection copy(target, SqlConnection::Mode::ReadWrite);
        copy_database(reader, copy);
        mark_closed(copy);
        copy.exec("PRAGMA wal_checkpoint(TRUNCATE)");
    } catch (const SqlError& error) {
        std::error_code ignored;
        for (const char* suffix : {"", "-wal", "-journal"})
            std::filesystem::remove(target.string() + suffix, ignored);
        throw Error("cannot write the backup " + shown + ": " + error.what(),
                    "check the free space of its folder");
    }
    std::error_code ignored;
    std::filesystem::remove(wal_path(target), ignored);
}

}  // namespace tasker::host
