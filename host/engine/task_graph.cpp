#include "host/engine/task_graph.hpp"

#include <algorithm>
#include <charconv>
#include <utility>

#include "host/core/error.hpp"

namespace tasker::host {

namespace {
constexpr std::size_t kMostOrdinal = 10'000'000;

[[noreturn]] void misfit(std::int64_t task_id, const char* what) {
    throw Error("task row " + std::to_string(task_id) + " has a made step with " + what);
}

std::size_t size_of(const GraphStep& step) {
    return sizeof(GraphStep) + (step.name ? step.name->size() : 0) + step.cursor_json.size() +
           sizeof(std::uint32_t) * (2 * step.parents.size() + 2);
}
}  // namespace

TaskGraph::TaskGraph(const TaskTemplate& definition, const std::vector<std::size_t>& initial,
                     std::int64_t first_step) {
    std::vector<std::uint32_t> ordinal_of(definition.steps.size());
    for (std::size_t i = 0; i < initial.size(); ++i) ordinal_of[initial[i]] = static_cast<std::uint32_t>(i);
    for (std::size_t i = 0; i < initial.size(); ++i) {
        GraphStep step;
        step.id = first_step + static_cast<std::int64_t>(i);
        step.template_index = static_cast<std::uint32_t>(initial[i]);
        // What is made at submission depends on nothing that is made later.
        for (const std::size_t dependency : definition.steps[initial[i]].dependency_ids)
            step.parents.push_back(ordinal_of[dependency]);
        std::ranges::sort(step.parents);
        add(std::move(step));
    }
    initial_ = steps_.size();
    link(0);
}

void TaskGraph::add(GraphStep step) {
    bytes_ += size_of(step);
    steps_.push_back(std::move(step));
}

void TaskGraph::link(std::size_t first) {
    for (std::size_t i = first; i < steps_.size(); ++i) {
        for (const std::uint32_t parent : steps_[i].parents)
            steps_[parent].children.push_back(static_cast<std::uint32_t>(i));
    }
}

void TaskGraph::add_edge(std::uint32_t parent, std::uint32_t child) {
    const auto put = [](std::vector<std::uint32_t>& sorted, std::uint32_t value) {
        sorted.insert(std::ranges::upper_bound(sorted, value), value);
    };
    put(steps_[child].parents, parent);
    put(steps_[parent].children, child);
    bytes_ += 2 * sizeof(std::uint32_t);
}

void TaskGraph::load(Statement& made_steps, std::int64_t task_id, const TaskTemplate& definition) {
    for (auto rows = made_steps.query(task_id); rows.next();) {
        GraphStep step;
        if (rows.integer(0) != static_cast<std::int64_t>(steps_.size())) misfit(task_id, "the wrong place");
        step.id = rows.integer(1);
        const std::int64_t index = rows.integer(2);
        if (index < 0 || index >= static_cast<std::int64_t>(definition.steps.size()))
            misfit(task_id, "no step in its template");
        step.template_index = static_cast<std::uint32_t>(index);
        step.parents = parse_ordinals(rows.text(3), kMostOrdinal);
        if (!rows.is_null(4)) step.name = std::make_shared<const std::string>(rows.text(4));
        step.cursor_json = rows.text(5);
        step.no_op = rows.integer(6) != 0;
        add(std::move(step));
    }
    for (std::size_t i = initial_; i < steps_.size(); ++i) {
        for (const std::uint32_t parent : steps_[i].parents) {
            if (parent >= steps_.size()) misfit(task_id, "a parent that the task has not");
        }
    }
    link(initial_);
}

std::vector<std::uint32_t> TaskGraph::ancestors(std::size_t ordinal, const TaskTemplate& definition) const {
    seen_.resize(steps_.size());
    ++mark_;
    std::vector<std::uint32_t> found;
    const auto visit = [&](std::size_t at) {
        for (const std::uint32_t parent : steps_[at].parents) {
            if (std::exchange(seen_[parent], mark_) != mark_) found.push_back(parent);
        }
    };
    visit(ordinal);
    for (std::size_t next = 0; next < found.size(); ++next) visit(found[next]);
    std::ranges::sort(found, {}, [&](std::uint32_t i) -> const std::string& { return name(i, definition); });
    return found;
}

std::string ordinals_text(std::span<const std::uint32_t> ordinals) {
    std::string text;
    for (std::size_t i = 0; i < ordinals.size();) {
        std::size_t end = i + 1;
        while (end < ordinals.size() && ordinals[end] == ordinals[end - 1] + 1) ++end;
        if (!text.empty()) text += ',';
        text += std::to_string(ordinals[i]);
        if (end - i > 1) text += '-' + std::to_string(ordinals[end - 1]);
        i = end;
    }
    return text;
}

std::vector<std::uint32_t> parse_ordinals(std::string_view text, std::size_t limit) {
    std::vector<std::uint32_t> ordinals;
    const auto number = [&] {
        std::uint32_t value = 0;
        const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
        if (error != std::errc{} || value >= limit) throw Error("a list of parents cannot be read");
        text.remove_prefix(static_cast<std::size_t>(end - text.data()));
        return value;
    };
    while (!text.empty()) {
        const std::uint32_t first = number();
        std::uint32_t last = first;
        if (text.starts_with('-')) {
            text.remove_prefix(1);
            last = number();
        }
        if (last < first || (!ordinals.empty() && first <= ordinals.back()) ||
            (!text.empty() && !text.starts_with(',')))
            throw Error("a list of parents cannot be read");
        if (!text.empty()) {
            text.remove_prefix(1);
            if (text.empty()) throw Error("a list of parents cannot be read");
        }
        for (std::uint32_t value = first; value <= last; ++value) ordinals.push_back(value);
    }
    return ordinals;
}

std::unique_ptr<TaskGraph> graph_of(SqlConnection& connection, std::int64_t task_id, std::int64_t first_step,
                                    const TaskTemplate& definition) {
    if (!makes_steps(definition)) return nullptr;
    auto graph = std::make_unique<TaskGraph>(definition, initial_steps(definition), first_step);
    Statement made_steps = made_steps_of_task(connection);
    graph->load(made_steps, task_id, definition);
    return graph;
}

Statement made_steps_of_task(SqlConnection& connection) {
    return connection.prepare(
        "SELECT idx, step_id, template_idx, parents, name, cursor, no_op FROM made_step WHERE task_id = ? "
        "ORDER BY idx");
}

}  // namespace tasker::host
