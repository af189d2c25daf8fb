#include "host/process/render_task.hpp"

#include <algorithm>
#include <array>
#include <cstdio>
#include <map>

#include "host/api/json_writer.hpp"
#include "host/model/states.hpp"

namespace tasker::host {

namespace {
std::string mark(const StepRow& step, const PictureOptions& options) {
    const bool unicode = options.unicode;
    const auto state = step_state(step.state);
    if (state && satisfies_children(*state)) return options.style.good(unicode ? "✓" : "+");
    if (state == StepState::Error || state == StepState::Cancelled)
        return options.style.bad(unicode ? "✗" : "x");
    if (state == StepState::WaitingForRetry) return options.style.busy(unicode ? "↻" : "~");
    if (state == StepState::Pending) return options.style.dim(unicode ? "○" : ".");
    return options.style.busy(unicode ? "●" : "*");
}

// The longest way from a step without dependencies. A graph without cycles is promised; the bound holds for any.
std::map<std::string, int> depths(const TaskRow& task) {
    std::map<std::string, int> out;
    for (std::size_t round = 0; round <= task.steps.size(); ++round) {
        bool changed = false;
        for (const StepRow& step : task.steps) {
            int depth = 0;
            for (const std::string& name : step.dependencies) depth = std::max(depth, out[name] + 1);
            if (depth > out[step.name]) {
                out[step.name] = depth;
                changed = true;
            }
        }
        if (!changed) break;
    }
    return out;
}

std::string attempts_text(int attempts, int max_attempts) {
    return attempts == 0 ? std::string{} : std::to_string(attempts) + "/" + std::to_string(max_attempts);
}

std::string padded(const std::string& text, std::size_t width) {
    const std::size_t have = display_width(text);
    return text + std::string(have < width ? width - have : 0, ' ');
}

std::string percent(double value) {
    std::array<char, 32> text{};
    std::snprintf(text.data(), text.size(), "%.1f%%", value);
    return text.data();
}

constexpr std::size_t kMaxIndent = 20;
std::size_t indent_of(int depth) { return static_cast<std::size_t>(depth) * 2; }

std::string step_line(const StepRow& step, std::size_t indent, std::size_t name_width, std::size_t columns,
                      const PictureOptions& options) {
    const std::string name = fitted(printable(step.name), name_width - std::min(indent, name_width - 4));
    std::string after;
    for (const std::string& parent : step.dependencies)
        after += (after.empty() ? "" : ", ") + printable(parent);
    const std::string time = step.execution_ms ? short_duration(*step.execution_ms) : "";
    std::string line = "  " + std::string(indent, ' ') + mark(step, options) + " " +
                       padded(name, name_width - std::min(indent, name_width)) + "  " +
                       padded(options.style.state(step.state), 18) +
                       padded(attempts_text(step.attempts, step.max_attempts), 6) + padded(time, 8);
    const std::size_t used = display_width(line);
    const std::string extra = !step.error.empty() && step.state != "complete" ? printable(step.error)
                              : after.empty()                                 ? std::string{}
                                                                              : "after " + after;
    if (used + 8 < columns && !extra.empty()) line += options.style.dim(fitted(extra, columns - used));
    line.erase(line.find_last_not_of(' ') + 1);
    return line;
}

struct Rows {
    std::size_t first = 0, last = 0;
};
// Which steps are shown when there is room for `room` lines, the one that counts the others included.
Rows shown_rows(const TaskRow& task, int room) {
    const std::size_t count = task.steps.size();
    if (room >= 0 && count <= static_cast<std::size_t>(room)) return {0, count};
    const auto size = static_cast<std::size_t>(std::max(room - 1, 0));
    const auto unfinished = std::find_if(task.steps.begin(), task.steps.end(), [](const StepRow& step) {
        const auto state = step_state(step.state);
        return !state || !satisfies_children(*state);
    });
    // One finished step before it shows that there were some.
    const auto at = static_cast<std::size_t>(unfinished - task.steps.begin());
    const std::size_t first = std::min(at > 0 ? at - 1 : 0, count - size);
    return {first, first + size};
}
}  // namespace

std::string task_picture(const TaskRow& task, const PictureOptions& options) {
    const auto depth = depths(task);
    const auto columns = static_cast<std::size_t>(std::max(options.width - 1, 1));
    std::size_t name_width = 8;
    for (const StepRow& step : task.steps) {
        name_width =
            std::max(name_width, display_width(printable(step.name)) + indent_of(depth.at(step.name)));
    }
    name_width = std::min<std::size_t>(name_width, 44);
    std::string out =
        cut_to(options.style.bold(printable(task.id())) + "  " + options.style.state(task.status) + "  " +
                   std::to_string(task.completed_steps) + "/" + std::to_string(task.total_steps),
               columns) +
        "\n";
    const Rows rows = shown_rows(task, options.height - 2);
    for (std::size_t i = rows.first; i < rows.last; ++i) {
        const StepRow& step = task.steps[i];
        const std::size_t indent = std::min(indent_of(depth.at(step.name)), kMaxIndent);
        out += cut_to(step_line(step, indent, name_width, columns, options), columns) + "\n";
    }
    const std::size_t hidden = task.steps.size() - (rows.last - rows.first);
    if (hidden > 0) {
        const std::string more = std::string{options.unicode ? "…" : "..."} + " " + std::to_string(hidden) +
                                 (hidden == 1 ? " more step" : " more steps");
        out += cut_to("  " + options.style.dim(more), columns) + "\n";
    }
    return out;
}

std::string task_table(const TaskRow& task, const Style& style, int width) {
    TextTable table({"STEP", "STATE", "ATTEMPTS", "TIME", "RESULT"});
    for (const StepRow& step : task.steps) {
        const std::string said = step.result.empty() ? step.error : step.result;
        table.row({printable(step.name), style.state(step.state),
                   attempts_text(step.attempts, step.max_attempts),
                   step.execution_ms ? short_duration(*step.execution_ms) : "-",
                   fitted(printable(said), static_cast<std::size_t>(std::max(width - 50, 40)))});
    }
    return "Task " + task.uuid + "  " + printable(task.id()) + "  " + style.state(task.status) + "\n" +
           table.str(style);
}

std::string task_details(const TaskRow& task, const Style& style) {
    std::string out = style.bold("Task Details") + "\n";
    const auto field = [&](const std::string& label, const std::string& value) {
        if (!value.empty()) out += "  " + label + ": " + value + "\n";
    };
    field("UUID", task.uuid);
    field("Name", printable(task.name));
    field("Namespace", printable(task.namespace_name));
    field("Version", printable(task.version));
    field("Status", style.state(task.status));
    field("Priority", std::to_string(task.priority));
    field("Created", task.created_at);
    field("Updated", task.updated_at);
    field("Completed", task.completed_at);
    field("Steps",
          std::to_string(task.completed_steps) + "/" + std::to_string(task.total_steps) + " completed");
    field("Progress", percent(task.percentage));
    field("Health", task.health);
    field("Recommended action", task.recommended_action);
    field("Correlation ID", task.correlation_id);
    return out;
}

std::string step_details(const StepRow& step, const Style& style) {
    std::string out = style.bold(printable(step.name)) + " (" + step.uuid + ")\n";
    out += "  State: " + style.state(step.state) + "\n";
    out += std::string{"  Dependencies satisfied: "} + (step.dependencies_satisfied ? "yes" : "no") + "\n";
    out += "  Attempts: " + std::to_string(step.attempts) + "/" + std::to_string(step.max_attempts) + "\n";
    if (step_state(step.state) == StepState::WaitingForRetry && step.retry_eligible)
        out += "  " + style.busy("! Retry eligible") + "\n";
    if (!step.error.empty()) out += "  Error: " + style.bad(printable(step.error)) + "\n";
    return out;
}

std::vector<StateChange> changes(const TaskRow& before, const TaskRow& after) {
    std::vector<StateChange> out;
    for (const StepRow& step : after.steps) {
        const auto old = std::find_if(before.steps.begin(), before.steps.end(),
                                      [&](const StepRow& one) { return one.uuid == step.uuid; });
        const std::string from = old == before.steps.end() ? "pending" : old->state;
        const bool again = old != before.steps.end() && old->attempts != step.attempts;
        if (from == step.state && !again) continue;
        // A step that runs again still tells of its last failure.
        const bool failed =
            step.state == name(StepState::Error) || step.state == name(StepState::WaitingForRetry);
        out.push_back(
            {step.name, from, step.state, step.attempts, step.max_attempts, failed ? step.error : ""});
    }
    if (before.status != after.status) out.push_back({{}, before.status, after.status, 0, 0, {}});
    return out;
}

std::string change_line(const StateChange& change, const Style& style) {
    std::string out = change.step.empty() ? "task" : printable(change.step);
    out += ": " + (change.from.empty() ? "" : change.from + " -> ") + style.state(change.to);
    if (change.attempts > 0) out += " (attempt " + attempts_text(change.attempts, change.max_attempts) + ")";
    if (!change.error.empty()) out += ": " + printable(change.error);
    return out;
}

std::string change_document(const std::string& task_uuid, const StateChange& change) {
    std::string out;
    JsonObject object(out);
    object.text("task_uuid", task_uuid)
        .maybe_text("step", change.step)
        .maybe_text("from", change.from)
        .text("to", change.to)
        .number("attempts", change.attempts);
    object.end();
    return out;
}

}  // namespace tasker::host
