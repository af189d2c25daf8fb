#include "host/process/follow.hpp"

#include <algorithm>
#include <charconv>

#include "host/api/url_query.hpp"
#include "host/config/duration.hpp"
#include "host/process/render_task.hpp"

namespace tasker::host {

namespace {
// A picture that is drawn over itself needs a terminal that moves its cursor.
bool draws(const Command& command) {
    const auto term = command.environment.find("TERM");
    const bool moves = term != command.environment.end() && !term->second.empty() && term->second != "dumb";
    return moves && command.err.terminal();
}
}  // namespace

std::string TaskReader::document() {
    const std::string target = "/v1/tasks/" + percent_encoded(task_uuid_) + "?include=results,dependencies";
    if (host_ == nullptr) host_ = connect(config_, StoreUse::Existing);
    std::string out = expect_document(host_->client().request("GET", target));
    // The store itself is held for one reading only: a host may want to start.
    if (!host_->host_running()) host_.reset();
    return out;
}

std::optional<std::int64_t> timeout_ms(const Command& command) {
    const auto text = command.line.get("timeout");
    if (!text) return std::nullopt;
    std::int64_t seconds = 0;
    const auto [end, fault] = std::from_chars(text->data(), text->data() + text->size(), seconds);
    if (fault == std::errc{} && end == text->data() + text->size() && seconds >= 0 && seconds < 1'000'000'000)
        return seconds * 1000;
    if (const auto ms = parse_duration(*text)) return ms;
    throw CommandFailure(ExitCode::Usage, "USAGE", "--timeout: '" + *text + "' is not a time",
                         "write seconds, or 500ms, 30s, 5m, 1h");
}

Followed follow(const std::function<std::string()>& read, std::optional<std::int64_t> limit_ms,
                const std::function<void(const TaskRow&)>& seen, const std::function<bool(int)>& pause_ms) {
    const auto start = std::chrono::steady_clock::now();
    // Short tasks are seen at once, long ones do not cost much.
    int pause = 10;
    for (;;) {
        Followed out;
        out.document = read();
        out.task = read_task(out.document);
        seen(out.task);
        if (settled(out.task)) return out;
        const auto passed =
            std::chrono::duration_cast<std::chrono::milliseconds>(std::chrono::steady_clock::now() - start)
                .count();
        std::int64_t wait = pause;
        if (limit_ms) wait = std::min<std::int64_t>(wait, *limit_ms - passed);
        if (wait <= 0 || !pause_ms(static_cast<int>(wait))) {
            out.timed_out = true;
            return out;
        }
        pause = std::min(pause * 2, 250);
    }
}

Progress::Progress(Command& command, bool stream)
    : command_(command), stream_(stream && command.line.json), live_(!command.line.json && draws(command)) {}

void Progress::show(const TaskRow& task) {
    if (live_) {
        redraw(task);
    } else if (stream_ || !command_.line.json) {
        report_changes(task);
    }
    last_ = task;
}

void Progress::redraw(const TaskRow& task) {
    // The cursor is never hidden, so there is nothing to restore when the command is killed.
    const std::string back = lines_ > 0 ? "\x1b[" + std::to_string(lines_) + "A\x1b[J" : std::string{};
    const std::string picture = task_picture(task, {Style(command_.colors(command_.err)), command_.unicode(),
                                                    command_.err.width(), command_.err.height()});
    command_.err.write(back + picture);
    lines_ = static_cast<int>(std::count(picture.begin(), picture.end(), '\n'));
}

void Progress::report_changes(const TaskRow& task) {
    for (const StateChange& change : changes(last_, task)) {
        if (stream_) {
            command_.out.line(change_document(task.uuid, change));
        } else {
            command_.err.line(change_line(change, Style(command_.colors(command_.err))));
        }
    }
}

ExitCode finish(Command& command, const Followed& followed) {
    if (followed.timed_out) {
        throw CommandFailure(ExitCode::TimedOut, "TIMED_OUT",
                             "task " + followed.task.uuid + " has not settled in time; it is in state " +
                                 followed.task.status);
    }
    if (command.line.json) {
        command.document(followed.document);
    } else {
        command.out.write(task_table(followed.task, command.style(), command.out.width()));
    }
    return outcome_of(followed.task);
}

}  // namespace tasker::host
