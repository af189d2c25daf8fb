#include <algorithm>
#include <array>
#include <optional>

#include "host/api/documents.hpp"
#include "host/api/json_writer.hpp"
#include "host/api/route_table.hpp"
#include "host/api/summary_document.hpp"
#include "host/api/task_request_reader.hpp"
#include "host/core/json_text.hpp"
#include "host/core/json_view.hpp"
#include "host/core/nearest.hpp"

namespace tasker::host {

namespace {
std::optional<std::string> read_status(const std::string& text, TaskFilter& filter) {
    if (text.empty()) return std::nullopt;
    if (text == "open") {
        filter.only_open = true;
        return std::nullopt;
    }
    filter.state = task_state(text == "completed" ? "complete" : text);
    if (filter.state) return std::nullopt;
    std::vector<std::string> names{"open"};
    for (int value = 0; value <= static_cast<int>(TaskState::ResolvedManually); ++value) {
        names.emplace_back(name(static_cast<TaskState>(value)));
    }
    std::string all;
    for (const std::string& one : names) all += (all.empty() ? "" : ", ") + one;
    return "'" + text.substr(0, 64) + "' is not a task status" + did_you_mean(text, names) + " (" + all + ")";
}

ApiResponse list_tasks(const Call& call) {
    TaskFilter filter;
    const auto page = number(call.query("page"), 1, 1, 1'000'000'000);
    const auto per_page = number(call.query("per_page"), 25, 1, 100);
    if (!page) return bad_request("page must be a number from 1");
    if (!per_page) return bad_request("per_page must be a number from 1 to 100");
    filter.page = *page;
    filter.per_page = *per_page;
    if (const auto fault = read_status(call.query("status"), filter)) return bad_request(*fault);
    const auto word = [&](const char* key) {
        const std::string text = call.query(key);
        return text.empty() ? std::nullopt : std::optional{text};
    };
    filter.namespace_name = word("namespace");
    filter.initiator = word("initiator");
    filter.source_system = word("source_system");
    return {200, task_list_document(call.context.engine.tasks().list(filter))};
}

ApiResponse dry_run(const Call& call, const TaskRequest& request) {
    if (const auto refused = call.context.engine.tasks().check(request)) return refuse(*refused);
    const auto chosen =
        call.context.engine.catalog()->find(request.namespace_name, request.name, request.version);
    std::string steps = "[";
    if (chosen) {
        for (const StepTemplate& step : chosen->steps)
            steps += (steps.size() > 1 ? "," : "") + json_string(step.name);
    }
    std::string body;
    JsonObject object(body);
    object.boolean("dry_run", true)
        .text("name", request.name)
        .text("namespace", request.namespace_name)
        .text("version", request.version)
        .raw("steps", steps + "]");
    object.end();
    return {200, body};
}

ApiResponse create_task(const Call& call) {
    auto parsed = read_task_request(call.request.body);
    if (const auto* refused = std::get_if<Refused>(&parsed)) return refuse(*refused);
    if (call.query("dry_run") == "true") return dry_run(call, std::get<TaskRequest>(parsed));
    const SubmitOutcome outcome = call.context.engine.tasks().create(std::get<TaskRequest>(parsed));
    if (const auto* refused = std::get_if<Refused>(&outcome)) return refuse(*refused);
    const Uuid uuid = std::get<Uuid>(outcome);
    const auto task = call.context.engine.tasks().get(uuid);
    // The submission is durable; only the reader could fail to see it.
    if (!task) return {200, "{\"task_uuid\":" + json_string(uuid.str()) + "}"};
    return {200, task_document(*task)};
}

// The requests of a batch: the items of a list, or one a line. Nothing when it is neither.
std::optional<std::vector<std::string_view>> batch_items(std::string_view body) {
    std::vector<std::string_view> items;
    const std::size_t start = body.find_first_not_of(" \t\r\n");
    if (start == std::string_view::npos) return items;
    if (body[start] == '[') {
        if (json_fault(body, {.max_depth = 100, .max_bytes = body_limit("/v1/tasks/batch")}))
            return std::nullopt;
        JsonWalk walk(body.substr(start));
        while (walk.next()) items.push_back(walk.value());
        return items;
    }
    while (!body.empty()) {
        const std::string_view line = body.substr(0, body.find('\n'));
        body.remove_prefix(std::min(line.size() + 1, body.size()));
        if (line.find_first_not_of(" \t\r") != std::string_view::npos) items.push_back(line);
    }
    return items;
}

std::string refused_item(const Refused& refused) {
    return error_document(refusal_code(refused.why), refused.message, refused.hint);
}

ApiResponse create_batch(const Call& call) {
    const auto items = batch_items(call.request.body);
    if (!items) return bad_request("the batch is neither a JSON list nor one JSON object a line");
    std::vector<std::string> answers(items->size());
    std::vector<std::size_t> places;
    std::vector<TaskRequest> requests;
    for (std::size_t i = 0; i < items->size(); ++i) {
        auto parsed = read_task_request((*items)[i]);
        if (const auto* refused = std::get_if<Refused>(&parsed)) {
            answers[i] = refused_item(*refused);
        } else {
            places.push_back(i);
            requests.push_back(std::move(std::get<TaskRequest>(parsed)));
        }
    }
    const auto outcomes = call.context.engine.tasks().create_batch(requests);
    for (std::size_t i = 0; i < places.size(); ++i) {
        const auto* uuid = std::get_if<Uuid>(&outcomes.at(i));
        answers[places[i]] = uuid != nullptr ? "{\"task_uuid\":" + json_string(uuid->str()) + "}"
                                             : refused_item(std::get<Refused>(outcomes[i]));
    }
    std::string body = "[";
    for (const std::string& answer : answers) body += (body.size() > 1 ? "," : "") + answer;
    return {200, body + "]"};
}

ApiResponse get_task(const Call& call) {
    const auto uuid = uuid_argument(call, 0);
    if (!uuid) return bad_uuid(call.arguments[0]);
    const auto task = call.context.engine.tasks().get(*uuid);
    if (!task) return no_task(*uuid);
    return {200, task_document(*task, extras_of(call))};
}

ApiResponse cancel_task(const Call& call) {
    const auto uuid = uuid_argument(call, 0);
    if (!uuid) return bad_uuid(call.arguments[0]);
    if (const auto refused = call.context.engine.tasks().cancel(*uuid)) return refuse(*refused);
    const auto task = call.context.engine.tasks().get(*uuid);
    if (!task) return no_task(*uuid);
    return {200, task_document(*task)};
}

ApiResponse summary(const Call& call) {
    const auto uuid = uuid_argument(call, 0);
    if (!uuid) return bad_uuid(call.arguments[0]);
    const auto task = call.context.engine.tasks().get(*uuid);
    if (!task) return no_task(*uuid);
    const auto loaded = call.context.engine.catalog()->find(task->namespace_name, task->name, task->version);
    return {200, summary_document(*task, loaded.get(), call.context.engine.dlq().find_by_task(*uuid))};
}

ApiResponse by_key(const Call& call) {
    const std::string key = call.query("key");
    if (key.empty()) return bad_request("the query parameter 'key' is missing");
    const auto found = call.context.engine.tasks().find_by_idempotency_key(
        call.query("namespace"), call.query("name"), call.query("version"), key);
    if (!found) return not_found("no task was submitted with this idempotency key");
    return {200, "{\"task_uuid\":" + json_string(found->str()) + "}"};
}

constexpr std::array kRoutes{
    Route{"GET", {"v1", "tasks"}, list_tasks},
    Route{"POST", {"v1", "tasks"}, create_task},
    Route{"POST", {"v1", "tasks", "batch"}, create_batch},
    Route{"GET", {"v1", "tasks", "by-idempotency-key"}, by_key},
    Route{"GET", {"v1", "tasks", "{}"}, get_task},
    Route{"DELETE", {"v1", "tasks", "{}"}, cancel_task},
    Route{"GET", {"v1", "tasks", "{}", "summary"}, summary},
};
}  // namespace

RouteTable task_routes() { return kRoutes; }

}  // namespace tasker::host
