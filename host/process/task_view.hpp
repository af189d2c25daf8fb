#pragma once
// A task as the verbs look at it: read from the API's document. Pure.

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "host/process/exit_code.hpp"

namespace tasker::host {

struct StepRow {
    std::string uuid, name, state;
    int attempts = 0, max_attempts = 0;
    bool dependencies_satisfied = false, retry_eligible = false;
    std::vector<std::string> dependencies;
    std::optional<std::int64_t> execution_ms;  // of the last attempt that ended
    std::string error;                         // of the last failure
    std::string result;                        // JSON; empty while there is none
};

struct TaskRow {
    std::string uuid, name, namespace_name, version, status, created_at, updated_at, completed_at, health,
        recommended_action, correlation_id;
    int priority = 0, total_steps = 0, completed_steps = 0;
    double percentage = 0;
    std::vector<StepRow> steps;

    std::string id() const { return namespace_name + "/" + name + "/" + version; }
};

// Throws Error when the text is not a task document.
TaskRow read_task(std::string_view document);
std::vector<StepRow> read_steps(std::string_view document);

// Nothing will change any more without somebody's action: terminal, or blocked with no live step.
bool settled(const TaskRow& task);
// Done for complete and resolved_manually, Failed for every other end. Precondition: settled.
ExitCode outcome_of(const TaskRow& task);

}  // namespace tasker::host
