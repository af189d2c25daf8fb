#include "host/engine/statements.hpp"

#include "host/engine/task_graph.hpp"

namespace tasker::host {

// States in the texts: 0 pending, 1 enqueued, 2 in_progress, 5 waiting_for_retry, 6 complete, 8 cancelled, 9 resolved
// (model/states.hpp). A change of a claimed step always names its fence.
Statements::Statements(SqlConnection& db)
    : begin(db.prepare("BEGIN IMMEDIATE")),
      commit(db.prepare("COMMIT")),
      rollback(db.prepare("ROLLBACK")),
      checkpoint(db.prepare("PRAGMA wal_checkpoint(PASSIVE)")),
      truncate_log(db.prepare("PRAGMA wal_checkpoint(TRUNCATE)")),
      probe(db.prepare(
          "INSERT INTO meta(k, v) VALUES('probe', ?) ON CONFLICT(k) DO UPDATE SET v = excluded.v")),

      add_task(db.prepare(
          "INSERT INTO task(task_id, template_id, first_step, state, state_ms, created_ms, priority, "
          "identity_prefix, identity, correlation_id, parent_correlation_id, traceparent, tags) "
          "VALUES(?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)")),
      add_document(db.prepare("INSERT INTO task_doc(task_id, context, initiator, source_system, reason) "
                              "VALUES(?, ?, ?, ?, ?)")),
      add_step(db.prepare(
          "INSERT INTO step(step_id, task_id, idx, state, lane, neg_prio, parents_left, ready_seq) "
          "VALUES(?, ?, ?, ?, ?, ?, ?, ?)")),

      load_task(db.prepare(
          "SELECT t.template_id, t.first_step, t.state, t.created_ms, t.priority, t.correlation_id, "
          "t.parent_correlation_id, t.traceparent, t.tags, d.context, d.initiator, d.source_system, "
          "d.reason FROM task t JOIN task_doc d USING(task_id) WHERE t.task_id = ?")),
      load_steps(
          db.prepare("SELECT state, parents_left, attempts, fence, losses, backoff_ms, checkpoints FROM step "
                     "WHERE step_id BETWEEN ? AND ? ORDER BY step_id")),
      load_result(
          db.prepare("SELECT envelope FROM attempt WHERE attempt_id BETWEEN ? AND ? AND envelope IS NOT NULL "
                     "ORDER BY attempt_id DESC LIMIT 1")),

      add_made_step(db.prepare(
          "INSERT INTO made_step(task_id, idx, step_id, template_idx, parents, name, cursor, no_op) "
          "VALUES(?, ?, ?, ?, ?, ?, ?, ?)")),
      set_made_parents(db.prepare("UPDATE made_step SET parents = ? WHERE task_id = ? AND idx = ?")),
      load_made_steps(made_steps_of_task(db)),
      load_made_states(db.prepare(
          "SELECT s.state, s.parents_left, s.attempts, s.fence, s.losses, s.backoff_ms, s.checkpoints "
          "FROM made_step m JOIN step s USING(step_id) WHERE m.task_id = ? ORDER BY m.idx")),

      claim_step(db.prepare(
          "UPDATE step SET state = 2, parents_left = 0, attempts = ?, fence = ?, ready_seq = NULL, "
          "due_ms = NULL, last_attempt_ms = ? WHERE step_id = ? AND fence = ? AND state IN (0, 1)")),
      finish_step(db.prepare(
          "UPDATE step SET state = 6, processed_ms = ? WHERE step_id = ? AND state = 2 AND fence = ?")),
      fail_step(
          db.prepare("UPDATE step SET state = ?, due_ms = ?, backoff_ms = ?, last_failure_ms = ?, fence = ?, "
                     "attempts = ?, ready_seq = NULL WHERE step_id = ? AND state IN (1, 2) AND fence = ?")),
      add_attempt(
          db.prepare("INSERT INTO attempt(attempt_id, event, number, from_state, to_state, claimed_ms, "
                     "recorded_ms, execution_ms, worker_id, note, envelope) "
                     "VALUES(?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)")),
      enqueue_step(db.prepare("UPDATE step SET state = 1, parents_left = 0, due_ms = NULL, ready_seq = ? "
                              "WHERE step_id = ? AND state IN (0, 5)")),
      parent_done(db.prepare("UPDATE step SET parents_left = ? WHERE step_id = ?")),
      return_step(db.prepare("UPDATE step SET state = ?, attempts = ?, fence = ?, losses = ?, ready_seq = ?, "
                             "due_ms = ?, backoff_ms = coalesce(?, backoff_ms), crashes = crashes + ? "
                             "WHERE step_id = ? AND state = 2 AND fence = ?")),
      note_loss(db.prepare("UPDATE step SET losses = ?, crashes = crashes + ? WHERE step_id = ?")),
      postpone_lost(db.prepare("UPDATE step SET due_ms = ? WHERE step_id = ? AND state = 5")),
      count_crashes(db.prepare("SELECT crashes FROM step WHERE step_id = ?")),
      // 12 lost while it ran; since its last answer (0 to 2, 8), or an operator's reset (9).
      count_running_losses(
          db.prepare("SELECT count(*) FROM attempt WHERE attempt_id BETWEEN ?1 AND ?2 AND event = 12 AND "
                     "attempt_id > coalesce((SELECT max(attempt_id) FROM attempt WHERE attempt_id BETWEEN ?1 "
                     "AND ?2 AND event IN (0, 1, 2, 8, 9)), 0)")),
      save_checkpoint(db.prepare("INSERT INTO step_checkpoint(step_id, record) VALUES(?, ?) "
                                 "ON CONFLICT(step_id) DO UPDATE SET record = excluded.record")),
      load_checkpoint(db.prepare("SELECT record FROM step_checkpoint WHERE step_id = ?")),
      drop_checkpoint(db.prepare("DELETE FROM step_checkpoint WHERE step_id = ?")),
      count_checkpoint(
          db.prepare("UPDATE step SET checkpoints = ? WHERE step_id = ? AND state = 2 AND fence = ?")),
      yield_step(
          db.prepare("UPDATE step SET state = ?, attempts = ?, fence = ?, ready_seq = ?, last_attempt_ms = ? "
                     "WHERE step_id = ? AND state = 2 AND fence = ?")),
      park_retries(db.prepare("UPDATE step SET due_ms = NULL WHERE step_id BETWEEN ? AND ? AND state = 5")),
      park_made_retries(
          db.prepare("UPDATE step SET due_ms = NULL WHERE state = 5 AND due_ms IS NOT NULL AND step_id IN "
                     "(SELECT step_id FROM made_step WHERE task_id = ?)")),
      set_task_state(db.prepare("UPDATE task SET state = ?, state_ms = ? WHERE task_id = ?")),
      cancel_steps(
          db.prepare("UPDATE step SET state = 8, fence = fence + 1, due_ms = NULL, ready_seq = NULL, "
                     "processed_ms = ? WHERE step_id BETWEEN ? AND ? AND state NOT IN (6, 8, 9)")),
      cancel_made_steps(db.prepare(
          "UPDATE step SET state = 8, fence = fence + 1, due_ms = NULL, ready_seq = NULL, processed_ms = ? "
          "WHERE state NOT IN (6, 8, 9) AND step_id IN (SELECT step_id FROM made_step WHERE task_id = ?)")),
      due_steps(
          db.prepare("SELECT task_id, idx FROM step WHERE state = 5 AND due_ms IS NOT NULL AND due_ms <= ? "
                     "ORDER BY due_ms LIMIT ?")),
      next_due(db.prepare(
          "SELECT due_ms FROM step WHERE state = 5 AND due_ms IS NOT NULL ORDER BY due_ms LIMIT 1")),
      clamp_retries(
          db.prepare("UPDATE step SET due_ms = ?1 + backoff_ms WHERE state = 5 AND due_ms IS NOT NULL "
                     "AND due_ms > ?1 + backoff_ms")),
      unserved_steps(db.prepare(
          "SELECT task_id, idx FROM step WHERE state = 1 AND lane = ? AND ready_seq <= ? LIMIT ?")) {}

Statement ready_cursor(SqlConnection& connection) {
    return connection.prepare(
        "SELECT neg_prio, ready_seq, task_id, idx FROM step WHERE state = 1 AND lane = ? "
        "ORDER BY neg_prio, ready_seq");
}

}  // namespace tasker::host
