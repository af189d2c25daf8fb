#include "host/engine/embedded_operators.hpp"

#include <utility>

#include "host/engine/analytics_views.hpp"
#include "host/engine/dlq_views.hpp"
#include "host/engine/event_views.hpp"
#include "host/model/manual_result.hpp"

namespace tasker::host {

namespace {
constexpr std::int64_t kAcknowledgeBatch = 2000;

Refused stopped() { return {Refusal::Unavailable, "the engine has stopped", {}}; }

// What pruning would delete now.
PruneReport count_prunable(SqlConnection& reader, const PruneOp& op) {
    PruneReport report;
    report.dry_run = true;
    Statement select = reader.prepare(
        "SELECT t.state IN (8, 11), EXISTS(SELECT 1 FROM dlq d WHERE d.task_id = t.task_id AND d.status = "
        "0), count(*) "
        "FROM task t WHERE t.state >= 8 AND t.state_ms <= CASE WHEN t.state IN (8, 11) THEN ?1 ELSE ?2 END "
        "GROUP BY 1, 2");
    for (auto rows = select.query(op.complete_before_ms, op.failed_before_ms); rows.next();) {
        const bool well = rows.integer(0) != 0, pending = rows.integer(1) != 0;
        (pending ? report.kept_pending_dlq
         : well  ? report.complete_tasks
                 : report.failed_tasks) += rows.integer(2);
    }
    Statement steps = reader.prepare(
        "SELECT count(*) FROM step s JOIN task t USING(task_id) WHERE t.state >= 8 AND t.state_ms <= CASE "
        "WHEN t.state IN "
        "(8, 11) THEN ?1 ELSE ?2 END AND NOT EXISTS(SELECT 1 FROM dlq d WHERE d.task_id = t.task_id AND "
        "d.status = 0)");
    for (auto rows = steps.query(op.complete_before_ms, op.failed_before_ms); rows.next();)
        report.steps = rows.integer(0);
    Statement identities = reader.prepare("SELECT count(*) FROM pruned_identity WHERE pruned_ms <= ?");
    for (auto rows = identities.query(op.identities_before_ms); rows.next();)
        report.identities = rows.integer(0);
    report.pages = reader.integer("PRAGMA page_count");
    report.free_pages = reader.integer("PRAGMA freelist_count");
    return report;
}
}  // namespace

EmbeddedOperators::EmbeddedOperators(const EngineOptions& options, const Clock& clock,
                                     std::shared_ptr<PinnedTemplates> pinned,
                                     std::shared_ptr<ReadPool> readers, std::shared_ptr<StoreWriter> writer)
    : options_(options),
      clock_(clock),
      opened_ms_(clock.unix_ms()),
      pinned_(std::move(pinned)),
      readers_(std::move(readers)),
      writer_(std::move(writer)) {}

template <class Read>
auto EmbeddedOperators::read(Read&& use) {
    try {
        auto connection = readers_->borrow();
        return use(*connection);
    } catch (const SqlError& error) {
        throw StoreUnavailable(std::string("cannot read the store: ") + error.what());
    }
}

std::optional<Refused> EmbeddedOperators::change(std::function<std::optional<Refused>(Orchestrator&)> act) {
    std::optional<Refused> answer;
    Ticket ticket(1);
    OperatorOp op;
    op.act = std::move(act);
    op.answer = &answer;
    op.ticket = &ticket;
    if (!writer_->push(std::move(op))) return stopped();
    writer_->await(ticket);
    return answer;
}

std::optional<Refused> EmbeddedOperators::act_on_step(const Uuid& task_uuid, const Uuid& step_uuid,
                                                      const StepAction& action) {
    if (auto fault = step_action_fault(action)) return Refused{Refusal::Invalid, *fault, {}};
    const auto task = writer_->ids().parse(RowKind::Task, task_uuid);
    const auto step = writer_->ids().parse(RowKind::Step, step_uuid);
    if (!task) return Refused{Refusal::NotFound, "no such task", {}};
    if (!step) return Refused{Refusal::NotFound, "the task has no such step", {}};
    StepActionOrder order{*task, *step, action, {}};
    if (action.kind == StepAction::Kind::CompleteManually) order.metadata_json = manual_metadata(action);
    return change([&order](Orchestrator& orchestrator) { return orchestrator.act_on_step(order); });
}

PruneReport EmbeddedOperators::prune(const PruneOptions& options) {
    PruneReport report;
    std::optional<Refused> answer;
    Ticket ticket(1);
    PruneOp op;
    const std::int64_t now = clock_.unix_ms();
    op.complete_before_ms = now - options.complete_ms.value_or(options_.upkeep.retain_complete_ms);
    op.failed_before_ms = now - options.failed_ms.value_or(options_.upkeep.retain_failed_ms);
    op.identities_before_ms = now - options_.upkeep.retain_identities_ms;
    op.keep_identities = options_.upkeep.retain_identities_ms > 0;
    op.compact = options.compact;
    if (options.dry_run) return read([&](SqlConnection& reader) { return count_prunable(reader, op); });
    op.report = &report;
    op.answer = &answer;
    op.ticket = &ticket;
    if (!writer_->push(op)) throw StoreUnavailable(stopped().message);
    writer_->await(ticket);
    if (answer) throw StoreUnavailable(answer->message, answer->hint);
    return report;
}

std::vector<DlqEntry> EmbeddedOperators::list(const DlqFilter& filter) {
    return read([&](SqlConnection& reader) { return DlqViews(reader, writer_->ids()).list(filter); });
}

std::optional<DlqEntry> EmbeddedOperators::find_by_task(const Uuid& task_uuid) {
    const auto task = writer_->ids().parse(RowKind::Task, task_uuid);
    if (!task) return std::nullopt;
    return read([&](SqlConnection& reader) { return DlqViews(reader, writer_->ids()).find_by_task(*task); });
}

std::optional<Refused> EmbeddedOperators::update(const Uuid& entry_uuid, const DlqUpdate& update) {
    const auto entry = writer_->ids().parse(RowKind::Dlq, entry_uuid);
    if (!entry) return Refused{Refusal::NotFound, "no such dead letter entry", {}};
    return change([&](Orchestrator& orchestrator) {
        return update_dlq(orchestrator.connection(), *entry, update, orchestrator.now_ms());
    });
}

std::vector<DlqStats> EmbeddedOperators::stats() {
    return read([&](SqlConnection& reader) { return DlqViews(reader, writer_->ids()).stats(); });
}

std::vector<DlqQueueItem> EmbeddedOperators::investigation_queue(std::int64_t limit) {
    return read([&](SqlConnection& reader) {
        return DlqViews(reader, writer_->ids()).investigation_queue(limit, clock_.unix_ms());
    });
}

std::vector<WatchedTask> EmbeddedOperators::staleness(std::int64_t limit) {
    return read([&](SqlConnection& reader) {
        return watched_tasks(reader, *pinned_, writer_->ids(), {clock_.unix_ms(), opened_ms_}, limit);
    });
}

Performance EmbeddedOperators::performance(int hours) {
    return read([&](SqlConnection& reader) { return measure_performance(reader, hours, clock_.unix_ms()); });
}

Bottlenecks EmbeddedOperators::bottlenecks(int limit, int min_executions) {
    const double in_use = 1.0 - static_cast<double>(readers_->idle()) / readers_->size();
    return read([&](SqlConnection& reader) {
        Bottlenecks found = find_bottlenecks(reader, *pinned_, limit, min_executions, clock_.unix_ms());
        found.pool_utilization = in_use;
        return found;
    });
}

EventPage EmbeddedOperators::list(const std::string& namespace_name, std::int64_t after, int limit) {
    return read([&](SqlConnection& reader) { return read_events(reader, namespace_name, after, limit); });
}

// In slices, so that a long queue stalls nobody. What was deleted when one fails stays so.
std::optional<Refused> EmbeddedOperators::acknowledge(const std::string& namespace_name, std::int64_t up_to,
                                                      std::int64_t& deleted) {
    deleted = 0;
    while (true) {
        std::int64_t now = 0;
        const auto refused = change([&](Orchestrator& orchestrator) -> std::optional<Refused> {
            now = orchestrator.connection()
                      .prepare(
                          "DELETE FROM domain_event WHERE seq IN (SELECT seq FROM domain_event WHERE ns = ? "
                          "AND "
                          "seq <= ? ORDER BY seq LIMIT ?)")
                      .run(namespace_name, up_to, kAcknowledgeBatch);
            return std::nullopt;
        });
        if (refused) return refused;
        deleted += now;
        if (now < kAcknowledgeBatch) return std::nullopt;
    }
}

std::vector<EventCount> EmbeddedOperators::counts() {
    return read([&](SqlConnection& reader) { return count_events(reader); });
}

}  // namespace tasker::host
