#include <poll.h>

#include <algorithm>
#include <charconv>
#include <functional>
#include <utility>

#include "host/api/json_writer.hpp"
#include "host/api/url_query.hpp"
#include "host/core/json_view.hpp"
#include "host/core/uuid.hpp"
#include "host/process/follow.hpp"
#include "host/process/render_task.hpp"

namespace tasker::host {

namespace {
int limit_of(const Command& command) {
    const std::string text = command.line.get("limit").value_or("20");
    int value = 0;
    const auto [end, fault] = std::from_chars(text.data(), text.data() + text.size(), value);
    if (fault != std::errc{} || end != text.data() + text.size() || value < 1) {
        throw CommandFailure(ExitCode::Usage, "USAGE", "--limit: '" + text + "' is not a number from 1");
    }
    return value;
}

std::string filter_of(const Command& command) {
    std::string out;
    const std::pair<const char*, const char*> names[] = {{"namespace", "namespace"},
                                                         {"status", "status"},
                                                         {"initiator", "initiator"},
                                                         {"source_system", "source-system"}};
    for (const auto& [parameter, option] : names) {
        if (const auto value = command.line.get(option))
            out += "&" + std::string{parameter} + "=" + percent_encoded(*value);
    }
    return out;
}

// Pages through the API, whose pages hold at most 100, and keeps every task's text as it came.
struct Listing {
    std::vector<std::string> tasks;
    std::int64_t total = 0;
};
Listing fetch(ApiClient& client, const std::string& filter, int limit) {
    constexpr int kPage = 100;
    Listing out;
    // One page size throughout: pages of another size would begin elsewhere.
    const int size = std::min(limit, kPage);
    for (int page = 1; static_cast<int>(out.tasks.size()) < limit; ++page) {
        const std::string document = expect_document(client.request(
            "GET", "/v1/tasks?page=" + std::to_string(page) + "&per_page=" + std::to_string(size) + filter));
        std::size_t got = 0;
        JsonWalk walk(json_member(document, "tasks").value_or("[]"));
        for (; walk.next(); ++got) {
            if (static_cast<int>(out.tasks.size()) < limit) out.tasks.emplace_back(walk.value());
        }
        const auto numbers = json_member(document, "pagination").value_or("{}");
        const auto total = json_member(numbers, "total_count").value_or("0");
        std::from_chars(total.data(), total.data() + total.size(), out.total);
        if (static_cast<int>(got) < size) break;
    }
    return out;
}

std::string listing_document(const Listing& listing, int limit) {
    std::string tasks = "[";
    for (const std::string& task : listing.tasks) tasks += (tasks.size() > 1 ? "," : "") + task;
    std::string pagination;
    JsonObject numbers(pagination);
    numbers.number("page", 1)
        .number("per_page", limit)
        .number("total_count", listing.total)
        .number("total_pages", (listing.total + limit - 1) / limit)
        .boolean("has_next", listing.total > static_cast<std::int64_t>(listing.tasks.size()))
        .boolean("has_previous", false);
    numbers.end();
    return "{\"tasks\":" + tasks + "],\"pagination\":" + pagination + "}";
}

void print_listing(Command& command, const Listing& listing) {
    const Style style = command.style();
    command.out.line("Found " + std::to_string(listing.total) + (listing.total == 1 ? " task" : " tasks") +
                     (listing.total > static_cast<std::int64_t>(listing.tasks.size())
                          ? " (the newest " + std::to_string(listing.tasks.size()) + " are shown)"
                          : ""));
    TextTable table({"TASK", "TEMPLATE", "STATUS", "STEPS", "CREATED"});
    for (const std::string& document : listing.tasks) {
        const TaskRow task = read_task(document);
        table.row({task.uuid, printable(task.id()), style.state(task.status),
                   std::to_string(task.completed_steps) + "/" + std::to_string(task.total_steps),
                   task.created_at});
    }
    if (!table.empty()) command.out.write(table.str(style));
}

}  // namespace

Followed follow_task(Command& command, const Config& config, const std::string& uuid,
                     const std::function<void(const TaskRow&)>& seen) {
    TaskReader reader(config, uuid);
    bool told = false;
    const auto look = [&](const TaskRow& task) {
        seen(task);
        if (reader.host_running() || settled(task) || std::exchange(told, true)) return;
        command.err.line("note: no host is running; waiting for one to run the task");
    };
    // Without a host each reading opens the store: not more often than it helps.
    const auto pause = [&](int ms) {
        ::poll(nullptr, 0, reader.host_running() ? ms : std::max(ms, 100));
        return true;
    };
    return follow([&] { return reader.document(); }, timeout_ms(command), look, pause);
}

ExitCode task_get(Command& command) {
    const std::string uuid = task_argument(command);
    const Config config = configure(command).config;
    const auto connection = connect(config, StoreUse::Existing);
    const std::string extras = command.line.json ? "" : "?include=results,dependencies";
    const std::string document =
        expect_document(connection->client().request("GET", "/v1/tasks/" + uuid + extras));
    if (command.line.json) {
        command.document(document);
        return ExitCode::Done;
    }
    const TaskRow task = read_task(document);
    command.out.write(task_details(task, command.style()) + "\n" +
                      task_table(task, command.style(), command.out.width()));
    return ExitCode::Done;
}

ExitCode task_list(Command& command) {
    const int limit = limit_of(command);
    const Config config = configure(command).config;
    Listing listing;
    // Nothing was ever submitted: that is an empty list, not an error.
    if (is_postgres(config) || store_exists(config)) {
        const auto connection = connect(config, StoreUse::Existing);
        listing = fetch(connection->client(), filter_of(command), limit);
    }
    if (command.line.json) {
        command.document(listing_document(listing, limit));
    } else {
        print_listing(command, listing);
    }
    return ExitCode::Done;
}

ExitCode task_steps(Command& command) {
    const std::string uuid = task_argument(command);
    const Config config = configure(command).config;
    const auto connection = connect(config, StoreUse::Existing);
    const std::string document =
        expect_document(connection->client().request("GET", "/v1/tasks/" + uuid + "/workflow_steps"));
    if (command.line.json) {
        command.document(document);
        return ExitCode::Done;
    }
    for (const StepRow& step : read_steps(document)) command.out.write(step_details(step, command.style()));
    return ExitCode::Done;
}

ExitCode task_cancel(Command& command) {
    const std::string uuid = task_argument(command);
    const Config config = configure(command).config;
    const auto connection = connect(config, StoreUse::Existing);
    const std::string document = expect_allowed(connection->client().request("DELETE", "/v1/tasks/" + uuid));
    if (command.line.json) {
        command.document(document);
    } else {
        command.out.write(command.report().success("Task " + uuid + " is cancelled.").str());
    }
    return ExitCode::Done;
}

ExitCode task_watch(Command& command) {
    const std::string uuid = task_argument(command);
    const Config config = configure(command).config;
    Progress progress(command, true);
    return finish(command,
                  follow_task(command, config, uuid, [&](const TaskRow& task) { progress.show(task); }));
}

ExitCode task_wait(Command& command) {
    const std::string uuid = task_argument(command);
    const Config config = configure(command).config;
    return finish(command, follow_task(command, config, uuid, [](const TaskRow&) {}));
}

}  // namespace tasker::host
