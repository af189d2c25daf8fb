#pragma once
// The store's rows, read past the engine.

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <unordered_map>
#include <vector>

#include "host/core/uuid.hpp"

namespace tasker::host::simulation {

struct TaskRow {
    std::int64_t id = 0, state = 0, first_step = 0, token = 0;
    Uuid uuid;
};
struct StepRow {
    std::int64_t id = 0, task_id = 0, index = 0, state = 0, parents_left = 0, attempts = 0, fence = 0,
                 losses = 0;
    std::optional<std::int64_t> due_ms;
    std::optional<std::int64_t>
        made_from;          // index in the template, of a step that was made while the task ran
    std::string made_name;  // of a batch worker
};
struct AttemptRow {
    std::int64_t step_id = 0, fence = 0, event = 0, number = 0;
    std::optional<std::int64_t> execution_ms;
};

struct StoreFacts {
    std::vector<TaskRow> tasks;
    std::unordered_map<std::int64_t, std::vector<StepRow>> steps;        // of a task, by index
    std::unordered_map<std::int64_t, std::vector<AttemptRow>> attempts;  // of a step, by fence
    std::size_t running = 0, ready = 0, waiting = 0, all_steps = 0, open_tasks = 0;
};

StoreFacts read_store(const std::filesystem::path& store);

}  // namespace tasker::host::simulation
