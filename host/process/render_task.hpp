#pragma once
// Pictures of tasks. Pure.

#include <string>
#include <vector>

#include "host/process/render.hpp"
#include "host/process/task_view.hpp"

namespace tasker::host {

struct PictureOptions {
    Style style{false};
    bool unicode = true;
    // Of the terminal. A line that wraps or a picture that scrolls could not be drawn over: one column and one row stay
    // free.
    int width = 100;
    int height = 1000;
};

// One line for the task, one for each step: indented by how deep it is in the graph, with state, attempts and time. Of
// more steps than there is room for, those around the first unfinished one.
std::string task_picture(const TaskRow& task, const PictureOptions& options);
// The task and its steps with results and errors, for the end.
std::string task_table(const TaskRow& task, const Style& style, int width);
// "Task Details" as tasker-ctl prints them.
std::string task_details(const TaskRow& task, const Style& style);
std::string step_details(const StepRow& step, const Style& style);

struct StateChange {
    std::string step;  // empty: the task itself
    std::string from, to;
    int attempts = 0, max_attempts = 0;
    std::string error;  // why, when it did not go well
};
// What changed between two readings; all that is not pending when there was none before.
std::vector<StateChange> changes(const TaskRow& before, const TaskRow& after);
std::string change_line(const StateChange& change, const Style& style);
std::string change_document(const std::string& task_uuid, const StateChange& change);

}  // namespace tasker::host
