// Leases over a lost connection and over a start of the engine: what a worker lists is its again if the step still stands
// under that fence, everything else goes back.

#include <algorithm>
#include <iterator>
#include <unordered_map>
#include <unordered_set>
#include <utility>

#include "host/engine/store_writer.hpp"

namespace tasker::host {

namespace {
constexpr std::int64_t kLookAgainMs = 1000;
constexpr const char* kHostEnded = "the host ended while the step was claimed";
}  // namespace

// Nothing is written: the claims stand as the predecessor left them.
std::size_t Orchestrator::hold(const std::shared_ptr<Session>& previous) {
    struct Row {
        std::int64_t task_id, index, claimed_ms;
    };
    std::vector<Row> rows;
    Statement running = connection_.prepare("SELECT task_id, idx, last_attempt_ms FROM step WHERE state = 2");
    for (auto found = running.query(); found.next();)
        rows.push_back({found.integer(0), found.integer(1), found.integer(2)});
    begin();
    for (const Row& row : rows) {
        OpenTask* task = find_task(row.task_id);
        const auto index = static_cast<std::size_t>(row.index);
        if (index >= task->steps.size())
            throw Error("task row " + std::to_string(row.task_id) + " has a step too many");
        const LaneId lane = task->lane(index);
        HeldClaim held;
        held.event_id = event_ids_.next();
        ClaimMark mark = mark_of(*task, index, row.claimed_ms);
        running_.insert_or_assign(mark.claim.step_id, Running{previous, held.event_id, lane, row.claimed_ms,
                                                              mark.claim.fence, row.task_id});
        ++lanes_.at(lane).claimed;
        previous->adopt(held, std::move(mark));
    }
    clamp_timers();
    commit();
    take_effects();
    return rows.size();
}

// An attempt that ended with the handler's own answer, whoever took it in.
bool Orchestrator::was_answered(const HeldClaim& held) {
    const auto row = ids_.parse(RowKind::Step, held.step_uuid);
    if (!row || held.fence > kMaxFence) return false;
    Statement select = connection_.prepare("SELECT event FROM attempt WHERE attempt_id = ?");
    auto rows = select.query(attempt_id(row->id, held.fence));
    if (!rows.next()) return false;
    const auto event = static_cast<AttemptEvent>(rows.integer(0));
    return event == AttemptEvent::Succeeded || event == AttemptEvent::Failed ||
           event == AttemptEvent::Yielded;
}

std::vector<Uuid> Orchestrator::adopt(const std::shared_ptr<Session>& session, Session* previous,
                                      const std::vector<HeldClaim>& listed) {
    std::unordered_map<Uuid, HeldClaim> left_behind;  // by step
    if (previous != nullptr) {
        for (const HeldClaim& held : previous->held()) left_behind.emplace(held.step_uuid, held);
    }
    std::vector<Uuid> gone, started;
    for (const HeldClaim& held : listed) {
        const auto mark = session->mark(held.event_id);
        if (mark && mark->claim.fence == held.fence && mark->step_uuid == held.step_uuid) {
            if (held.started) started.push_back(held.event_id);
            continue;
        }
        const auto before = left_behind.find(held.step_uuid);
        if (mark || before == left_behind.end() || before->second.fence != held.fence) {
            gone.push_back(held.event_id);
            if (!mark && was_answered(held)) session->note_recorded(held.event_id);
            continue;
        }
        auto taken = previous->take(before->second.event_id);
        left_behind.erase(before);
        const auto running = running_.find(taken->claim.step_id);
        running->second.session = session;
        running->second.event_id = held.event_id;
        session->adopt(held, std::move(*taken));
    }
    session->start(started);
    recount_claims();
    return gone;
}

void StoreWriter::recover() {
    const FlightFolder::Left left = flights_.of_the_dead();
    const bool has_window = options_.reattach_window_ms > 0;
    if (!has_window && !flights_.anyone_lives()) {
        if (const std::size_t lost = orchestrator_.recover(left.reports); lost > 0)
            log_.warn("steps of the previous run were taken back", {{"steps", lost}});
        return FlightFolder::remove(left.files);
    }
    previous_ = open_session({"the previous run", {}});
    previous_until_ms_ = clock_.steady_ms() + (has_window ? options_.reattach_window_ms : kLookAgainMs);
    if (const std::size_t held = orchestrator_.hold(previous_); held > 0) {
        log_.info("steps of the previous run wait for their workers",
                  {{"steps", held}, {"window_ms", options_.reattach_window_ms}});
        old_flights_ = left.files;
    } else {
        previous_.reset();
        FlightFolder::remove(left.files);
    }
}

// False when the store could not take it; it stays queued.
bool StoreWriter::apply_adopt(SessionOp& op) {
    std::vector<Uuid> gone;
    try {
        if (!op.session->worker_row()) {
            orchestrator_.begin();
            op.session->set_worker_row(orchestrator_.add_worker(op.session->options().worker_id));
            orchestrator_.commit();
        }
        gone = orchestrator_.adopt(op.session, previous_.get(), op.listed);
    } catch (const SqlError& error) {
        orchestrator_.rollback();
        enter_trouble({}, error.what(), error.is_damage());
        return false;
    }
    std::unordered_set<Uuid> listed;
    for (const HeldClaim& held : op.listed) listed.insert(held.event_id);
    for (const auto& [event_id, claim] : op.session->claims_besides(listed))
        backlog_.releases.push_back({op.session, event_id, claim, "the worker does not hold it any more"});
    if (std::ranges::find(sessions_, op.session) == sessions_.end()) sessions_.push_back(op.session);
    if (previous_ && previous_->claimed() == 0) {
        previous_.reset();
        FlightFolder::remove(std::exchange(old_flights_, {}));
    }
    if (op.adopted) op.adopted(std::move(gone));
    return true;
}

void StoreWriter::end_reattach_window() {
    if (!previous_ || clock_.steady_ms() < previous_until_ms_) return;
    if (options_.reattach_window_ms <= 0 && flights_.anyone_lives()) {
        previous_until_ms_ = clock_.steady_ms() + kLookAgainMs;
        return;
    }
    const auto claims = previous_->all_claims();
    // Also of workers that died within the window.
    const FlightReports reports = flights_.of_the_dead().reports;
    for (const auto& [event_id, claim] : claims)
        backlog_.releases.push_back(
            {previous_, event_id, claim, kHostEnded, AttemptEvent::WorkerLost, reports});
    std::ranges::move(std::exchange(old_flights_, {}), std::back_inserter(used_flights_));
    log_.warn("steps of the previous run were taken back", {{"steps", claims.size()}});
    previous_.reset();
}

}  // namespace tasker::host
