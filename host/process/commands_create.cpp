#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <functional>

#include "host/api/documents.hpp"
#include "host/api/json_writer.hpp"
#include "host/api/url_query.hpp"
#include "host/core/json_text.hpp"
#include "host/core/json_view.hpp"
#include "host/process/follow.hpp"
#include "host/process/scratch_folder.hpp"
#include "host/process/submission.hpp"

namespace tasker::host {

namespace {
// A chunk is one commit or a few; small enough that the answers keep coming.
constexpr std::size_t kChunkLines = 1000;
constexpr std::size_t kChunkBytes = std::size_t{4} << 20U;
constexpr std::size_t kMaxLine = (std::size_t{1} << 20U) + 65536;
constexpr const char* kProbably =
    "the host's answer was lost; a task with this identity exists now, so it was probably accepted";

std::optional<std::string> find_by_key(ApiClient& client, std::string_view request) {
    const auto key = json_string_member(request, "idempotency_key");
    if (!key) return std::nullopt;
    std::string target = "/v1/tasks/by-idempotency-key?key=" + percent_encoded(*key);
    for (const char* member : {"namespace", "name", "version"}) {
        target += "&" + std::string{member} + "=" +
                  percent_encoded(json_string_member(request, member).value_or(""));
    }
    const ApiResponse found = client.request("GET", target);
    return found.status == 200 ? json_string_member(found.body, "task_uuid") : std::nullopt;
}

// Submits once. When the answer is lost it is not known whether the task was made: it is looked up by its key, else
// submitted a second time, which the duplicate rule makes harmless wherever it applies.
std::string submit(const Config& config, const std::string& request) {
    auto connection = connect(config, StoreUse::Create);
    try {
        return expect_document(connection->client().request("POST", "/v1/tasks", request));
    } catch (const HostUnreachable& lost) {
        if (!lost.maybe_done()) throw;
    }
    connection.reset();
    connection = connect(config, StoreUse::Create);
    if (const auto uuid = find_by_key(connection->client(), request)) {
        return expect_document(connection->client().request("GET", "/v1/tasks/" + *uuid));
    }
    const ApiResponse again = connection->client().request("POST", "/v1/tasks", request);
    if (again.status == 409)
        throw CommandFailure(ExitCode::Refused, "CONFLICT", kProbably, "tasker-host task list shows it");
    return expect_document(again);
}

TemplateName said_template(const Command& command) {
    const auto positional = command.line.get("NAME"), option = command.line.get("name");
    if (positional && option && *positional != *option) {
        throw CommandFailure(ExitCode::Usage, "USAGE",
                             "the template is named twice: " + *positional + " and " + *option);
    }
    return {command.line.get("namespace").value_or(""), positional ? *positional : option.value_or(""),
            command.line.get("version").value_or("")};
}

class LineReader {
  public:
    LineReader(int fd, std::string name) : fd_(fd), name_(std::move(name)) {}

    // The next line without its end; nothing at the end. A line that is too long comes as an empty one with `too_long`.
    std::optional<std::string> next(bool& too_long) {
        too_long = false;
        for (;;) {
            const std::size_t end = buffer_.find('\n', searched_);
            if (end != std::string::npos) return cut(end, 1, too_long);
            searched_ = buffer_.size();
            if (buffer_.size() > kMaxLine) {
                dropping_ = true;
                buffer_.clear();
                searched_ = 0;
            }
            if (!fill()) {
                if (buffer_.empty() && !dropping_) return std::nullopt;
                return cut(buffer_.size(), 0, too_long);
            }
        }
    }

  private:
    std::string cut(std::size_t end, std::size_t newline, bool& too_long) {
        std::string line = buffer_.substr(0, end);
        buffer_.erase(0, end + newline);
        searched_ = 0;
        too_long = dropping_ || line.size() > kMaxLine;
        dropping_ = false;
        return too_long ? std::string{} : line;
    }
    bool fill() {
        std::string chunk(65536, '\0');
        ssize_t got = 0;
        do {
            got = ::read(fd_, chunk.data(), chunk.size());
        } while (got < 0 && errno == EINTR);
        if (got < 0)
            throw CommandFailure(ExitCode::Usage, "USAGE",
                                 name_ + " cannot be read: " + std::strerror(errno));
        buffer_.append(chunk, 0, static_cast<std::size_t>(got));
        return got > 0;
    }

    int fd_;
    std::string name_, buffer_;
    std::size_t searched_ = 0;
    bool dropping_ = false;
};

// Lines to answers, chunk by chunk. A line that cannot be used costs only itself.
class Batch {
  public:
    Batch(Command& command, const Config& config) : command_(command), config_(config) {}

    void add(std::int64_t number, const std::string& line, bool too_long) {
        if (!too_long && line.find_first_not_of(" \t\r") == std::string::npos) return;
        entries_.push_back(
            {number, too_long ? error_document("BAD_REQUEST", "the line is longer than 1 MiB") : "", line});
        bytes_ += line.size();
        if (entries_.size() >= kChunkLines || bytes_ >= kChunkBytes) flush();
    }

    void flush() {
        if (entries_.empty()) return;
        auto connection = connect(config_, StoreUse::Create);
        if (!templates_) templates_ = known_templates(connection->client());
        std::string body = "[";
        std::vector<Entry*> sent;
        for (Entry& entry : entries_) {
            if (!entry.answer.empty() || !complete(entry)) continue;
            body += (sent.empty() ? "" : ",") + entry.line;
            sent.push_back(&entry);
        }
        body += "]";
        bool repeated = false;
        std::string answers;
        try {
            answers = expect_document(connection->client().request("POST", "/v1/tasks/batch", body));
        } catch (const HostUnreachable& lost) {
            if (!lost.maybe_done()) throw;
            repeated = true;
            connection.reset();
            connection = connect(config_, StoreUse::Create);
            answers = expect_document(connection->client().request("POST", "/v1/tasks/batch", body));
        }
        JsonWalk walk(answers);
        for (Entry* entry : sent) {
            entry->answer = walk.next() ? std::string{walk.value()}
                                        : error_document("FAILED", "the host left the line out");
            if (repeated) settle_repeated(connection->client(), *entry);
        }
        report();
    }

    bool all_accepted() const { return accepted_; }

  private:
    struct Entry {
        std::int64_t number = 0;
        std::string answer;  // {"task_uuid": ...} or {"error": ...}; empty until it is known
        std::string line;
    };

    // Fills in what the line leaves out. False when it cannot be sent; then it has its answer.
    bool complete(Entry& entry) {
        try {
            entry.line = completed_line(command_, entry.line, *templates_);
        } catch (const CommandFailure& fault) {
            entry.answer = error_document(fault.exit() == ExitCode::NotFound ? "NOT_FOUND" : "BAD_REQUEST",
                                          fault.what(), fault.hint());
            return false;
        }
        // Checked here: one broken line in the list would break it for all.
        if (const auto fault = json_fault(entry.line, {.max_depth = 90, .max_bytes = kMaxLine})) {
            entry.answer = error_document("BAD_REQUEST", "the line is not usable JSON: " + *fault);
            return false;
        }
        return true;
    }

    void settle_repeated(ApiClient& client, Entry& entry) {
        const auto error = json_member(entry.answer, "error");
        if (!error || json_string_member(*error, "code") != "CONFLICT") return;
        if (const auto uuid = find_by_key(client, entry.line)) {
            entry.answer = "{\"task_uuid\":" + json_string(*uuid) + "}";
        } else {
            entry.answer = error_document("CONFLICT", kProbably);
        }
    }

    void report() {
        for (const Entry& entry : entries_) {
            if (json_member(entry.answer, "error")) accepted_ = false;
            command_.out.line("{\"line\":" + std::to_string(entry.number) + "," + entry.answer.substr(1));
        }
        entries_.clear();
        bytes_ = 0;
    }

    Command& command_;
    const Config& config_;
    std::optional<std::vector<TemplateName>> templates_;
    std::vector<Entry> entries_;
    std::size_t bytes_ = 0;
    bool accepted_ = true;
};

ExitCode create_batch(Command& command, const Config& config, const std::string& file) {
    int fd = STDIN_FILENO;
    if (file != "-") fd = ::open((command.working_directory / file).c_str(), O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        throw CommandFailure(ExitCode::Usage, "USAGE",
                             "--batch: " + file + " cannot be opened: " + std::strerror(errno));
    LineReader lines(fd, file);
    Batch batch(command, config);
    bool too_long = false;
    // A reader that went away ends the submission too: nobody would know what was accepted.
    for (std::int64_t number = 1; !command.out.broken(); ++number) {
        const auto line = lines.next(too_long);
        if (!line) break;
        batch.add(number, *line, too_long);
    }
    if (!command.out.broken()) batch.flush();
    if (fd != STDIN_FILENO) ::close(fd);
    return batch.all_accepted() && !command.out.broken() ? ExitCode::Done : ExitCode::Failed;
}
void refuse_beside(const Command& command, const std::string& chosen, const std::vector<const char*>& options,
                   const std::string& hint) {
    for (const char* option : options) {
        if (!command.line.has(option)) continue;
        throw CommandFailure(ExitCode::Usage, "USAGE",
                             std::string{"--"} + option + " cannot be combined with --" + chosen, hint);
    }
}

// Everything that a submission checks, against whoever would take it; nothing is stored, not even a new store.
ExitCode dry_run(Command& command, Config config, TemplateName chosen, const std::string& context) {
    std::optional<ScratchFolder> nowhere;
    if (!is_postgres(config) && !store_exists(config)) {
        config.database_url.clear();
        config.state_dir = nowhere.emplace().path();
    }
    const auto connection = connect(config, StoreUse::Create);
    if (chosen.namespace_name.empty() || chosen.version.empty())
        chosen = choose_template(known_templates(connection->client()), chosen);
    const std::string document = expect_document(connection->client().request(
        "POST", "/v1/tasks?dry_run=true", request_document(command, chosen, context)));
    if (json_member(document, "dry_run") != "true") {
        throw CommandFailure(ExitCode::Failed, "NOT_SUPPORTED",
                             "the running host knows no dry run and has created the task " +
                                 json_string_member(document, "task_uuid").value_or("?"),
                             "tasker-host task cancel ends it; restart the worker with this version");
    }
    if (command.line.json) {
        command.document(document);
        return ExitCode::Done;
    }
    std::string steps;
    JsonWalk walk(json_member(document, "steps").value_or("[]"));
    while (walk.next()) steps += (steps.empty() ? "" : ", ") + printable(json_unescape(walk.value()));
    command.out.line("Would create a task of " + printable(chosen.id()) + " with the steps " + steps);
    return ExitCode::Done;
}
}  // namespace

ExitCode task_create(Command& command) {
    static_cast<void>(timeout_ms(command));
    TemplateName chosen = said_template(command);
    const auto batch = command.line.get("batch");
    if (batch) {
        refuse_beside(
            command, "batch",
            {"wait", "dry-run", "timeout", "context", "idempotency-key", "correlation-id", "priority", "tag"},
            "what differs from task to task stands in its line");
        return create_batch(command, configure(command).config, *batch);
    }
    if (chosen.name.empty()) {
        throw CommandFailure(ExitCode::Usage, "USAGE", "the template's name is missing",
                             "tasker-host task create NAME");
    }
    const std::string context = read_context(command);
    const Config config = configure(command).config;
    if (command.line.has("dry-run")) {
        refuse_beside(command, "dry-run", {"wait", "timeout"}, "nothing is created that could be waited for");
        return dry_run(command, config, chosen, context);
    }
    if (chosen.namespace_name.empty() || chosen.version.empty()) {
        chosen = choose_template(known_templates(connect(config, StoreUse::Create)->client()), chosen);
    }
    const std::string document = submit(config, request_document(command, chosen, context));
    const std::string uuid = json_string_member(document, "task_uuid").value_or("");
    if (!command.line.has("wait")) {
        command.line.json ? command.document(document) : command.out.line(uuid);
        // Nobody knows what was created.
        return command.out.broken() ? ExitCode::Failed : ExitCode::Done;
    }
    if (!command.line.json) command.out.line(uuid);
    Progress progress(command, false);
    const Followed followed =
        follow_task(command, config, uuid, [&](const TaskRow& task) { progress.show(task); });
    if (command.line.json || followed.timed_out) return finish(command, followed);
    return outcome_of(followed.task);
}

}  // namespace tasker::host
