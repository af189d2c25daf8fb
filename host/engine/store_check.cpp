#include "host/engine/store_check.hpp"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <system_error>
#include <utility>

#include "host/engine/store_file.hpp"
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
     "= (s.step_id << 22 | s.fence) AND a.event = 0 AND a.envelope IS NOT NULL)"},
    {"step that ran before its parents: step row ",
     "SELECT step_id FROM step WHERE state IN (1, 2, 5, 6) AND parents_left <> 0"},
    {"complete task with an open step: task row ",
     "SELECT task_id FROM task t WHERE state = 8 AND EXISTS (SELECT 1 FROM step s WHERE s.step_id >= "
     "t.first_step AND s.task_id = t.task_id AND s.state NOT IN (6, 9) AND s.step_id < t.first_step + "
     "10000)"},
    {"task without its place in the index of identities: task row ",
     "SELECT task_id FROM task t WHERE identity IS NOT NULL AND task_id <= coalesce((SELECT v FROM meta "
     "WHERE "
     "k = 'identities_upto'), 0) AND NOT EXISTS (SELECT 1 FROM task_identity i WHERE i.prefix = "
     "t.identity_prefix AND i.task_id = t.task_id)"},
    {"two tasks of one identity: task row ",
     "SELECT max(task_id) FROM task WHERE identity IS NOT NULL GROUP BY identity HAVING count(*) > 1"},
};

void check_rules(SqlConnection& reader, std::vector<std::string>& faults) {
    for (const Rule& rule : kRules) {
        Statement select = reader.prepare(rule.query);
        for (auto rows = select.query(); rows.next() && faults.size() < kMaxFaults;) {
            faults.push_back(rule.fault + std::to_string(rows.integer(0)));
        }
    }
}

// parents_left must be what the pinned definition and the states of the parents say.
void check_task(SqlConnection& reader, Statement& steps, std::int64_t task_id, std::int64_t first_step,
                const TaskTemplate& definition, std::vector<std::string>& faults) {
    static_cast<void>(reader);
    std::vector<std::pair<StepState, std::int64_t>> rows_of;
    auto rows = steps.query(first_step, first_step + static_cast<std::int64_t>(definition.steps.size()) - 1);
    while (rows.next()) rows_of.emplace_back(static_cast<StepState>(rows.integer(0)), rows.integer(1));
    if (rows_of.size() != definition.steps.size()) {
        faults.push_back("task without all of its steps: task row " + std::to_string(task_id));
        return;
    }
    for (std::size_t i = 0; i < rows_of.size() && faults.size() < kMaxFaults; ++i) {
        std::int64_t left = 0;
        for (const std::size_t parent : definition.steps[i].dependency_ids)
            left += satisfies_children(rows_of[parent].first) ? 0 : 1;
        if (left != rows_of[i].second) {
            faults.push_back("step with a wrong number of open parents: step row " +
                             std::to_string(first_step + static_cast<std::int64_t>(i)));
        }
    }
}

void check_parents(SqlConnection& reader, PinnedTemplates& pinned, std::vector<std::string>& faults) {
    Statement tasks = reader.prepare("SELECT task_id, template_id, first_step FROM task");
    Statement steps =
        reader.prepare("SELECT state, parents_left FROM step WHERE step_id BETWEEN ? AND ? ORDER BY step_id");
    for (auto rows = tasks.query(); rows.next() && faults.size() < kMaxFaults;) {
        try {
            const auto definition = pinned.definition(reader, rows.integer(1));
            check_task(reader, steps, rows.integer(0), rows.integer(2), *definition, faults);
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
