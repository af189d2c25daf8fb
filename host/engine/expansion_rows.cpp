// The rows of the steps that a decision or a batch makes, in the transaction that completes it.

#include <algorithm>

#include "host/engine/orchestrator.hpp"
#include "host/model/wire.hpp"

namespace tasker::host {

namespace {
// The workers of a batch are ready at the same time, but queue up as if one came after the other: whatever comes in the
// meantime goes between them, and a batch of ten thousand does not hold up every other task.
constexpr std::int64_t kWorkersAtOnce = 16;
constexpr std::int64_t kNextWorkersMs = 1600;
}  // namespace

Parsed<Expansion> Orchestrator::expansion_of(const OpenTask& task, const CompleteOp& op) {
    if (!op.making || !task.graph) return Expansion{};
    if (const auto* invalid = std::get_if<InvalidOutcome>(&op.making->outcome)) return *invalid;
    return expansion_of(task, op.claim->index, std::get<MakingOutcome>(op.making->outcome));
}

Parsed<Expansion> Orchestrator::expansion_of(const OpenTask& task, std::size_t index,
                                             const MakingOutcome& outcome) {
    if (!task.graph) return Expansion{};
    const TaskGraph& graph = *task.graph;
    std::vector<TaskStep> steps(graph.size());
    for (std::size_t i = 0; i < steps.size(); ++i) {
        steps[i].template_index = graph[i].template_index;
        steps[i].name = task.name(i);
        steps[i].parents = graph[i].parents;
        steps[i].pending = task.steps[i].state == StepState::Pending;
        steps[i].done = satisfies_children(task.steps[i].state);
    }
    return expand(*task.pinned->definition, steps, index, outcome);
}

// The handler did its work, but what it decided cannot be done: the same again would decide the same.
void Orchestrator::fail_outcome(OpenTask& task, const CompleteOp& op, const std::string& message) {
    StepExecutionResult result = op.making->shell;
    result.success = false;
    result.status = "error";
    result.error = StepError{message, "invalid_outcome", "INVALID_OUTCOME", false, "{}"};
    CompleteOp failed = op;
    failed.event = AttemptEvent::Failed;
    failed.retryable = false;
    failed.retry_after_ms.reset();
    failed.envelope = std::make_shared<const std::string>(to_envelope(result));
    log_.error("a step decided what cannot be done; it ends in error",
               {{"step", task.name(op.claim->index)},
                {"task_uuid", task.info->task_uuid.str()},
                {"error_message", message}});
    fail(task, op.claim->index, failed, op.claim->fence);
}

// Precondition: the step that made them is complete.
void Orchestrator::add_steps(OpenTask& task, const Expansion& expansion) {
    if (expansion.steps.empty() && expansion.edges.empty()) return;
    const std::size_t first = task.graph->size();
    const std::size_t before = task.graph->bytes();
    std::int64_t workers = 0;
    for (const NewStep& made : expansion.steps) {
        const bool worker = !made.cursor_json.empty();
        add_step(task, made, worker ? workers++ : 0);
    }
    task.graph->link(first);
    add_edges(task, expansion.edges);
    for (const NewEdge& edge : expansion.ignored) {
        log_.info("a step that has begun gets no further parent",
                  {{"step", task.name(edge.child)},
                   {"parent", task.name(edge.parent)},
                   {"task_uuid", task.info->task_uuid.str()}});
    }
    made_ += expansion.steps.size();
    cache_.grew(task.graph->bytes() - before + expansion.steps.size() * sizeof(OpenStep));
    effects_.changed = true;
}

void Orchestrator::add_step(OpenTask& task, const NewStep& made, std::int64_t place) {
    const std::size_t index = task.graph->size();
    const StepTemplate& definition = task.pinned->definition->steps[made.template_index];
    const LaneId lane = task.pinned->lanes[made.template_index];
    GraphStep step;
    step.id = next_step_++;
    step.template_index = static_cast<std::uint32_t>(made.template_index);
    step.no_op = made.no_op;
    step.cursor_json = made.cursor_json;
    step.parents = made.parents;
    std::optional<std::string_view> name, cursor;
    if (made.name != definition.name) {
        name = made.name;
        step.name = std::make_shared<const std::string>(made.name);
    }
    if (!made.cursor_json.empty()) cursor = made.cursor_json;
    OpenStep open;
    open.parents_left = static_cast<int>(std::ranges::count_if(made.parents, [&](std::uint32_t parent) {
        return parent >= task.steps.size() || !satisfies_children(task.steps[parent].state);
    }));
    const bool ready = open.parents_left == 0 && !task.blocked();
    std::optional<std::int64_t> sequence;
    if (ready) sequence = next_ready_seq() + place / kWorkersAtOnce * kNextWorkersMs * kReadySeqPerMs;
    open.state = ready ? StepState::Enqueued : StepState::Pending;
    sql_.add_step.run(step.id, task.id, static_cast<std::int64_t>(index), open.state, lane, task.neg_prio,
                      open.parents_left, sequence);
    sql_.add_made_step.run(task.id, static_cast<std::int64_t>(index), step.id,
                           static_cast<std::int64_t>(made.template_index), ordinals_text(made.parents), name,
                           cursor, made.no_op ? 1 : 0);
    if (ready) {
        lanes_.add_ready(lane, task.neg_prio);
        ++task.promoted;
    }
    ++task.counts[static_cast<std::size_t>(open.state)];
    task.steps.push_back(std::move(open));
    task.graph->add(std::move(step));
}

void Orchestrator::add_edges(OpenTask& task, const std::vector<NewEdge>& edges) {
    std::vector<std::uint32_t> children;
    for (const NewEdge& edge : edges) {
        if (edge.child < task.graph->initial()) throw Error("a step made at submission cannot get a parent");
        task.graph->add_edge(edge.parent, edge.child);
        if (children.empty() || children.back() != edge.child) children.push_back(edge.child);
        if (satisfies_children(task.steps[edge.parent].state)) continue;
        ++task.steps[edge.child].parents_left;
        parents_changed(task, edge.child);
    }
    for (const std::uint32_t child : children) {
        sql_.set_made_parents.run(ordinals_text((*task.graph)[child].parents), task.id,
                                  static_cast<std::int64_t>(child));
    }
}

}  // namespace tasker::host
