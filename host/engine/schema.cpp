#include "host/engine/schema.hpp"

#include <array>
#include <string>
#include <string_view>

#include "host/core/failpoint.hpp"
#include "host/engine/sqlite.hpp"

namespace tasker::host {

namespace {
// Codes in `codec` columns: 0 is plain JSON text. Integer states are those of model/states.hpp. Times are wall-clock
// milliseconds. UUIDs of tasks and steps are derived (row_uuid.hpp), so they have no column.
constexpr std::string_view kVersion1 = R"sql(
-- salt: makes the UUIDs; open: 1 while a host has the store, so that a lost -wal file is noticed.
CREATE TABLE meta(k TEXT PRIMARY KEY, v) WITHOUT ROWID;

-- Definitions that tasks are pinned to, as canonical JSON; never changed, one row for each different text.
CREATE TABLE template(
  template_id INTEGER PRIMARY KEY, ns TEXT NOT NULL, name TEXT NOT NULL, version TEXT NOT NULL,
  definition TEXT NOT NULL, registered_ms INTEGER NOT NULL);
CREATE INDEX template_name ON template(ns, name, version);

-- What a step waits for: somebody who serves (namespace, callable, method).
CREATE TABLE lane(
  lane_id INTEGER PRIMARY KEY, ns TEXT NOT NULL, callable TEXT NOT NULL, method TEXT NOT NULL,
  paused INTEGER NOT NULL DEFAULT 0, claim_limit INTEGER, rate REAL,
  UNIQUE(ns, callable, method));

-- Who answered: one row for each session.
CREATE TABLE worker(worker_id INTEGER PRIMARY KEY, name TEXT NOT NULL, pid INTEGER NOT NULL, started_ms INTEGER NOT NULL);

-- The hot row of a task: rewritten only when its state changes. Its steps have the ids first_step, first_step + 1, ...
CREATE TABLE task(
  task_id INTEGER PRIMARY KEY, template_id INTEGER NOT NULL, first_step INTEGER NOT NULL,
  state INTEGER NOT NULL, state_ms INTEGER NOT NULL, created_ms INTEGER NOT NULL, priority INTEGER NOT NULL,
  identity_prefix INTEGER, identity BLOB, correlation_id BLOB, parent_correlation_id BLOB,
  run_at INTEGER, expires_at INTEGER, traceparent TEXT, tags TEXT);
CREATE INDEX task_open ON task(state) WHERE state < 8;

-- Which tasks have an identity that begins like this. The newest tasks are not in here yet (identity_index.hpp); those up
-- to meta's identities_upto are.
CREATE TABLE task_identity(prefix INTEGER NOT NULL, task_id INTEGER NOT NULL, PRIMARY KEY(prefix, task_id)) WITHOUT ROWID;

-- What the submitter said; written once.
CREATE TABLE task_doc(
  task_id INTEGER PRIMARY KEY, codec INTEGER NOT NULL DEFAULT 0, context TEXT NOT NULL,
  initiator TEXT, source_system TEXT, reason TEXT);

-- The hot row of a step. Edges are not stored: they follow from the pinned template; parents_left counts the
-- parents that are not done. fence rises with every claim, hand-back, time-out and cancel. ready_seq (enqueued only) is
-- the time it became ready << 12 plus a counter. due_ms is NULL for a waiting step of a blocked task. losses counts
-- attempts that ended without an answer and were not charged.
CREATE TABLE step(
  step_id INTEGER PRIMARY KEY, task_id INTEGER NOT NULL, idx INTEGER NOT NULL,
  state INTEGER NOT NULL, lane INTEGER NOT NULL, neg_prio INTEGER NOT NULL, parents_left INTEGER NOT NULL,
  attempts INTEGER NOT NULL DEFAULT 0, fence INTEGER NOT NULL DEFAULT 0, ready_seq INTEGER,
  due_ms INTEGER, backoff_ms INTEGER, last_attempt_ms INTEGER, last_failure_ms INTEGER, processed_ms INTEGER,
  crashes INTEGER NOT NULL DEFAULT 0, losses INTEGER NOT NULL DEFAULT 0);
CREATE INDEX step_ready ON step(lane, neg_prio, ready_seq) WHERE state = 1;
CREATE INDEX step_running ON step(state) WHERE state = 2;
CREATE INDEX step_retry ON step(due_ms) WHERE state = 5 AND due_ms IS NOT NULL;

-- One row for each claim that ended, and for a cancelled step: audit record and result in one, so that completing a
-- step is one insert. attempt_id is step_id << 22 | fence; the codes of `event` are in attempt_event.hpp.
-- The row under the step's current fence holds its result.
CREATE TABLE attempt(
  attempt_id INTEGER PRIMARY KEY, event INTEGER NOT NULL, number INTEGER NOT NULL,
  from_state INTEGER NOT NULL, to_state INTEGER NOT NULL, claimed_ms INTEGER, recorded_ms INTEGER NOT NULL,
  execution_ms INTEGER, worker_id INTEGER, note TEXT, codec INTEGER NOT NULL DEFAULT 0, envelope TEXT);

-- Progress of a step that yields; overwritten by the next yield.
CREATE TABLE step_checkpoint(step_id INTEGER PRIMARY KEY, codec INTEGER NOT NULL DEFAULT 0, record TEXT NOT NULL);
)sql";

// Steps that are made while the task runs, and their edges: the parents of a made step are ordinals (step.idx) as text,
// "0,3,5-9". Of the steps made at submission nothing is stored: they and their edges follow from the pinned template.
// step.checkpoints counts the records that step_checkpoint was given; 0: there is none.
constexpr std::string_view kVersion2 = R"sql(
CREATE TABLE made_step(
  task_id INTEGER NOT NULL, idx INTEGER NOT NULL, step_id INTEGER NOT NULL, template_idx INTEGER NOT NULL,
  parents TEXT NOT NULL, name TEXT, cursor TEXT, no_op INTEGER NOT NULL DEFAULT 0,
  PRIMARY KEY(task_id, idx)) WITHOUT ROWID;
ALTER TABLE step ADD COLUMN checkpoints INTEGER NOT NULL DEFAULT 0;
)sql";

// Dead letter queue, domain events, what pruning leaves behind.
constexpr std::string_view kVersion3 = R"sql(
-- Who did it, for what an operator did; its reason is in `note`.
ALTER TABLE attempt ADD COLUMN actor TEXT;

-- Open tasks by how long they are in their state.
DROP INDEX task_open;
CREATE INDEX task_open ON task(state, state_ms) WHERE state < 8;

-- Investigations of tasks that went nowhere. At most one of a task is pending (status 0). Codes in model/dlq.hpp.
CREATE TABLE dlq(
  dlq_id INTEGER PRIMARY KEY, task_id INTEGER NOT NULL, original_state INTEGER NOT NULL, reason INTEGER NOT NULL,
  status INTEGER NOT NULL DEFAULT 0, created_ms INTEGER NOT NULL, updated_ms INTEGER NOT NULL, resolved_ms INTEGER,
  resolved_by TEXT, notes TEXT, snapshot TEXT NOT NULL, metadata TEXT);
CREATE UNIQUE INDEX dlq_pending ON dlq(task_id) WHERE status = 0;
CREATE INDEX dlq_task ON dlq(task_id);

-- Identities of pruned tasks, for as long as they still are duplicates. Their entries in task_identity stay until then.
CREATE TABLE pruned_identity(
  task_id INTEGER PRIMARY KEY, identity_prefix INTEGER NOT NULL, identity BLOB NOT NULL, created_ms INTEGER NOT NULL,
  pruned_ms INTEGER NOT NULL);

-- The durable queue of domain events, written with the result that published them. seq is never used twice.
CREATE TABLE domain_event(
  seq INTEGER PRIMARY KEY AUTOINCREMENT, ns TEXT NOT NULL, event_id BLOB NOT NULL, name TEXT NOT NULL,
  delivery INTEGER NOT NULL, stored_ms INTEGER NOT NULL, bytes INTEGER NOT NULL, event TEXT NOT NULL);
CREATE INDEX domain_event_ns ON domain_event(ns, seq, bytes);
)sql";

constexpr std::array<std::string_view, kSchemaVersion> kMigrations{kVersion1, kVersion2, kVersion3};

void apply(SqlConnection& connection, int version, const Clock& clock, Random& random) {
    connection.exec("BEGIN IMMEDIATE");
    try {
        connection.exec(std::string(kMigrations[static_cast<std::size_t>(version - 1)]));
        failpoint("migration.mid");
        if (version == 1) {
            const auto salt = static_cast<std::int64_t>(random.next());
            connection.prepare("INSERT INTO meta(k, v) VALUES('salt', ?), ('open', 0), ('created_ms', ?)")
                .run(salt, clock.unix_ms());
            connection.exec("PRAGMA application_id = " + std::to_string(kApplicationId));
        }
        connection.exec("PRAGMA user_version = " + std::to_string(version));
        connection.exec("COMMIT");
    } catch (...) {
        if (connection.in_transaction()) connection.exec("ROLLBACK");
        throw;
    }
}
}  // namespace

void migrate(SqlConnection& connection, const Clock& clock, Random& random) {
    const auto current = static_cast<int>(connection.integer("PRAGMA user_version"));
    for (int version = current + 1; version <= kSchemaVersion; ++version)
        apply(connection, version, clock, random);
}

}  // namespace tasker::host
