#pragma once
// Every statement of the writing connection, prepared once. One per kind of row change: the hot path of a step is
// finish_step, add_attempt and claim_step.

#include "host/engine/sqlite.hpp"

namespace tasker::host {

struct Statements {
    explicit Statements(SqlConnection& connection);

    Statement begin, commit, rollback, checkpoint, truncate_log, probe;

    Statement add_task, add_document, add_step;
    Statement load_task, load_steps, load_result;
    Statement add_made_step, set_made_parents, load_made_steps, load_made_states;

    Statement claim_step, finish_step, fail_step, add_attempt;
    Statement enqueue_step, parent_done, return_step;
    Statement note_loss, postpone_lost, count_crashes, count_running_losses;
    Statement save_checkpoint, load_checkpoint, drop_checkpoint, count_checkpoint, yield_step;
    Statement park_retries, park_made_retries, set_task_state, cancel_steps, cancel_made_steps;
    Statement due_steps, next_due, clamp_retries, unserved_steps;
};

// A claim cursor: the ready steps of one lane, best first.
Statement ready_cursor(SqlConnection& connection);

}  // namespace tasker::host
