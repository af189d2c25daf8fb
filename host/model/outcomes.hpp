#pragma once
// What the result of a decision or batchable step says about the steps to be made. Pure.
//   result.decision_point_outcome   = {"type":"no_branches"} | {"type":"create_steps","step_names":["a", ...]}
//   result.batch_processing_outcome = {"type":"no_batches"} | {"type":"create_batches","worker_template_name":"w",
//       "worker_count":2,"cursor_configs":[{"batch_id","start_cursor","end_cursor","batch_size"}, ...],"total_items":9}

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "host/model/task_template.hpp"

namespace tasker::host {

inline constexpr std::size_t kMaxStepsPerDecision = 100;
inline constexpr std::size_t kMaxStepNameBytes = 128;

struct DecisionOutcome {
    std::vector<std::string> step_names;  // each once, in the order given; empty: no branches
};

struct BatchCursor {
    std::string batch_id;
    std::string cursor_json;  // the four members, as a worker sees them in inputs.cursor
};
struct BatchOutcome {
    bool no_batches = false;
    std::string worker_template_name;  // of no_batches: empty, the batchable step's initialization says it
    std::vector<BatchCursor> cursors;  // their number counts, whatever worker_count says
};

// What a step of any type may say: nothing, but for the two types above.
using MakingOutcome = std::variant<std::monostate, DecisionOutcome, BatchOutcome>;

struct InvalidOutcome {
    std::string message;  // names the step, the wrong value and the nearest right one
};
template <class Outcome>
using Parsed = std::variant<Outcome, InvalidOutcome>;

// Reads the outcome of step `index` out of its result and checks it against the template: everything but what depends on
// the steps that the task has by then.
Parsed<MakingOutcome> parse_outcome(const TaskTemplate& definition, std::size_t index,
                                    std::string_view result_json);

// What the worker steps of a batch are made from; the template step, or why there is none.
Parsed<std::size_t> batch_worker_of(const TaskTemplate& definition, std::size_t index,
                                    const BatchOutcome& outcome);

// The steps that a decision may name: below it, other decisions not entered. By index.
struct Segment {
    std::vector<bool> inside;        // what may be named
    std::vector<std::size_t> exits;  // the other decisions that end it
};
Segment segment_of(const TaskTemplate& definition, std::size_t decision);

// workflow_step.inputs of a batch worker: its initialization overlaid with cursor, batch_metadata, is_no_op and
// __template_step_name.
std::string batch_inputs_json(const StepTemplate& worker, std::string_view cursor_json, bool no_op);

// The one batch of `no_batches`.
inline constexpr std::string_view kNoOpBatchId = "000";
BatchCursor no_op_cursor();

}  // namespace tasker::host
