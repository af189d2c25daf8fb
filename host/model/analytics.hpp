#pragma once
// How the tasks of a store fare, in numbers. Values.

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace tasker::host {

struct Performance {
    std::int64_t total_tasks = 0, active_tasks = 0;
    std::int64_t completed_tasks = 0, failed_tasks = 0;  // that ended, or were blocked, in the period
    double completion_rate = 0, error_rate = 0;          // of these, 0..1
    double average_task_seconds = 0;                     // of the completed ones, from submission to end
    double average_step_seconds = 0;                     // a handler's run
    std::int64_t tasks_per_hour = 0, steps_per_hour = 0;
    double health_score = 1;  // 1: nothing failed
    std::int64_t period_start_ms = 0, calculated_ms = 0;
    bool sampled = false;  // there was more in the period than was looked at
};

// One step of one template, or one template when `step_name` is empty.
struct SlowItem {
    std::string namespace_name, task_name, version, step_name;
    double average_seconds = 0, max_seconds = 0;
    double average_step_count = 0;  // templates only
    std::int64_t executions = 0, errors = 0;
    double error_rate = 0;
    std::optional<std::int64_t> last_ms;
};

struct StateCounts {
    std::array<std::int64_t, 12> tasks{};  // by TaskState
    std::array<std::int64_t, 10> steps{};  // by StepState
};

struct Bottlenecks {
    std::vector<SlowItem> steps, tasks;  // slowest first
    StateCounts counts;
    double pool_utilization = 0;
    std::vector<std::string> recommendations;
};

}  // namespace tasker::host
