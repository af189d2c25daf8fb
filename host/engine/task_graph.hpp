#pragma once
// The steps and edges of a task whose template makes steps at run time. A task of any other template needs none: its
// steps are those of the template, in the same order. Built from the template and the made_step rows.

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "host/engine/sqlite.hpp"
#include "host/model/expansion.hpp"
#include "host/model/step_event.hpp"
#include "host/model/task_template.hpp"

namespace tasker::host {

// A step by its ordinal in the task (step.idx).
struct GraphStep {
    std::int64_t id = 0;  // the row's
    std::uint32_t template_index = 0;
    bool no_op = false;
    SharedText name;                               // null: the template step's
    std::string cursor_json;                       // of a batch worker
    std::vector<std::uint32_t> parents, children;  // ordinals, ascending
};

class TaskGraph {
  public:
    // The steps that are made at submission: they have consecutive ids from `first_step`.
    TaskGraph(const TaskTemplate& definition, const std::vector<std::size_t>& initial,
              std::int64_t first_step);

    // Adds a step behind the others. Its parents have been added, or are among those behind it that are added before
    // link() is called.
    void add(GraphStep step);
    // Tells the parents of the steps from `first` on that they have children.
    void link(std::size_t first);
    void add_edge(std::uint32_t parent, std::uint32_t child);
    // Reads the steps that were made later. Throws Error when a row does not fit.
    void load(Statement& made_steps, std::int64_t task_id, const TaskTemplate& definition);

    std::size_t size() const { return steps_.size(); }
    std::size_t initial() const { return initial_; }
    const GraphStep& operator[](std::size_t ordinal) const { return steps_[ordinal]; }
    std::size_t bytes() const { return bytes_; }

    // All transitive parents, in the order of their names.
    std::vector<std::uint32_t> ancestors(std::size_t ordinal, const TaskTemplate& definition) const;
    const std::string& name(std::size_t ordinal, const TaskTemplate& definition) const {
        const GraphStep& step = steps_[ordinal];
        return step.name ? *step.name : definition.steps[step.template_index].name;
    }

  private:
    std::vector<GraphStep> steps_;
    std::size_t initial_ = 0, bytes_ = 0;
    mutable std::vector<std::uint32_t> seen_;  // of ancestors(): the mark of the last walk that came by
    mutable std::uint32_t mark_ = 0;
};

// "0,3,5-9": how a list of parents is stored.
std::string ordinals_text(std::span<const std::uint32_t> ordinals);
// Throws Error when the text is not one, or names `limit` or more.
std::vector<std::uint32_t> parse_ordinals(std::string_view text, std::size_t limit);

// The statement that load() reads with; any connection.
Statement made_steps_of_task(SqlConnection& connection);
// For readers: the graph of a stored task; null when its steps are simply those of its template.
std::unique_ptr<TaskGraph> graph_of(SqlConnection& connection, std::int64_t task_id, std::int64_t first_step,
                                    const TaskTemplate& definition);

}  // namespace tasker::host
