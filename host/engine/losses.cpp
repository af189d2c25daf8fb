// Claims whose worker's process died: what the step's part in it was, and what becomes of it (model/loss.hpp).

#include <algorithm>

#include "host/engine/orchestrator.hpp"
#include "host/model/loss.hpp"
#include "host/model/wire.hpp"

namespace tasker::host {

namespace {
// How long a suspect that waits its turn waits until it asks again, and how long a turn lasts: one that runs for hours, or
// that nobody claims, must not hold up the others for ever.
constexpr std::int64_t kTurnEveryMs = 1000, kTurnMs = 60'000;
}  // namespace

void Orchestrator::lose(OpenTask& task, std::size_t index, GiveBack how, const FlightReports& reports) {
    LossFinding finding;
    const std::int64_t step_id = task.step_id(index);
    if (reports && how.claimed_ms)
        finding = find_loss(*reports, ids_.make(RowKind::Step, task.created_ms, step_id), *how.claimed_ms);
    LossHistory before;
    if (finding.part == LossPart::Blamed) before.crashes = crashes_of(step_id);
    if (finding.part == LossPart::Running) before.running_losses = running_losses_of(step_id);
    const LossVerdict verdict = judge_loss(finding.part, before);
    how.event = finding.part == LossPart::Blamed    ? AttemptEvent::Crashed
                : finding.part == LossPart::Running ? AttemptEvent::LostRunning
                                                    : AttemptEvent::WorkerLost;
    if (finding.part == LossPart::Blamed || verdict.poison) {
        log_.error(loss_note(finding, "the worker's process ended"),
                   {{"step_uuid", finding.entry->step_uuid.str()},
                    {"task_uuid", finding.entry->task_uuid.str()},
                    {"callable", finding.entry->callable},
                    {"plugin", finding.entry->plugin},
                    {"crashes", before.crashes + (finding.part == LossPart::Blamed ? 1 : 0)},
                    {"poison_step", verdict.poison}});
    }
    if (verdict.poison) return poison(task, index, how, finding);
    const std::string note = loss_note(finding, std::string(how.note));
    how.note = note;
    how.delay_ms = verdict.delay_ms;
    give_back(task, index, how);
}

// A permanent error that the step's handler did not live to report. The attempt is not charged: it may be the first.
void Orchestrator::poison(OpenTask& task, std::size_t index, const GiveBack& how,
                          const LossFinding& finding) {
    touch(task, true);
    OpenStep& step = task.steps[index];
    const std::int64_t step_id = task.step_id(index);
    StepExecutionResult result;
    result.step_uuid = ids_.make(RowKind::Step, task.created_ms, step_id);
    result.task_uuid = task.info->task_uuid;
    result.status = "error";
    if (how.session) result.worker_id = how.session->options().worker_id;
    result.error = StepError{poison_text(finding), "poison_step", "POISON_STEP", false, "{}"};
    result.correlation_id = task.info->correlation_id.str();
    result.started_ms = finding.entry->started_ms;
    result.completed_ms = now_ms_;
    result.execution_time_ms = std::max<std::int64_t>(0, now_ms_ - result.started_ms);
    CompleteOp op;
    op.session = how.session;
    op.claim = ClaimRef{task.id, step_id, index, step.fence, *how.claimed_ms};
    op.event = how.event;
    op.charged = false;
    op.envelope = std::make_shared<const std::string>(to_envelope(result));
    sql_.note_loss.run(++step.losses, finding.part == LossPart::Blamed ? 1 : 0, step_id);
    fail(task, index, op, step.fence + 1);
}

int Orchestrator::crashes_of(std::int64_t step_id) {
    auto rows = sql_.count_crashes.query(step_id);
    return rows.next() ? static_cast<int>(rows.integer(0)) : 0;
}

int Orchestrator::running_losses_of(std::int64_t step_id) {
    auto rows = sql_.count_running_losses.query(first_attempt_id(step_id), last_attempt_id(step_id));
    return rows.next() ? static_cast<int>(rows.integer(0)) : 0;
}

// Of a step whose wait is over: false where it is a suspect and another one of its namespace has the turn. After a start of
// the engine nobody has it, so two may run at the same time then.
bool Orchestrator::takes_its_turn(const OpenTask& task, std::size_t index) {
    const std::int64_t step_id = task.step_id(index);
    if (task.steps[index].losses < kSuspectFrom || running_losses_of(step_id) < kSuspectFrom) return true;
    Suspect& turn = suspects_[task.pinned->definition->namespace_name];
    if (turn.step_id != 0 && turn.step_id != step_id) {
        Statement select = connection_.prepare("SELECT state FROM step WHERE step_id = ?");
        auto rows = select.query(turn.step_id);
        const auto state = rows.next() ? static_cast<StepState>(rows.integer(0)) : StepState::Complete;
        const bool goes_on = state == StepState::Enqueued || state == StepState::InProgress;
        if (goes_on && now_ms_ - turn.since_ms < kTurnMs) {
            sql_.postpone_lost.run(now_ms_ + kTurnEveryMs, step_id);
            effects_.changed = true;
            return false;
        }
    }
    turn = {step_id, now_ms_};
    return true;
}

}  // namespace tasker::host
