#pragma once
// An open task as the writer thread holds it, and the bounded cache of them. The store is the truth: an entry can be
// dropped at any time and is read back when needed. Writer thread only.

#include <array>
#include <cstdint>
#include <list>
#include <memory>
#include <unordered_map>
#include <vector>

#include "host/engine/pinned_templates.hpp"
#include "host/engine/task_graph.hpp"
#include "host/model/readiness.hpp"
#include "host/model/states.hpp"
#include "host/model/step_event.hpp"

namespace tasker::host {

struct OpenStep {
    StepState state = StepState::Pending;
    bool parents_changed = false;  // parents_left is not written yet
    bool lent = false;             // `result` is kept alive by the task's ResultTexts
    std::uint8_t idle_yields = 0;  // in a row with an unchanged cursor; stays at 255
    int parents_left = 0;
    int attempts = 0;
    int losses = 0;
    std::uint32_t fence = 0;
    std::int32_t checkpoints = 0;  // records saved so far; 0: there is none to read
    std::int64_t backoff_ms = 0;
    SharedText result;  // envelope of the last answered attempt; null: none, or not read yet
};

// Keeps the results alive that events refer to: an event of a step with a thousand ancestors holds one pointer to this
// instead of a thousand counted ones. Only the writer thread looks inside; whoever else holds it only lets go of it.
using ResultTexts = std::vector<SharedText>;

struct OpenTask {
    std::int64_t id = 0, first_step = 0, created_ms = 0, neg_prio = 0;
    std::shared_ptr<const PinnedTemplate> pinned;
    std::shared_ptr<const TaskInfo> info;  // null until a step of it is claimed
    TaskState state = TaskState::Pending;
    std::vector<OpenStep> steps;
    std::unique_ptr<TaskGraph> graph;  // null: the steps are those of the template
    std::shared_ptr<ResultTexts> texts;
    std::vector<std::uint32_t> parents_changed;  // steps, in the transaction in progress
    std::array<int, 10> counts{};                // steps by state
    int promoted = 0;                            // in the transaction in progress
    int streak = 0;                              // dependents handed straight back in a row
    bool touched = false;                        // in the transaction in progress
    bool settles = false;                        // its state may have to change

    int count(StepState step_state) const { return counts[static_cast<std::size_t>(step_state)]; }
    void set_state(OpenStep& step, StepState next) {
        --counts[static_cast<std::size_t>(step.state)];
        ++counts[static_cast<std::size_t>(next)];
        step.state = next;
    }
    // Nothing of it is promoted: a step failed for good, or the task itself ended (a stale one, whose steps may run on).
    bool blocked() const { return count(StepState::Error) > 0 || is_terminal(state); }
    // A step by its ordinal: its row, what it is made from, its lane, its name in this task.
    std::int64_t step_id(std::size_t index) const {
        return graph ? (*graph)[index].id : first_step + static_cast<std::int64_t>(index);
    }
    std::size_t template_index(std::size_t index) const {
        return graph ? (*graph)[index].template_index : index;
    }
    const StepTemplate& definition(std::size_t index) const {
        return pinned->definition->steps[template_index(index)];
    }
    LaneId lane(std::size_t index) const { return pinned->lanes[template_index(index)]; }
    const std::string& name(std::size_t index) const {
        return graph ? graph->name(index, *pinned->definition) : pinned->definition->steps[index].name;
    }
    // How many of its steps were made at submission; they have consecutive ids.
    std::size_t initial_steps() const { return graph ? graph->initial() : steps.size(); }
};

TaskCounts counts_of(const OpenTask& task);

class TaskCache {
  public:
    explicit TaskCache(std::size_t max_bytes) : max_bytes_(max_bytes) {}

    // The entry, made the most recent; null when there is none.
    OpenTask* find(std::int64_t task_id);
    // Adds a task that was read back. Never drops a touched one.
    OpenTask& put(OpenTask task);
    // Adds a new task, but never at the cost of one that is there: with a deep backlog the newest are needed last.
    // Null when there is no room.
    OpenTask* put_if_room(OpenTask task);
    void drop(std::int64_t task_id);
    // An entry has become larger.
    void grew(std::size_t bytes) { bytes_ += bytes; }
    // A result of an entry is there now, or another one than before.
    void set_result(OpenStep& step, SharedText envelope);
    void trim();

    std::size_t size() const { return by_id_.size(); }

  private:
    std::list<OpenTask> entries_;  // most recent first
    std::unordered_map<std::int64_t, std::list<OpenTask>::iterator> by_id_;
    std::size_t max_bytes_, bytes_ = 0;
};

}  // namespace tasker::host
