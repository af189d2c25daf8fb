#pragma once
// Which steps a task begins with, and which ones a decision or a batch adds to it. Pure rules over a template and the
// steps that the task has by then.
//
// Lazy are batch workers and everything below a decision or a batch worker. What is not lazy is made at submission. A
// step that is made waits for each of its dependencies that exists. Of one that does not exist yet but still may (it hangs
// below a decision or batchable step that has not ended) it waits for that step; when it is made after all, the edge is
// added. A dependency that will never exist is left out by a convergence, and stands for the deciding step itself for
// any other step.

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "host/model/outcomes.hpp"
#include "host/model/task_template.hpp"

namespace tasker::host {

// By index, in template order.
std::vector<std::size_t> initial_steps(const TaskTemplate& definition);
// True when tasks of this template may get more steps while they run.
bool makes_steps(const TaskTemplate& definition);

// A step that a task has. Its ordinal is its place in the task.
struct TaskStep {
    std::size_t template_index = 0;
    std::string_view name;
    std::span<const std::uint32_t> parents;  // ordinals, ascending
    bool pending = false;                    // neither enqueued nor run: it can still get parents
    bool done = false;                       // complete or resolved
};

struct NewStep {
    std::size_t template_index = 0;
    std::string name;
    std::string cursor_json;  // of a batch worker; else empty
    bool no_op = false;
    std::vector<std::uint32_t> parents;  // ordinals, ascending; new steps have those behind the task's
};
struct NewEdge {
    std::uint32_t parent = 0, child = 0;
};
struct Expansion {
    std::vector<NewStep> steps;
    std::vector<NewEdge> edges;    // below steps that the task has already
    std::vector<NewEdge> ignored;  // their child has begun: a parent would mean nothing any more
};

// What the outcome of the step `ordinal`, which counts as done, adds to the task. The outcome went through
// parse_outcome().
Parsed<Expansion> expand(const TaskTemplate& definition, std::span<const TaskStep> steps, std::size_t ordinal,
                         const MakingOutcome& outcome);

}  // namespace tasker::host
