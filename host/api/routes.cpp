#include "host/api/routes.hpp"

#include <algorithm>
#include <array>
#include <charconv>
#include <filesystem>
#include <optional>
#include <system_error>

#include "host/api/documents.hpp"
#include "host/api/json_writer.hpp"
#include "host/api/task_request_reader.hpp"
#include "host/api/url_query.hpp"
#include "host/core/error.hpp"
#include "host/core/json_text.hpp"
#include "host/core/json_view.hpp"
#include "host/core/nearest.hpp"

namespace tasker::host {

namespace {
constexpr std::size_t kMiB = std::size_t{1} << 20U;
constexpr std::size_t kSingleBody = kMiB + 65536;
constexpr std::size_t kBatchBody = 16 * kMiB;

struct Call {
    const ApiRequest& request;
    const ApiContext& context;
    Target target;
    std::vector<std::string> arguments;  // what stood at the {} of the pattern

    std::string query(const std::string& key) const {
        const auto found = target.query.find(key);
        return found == target.query.end() ? std::string{} : found->second;
    }
};

ApiResponse refuse(int status, std::string_view code, std::string_view message, std::string_view hint = {}) {
    return {status, error_document(code, message, hint)};
}
ApiResponse bad_request(std::string_view message, std::string_view hint = {}) {
    return refuse(400, "BAD_REQUEST", message, hint);
}
ApiResponse not_found(std::string_view message) { return refuse(404, "NOT_FOUND", message); }
ApiResponse refuse(const Refused& refused) {
    return refuse(refusal_status(refused.why), refusal_code(refused.why), refused.message, refused.hint);
}

std::optional<Uuid> uuid_argument(const Call& call, std::size_t index) {
    return Uuid::parse(call.arguments[index]);
}
ApiResponse bad_uuid(const std::string& text) {
    return bad_request("'" + text.substr(0, 64) + "' is not a UUID");
}
ApiResponse no_task(const Uuid& uuid) { return not_found("there is no task " + uuid.str()); }

StepExtras extras_of(const Call& call) {
    const std::string list = "," + call.query("include") + ",";
    return {.results = list.find(",results,") != std::string::npos,
            .dependencies = list.find(",dependencies,") != std::string::npos};
}

// What templates ask for in vain, as one sentence; empty when all is there or no worker runs here.
std::string missing_handlers(const ApiContext& context) {
    std::string sentences;
    if (!context.worker_status) return sentences;
    for (const std::string& one : context.worker_status().missing_handlers)
        sentences += (sentences.empty() ? "" : "; ") + one;
    return sentences;
}

ApiResponse health(const Call& call) {
    const std::string trouble = call.context.engine.trouble();
    const std::string missing = missing_handlers(call.context);
    std::string body;
    JsonObject object(body);
    object.text("status", !trouble.empty()  ? "unhealthy"
                          : missing.empty() ? "healthy"
                                            : "degraded")
        .maybe_text("reason", trouble.empty() ? missing : trouble);
    object.end();
    return {trouble.empty() ? 200 : 503, body};
}
ApiResponse live(const Call&) { return {200, R"({"status":"alive"})"}; }

ApiResponse from_worker(const std::function<std::string()>& source) {
    if (!source) return not_found("no worker runs in this process");
    return {200, source()};
}
ApiResponse status(const Call& call) {
    if (!call.context.worker_status) return from_worker({});
    return {200, to_json(call.context.worker_status())};
}
ApiResponse plugins(const Call& call) { return from_worker(call.context.plugins_json); }
ApiResponse metrics(const Call& call) {
    if (!call.context.metrics_text) return not_found("no worker runs in this process");
    return {200, call.context.metrics_text(), "text/plain; version=0.0.4; charset=utf-8"};
}
ApiResponse handlers(const Call& call) { return from_worker(call.context.handlers_json); }

// A number from the query within its range, `absent` when it is not there, nothing when it is wrong.
std::optional<int> number(const std::string& text, int absent, int low, int high) {
    if (text.empty()) return absent;
    int value = 0;
    const auto [end, fault] = std::from_chars(text.data(), text.data() + text.size(), value);
    if (fault != std::errc{} || end != text.data() + text.size() || value < low || value > high)
        return std::nullopt;
    return value;
}

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
        if (json_fault(body, {.max_depth = 100, .max_bytes = kBatchBody})) return std::nullopt;
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

ApiResponse list_steps(const Call& call) {
    const auto uuid = uuid_argument(call, 0);
    if (!uuid) return bad_uuid(call.arguments[0]);
    const auto task = call.context.engine.tasks().get(*uuid);
    if (!task) return no_task(*uuid);
    return {200, steps_document(task->steps, extras_of(call))};
}

// Calls `then` with the task and the step that the path names.
template <class Then>
ApiResponse with_step(const Call& call, Then&& then) {
    const auto task_uuid = uuid_argument(call, 0);
    if (!task_uuid) return bad_uuid(call.arguments[0]);
    const auto step_uuid = uuid_argument(call, 1);
    if (!step_uuid) return bad_uuid(call.arguments[1]);
    const auto task = call.context.engine.tasks().get(*task_uuid);
    if (!task) return no_task(*task_uuid);
    for (const StepView& step : task->steps) {
        if (step.step_uuid == *step_uuid) return then(step);
    }
    return not_found("task " + task_uuid->str() + " has no step " + step_uuid->str());
}

ApiResponse get_step(const Call& call) {
    return with_step(call, [](const StepView& step) { return ApiResponse{200, single_step_document(step)}; });
}
ApiResponse get_audit(const Call& call) {
    return with_step(call, [&](const StepView& step) {
        return ApiResponse{
            200, audit_document(call.context.engine.tasks().step_audit(step.task_uuid, step.step_uuid))};
    });
}

ApiResponse by_key(const Call& call) {
    const std::string key = call.query("key");
    if (key.empty()) return bad_request("the query parameter 'key' is missing");
    const auto found = call.context.engine.tasks().find_by_idempotency_key(
        call.query("namespace"), call.query("name"), call.query("version"), key);
    if (!found) return not_found("no task was submitted with this idempotency key");
    return {200, "{\"task_uuid\":" + json_string(found->str()) + "}"};
}

ApiResponse list_templates(const Call& call) {
    return {200, template_list_document(*call.context.engine.catalog())};
}
ApiResponse get_template(const Call& call) {
    const auto& [space, name, version] = std::tie(call.arguments[0], call.arguments[1], call.arguments[2]);
    const auto found = call.context.engine.catalog()->find(space, name, version);
    if (!found) return not_found("there is no template " + space + "/" + name + "/" + version);
    return {200, template_document(*found)};
}

ApiResponse store_info(const Call& call) { return {200, store_document(call.context.engine.info())}; }
ApiResponse store_check(const Call& call) {
    const auto faults = call.context.engine.check();
    std::string list = "[";
    for (const std::string& fault : faults) list += (list.size() > 1 ? "," : "") + json_string(fault);
    return {200,
            std::string{"{\"ok\":"} + (faults.empty() ? "true" : "false") + ",\"faults\":" + list + "]}"};
}
ApiResponse store_backup(const Call& call) {
    if (const auto fault = json_fault(call.request.body, {.max_depth = 4, .max_bytes = 65536})) {
        return bad_request("the request is not usable JSON: " + *fault);
    }
    const auto target = json_string_member(call.request.body, "target");
    if (!target || !target->starts_with('/')) return bad_request("'target' must be an absolute path");
    std::error_code ignored;
    if (std::filesystem::exists(std::filesystem::symlink_status(*target, ignored)))
        return refuse(409, "CONFLICT", "the backup " + *target + " exists already", "choose another name");
    try {
        call.context.engine.backup(*target);
    } catch (const StoreUnavailable&) {
        throw;
    } catch (const Error& fault) {
        return refuse(500, "FAILED", fault.what(), fault.hint());
    }
    return {200, "{\"target\":" + json_string(*target) + "}"};
}

struct Route {
    std::string_view method;
    std::array<std::string_view, 6> pattern;  // "{}" takes any segment; the first empty one ends it
    ApiResponse (*handler)(const Call&);
};
constexpr std::array kRoutes{
    Route{"GET", {"health"}, health},
    Route{"GET", {"health", "live"}, live},
    Route{"GET", {"health", "ready"}, health},
    Route{"GET", {"metrics"}, metrics},
    Route{"GET", {"plugins"}, plugins},
    Route{"GET", {"handlers"}, handlers},
    Route{"GET", {"v1", "status"}, status},
    Route{"GET", {"v1", "tasks"}, list_tasks},
    Route{"POST", {"v1", "tasks"}, create_task},
    Route{"POST", {"v1", "tasks", "batch"}, create_batch},
    Route{"GET", {"v1", "tasks", "by-idempotency-key"}, by_key},
    Route{"GET", {"v1", "tasks", "{}"}, get_task},
    Route{"DELETE", {"v1", "tasks", "{}"}, cancel_task},
    Route{"GET", {"v1", "tasks", "{}", "workflow_steps"}, list_steps},
    Route{"GET", {"v1", "tasks", "{}", "workflow_steps", "{}"}, get_step},
    Route{"GET", {"v1", "tasks", "{}", "workflow_steps", "{}", "audit"}, get_audit},
    Route{"GET", {"v1", "templates"}, list_templates},
    Route{"GET", {"v1", "templates", "{}", "{}", "{}"}, get_template},
    Route{"GET", {"v1", "store", "info"}, store_info},
    Route{"POST", {"v1", "store", "check"}, store_check},
    Route{"POST", {"v1", "store", "backup"}, store_backup},
};

std::optional<std::vector<std::string>> match(const Route& route, const std::vector<std::string>& path) {
    const auto end = std::find(route.pattern.begin(), route.pattern.end(), std::string_view{});
    if (path.size() != static_cast<std::size_t>(end - route.pattern.begin())) return std::nullopt;
    std::vector<std::string> arguments;
    for (std::size_t i = 0; i < path.size(); ++i) {
        if (route.pattern[i] == "{}") {
            arguments.push_back(path[i]);
        } else if (route.pattern[i] != path[i]) {
            return std::nullopt;
        }
    }
    return arguments;
}

ApiResponse dispatch(const ApiRequest& request, const ApiContext& context) {
    auto target = parse_target(request.target);
    if (!target) return bad_request("the request target is not a path of this API");
    if (request.body.size() > body_limit(request.target)) {
        return refuse(413, "PAYLOAD_TOO_LARGE",
                      "the body is larger than " + std::to_string(body_limit(request.target)) + " bytes");
    }
    bool path_known = false;
    for (const Route& route : kRoutes) {
        auto arguments = match(route, target->path);
        if (!arguments) continue;
        path_known = true;
        if (route.method != request.method) continue;
        return route.handler(Call{request, context, std::move(*target), std::move(*arguments)});
    }
    if (path_known) return refuse(405, "METHOD_NOT_ALLOWED", "the method is not allowed here");
    return not_found("there is no such resource");
}
}  // namespace

ApiResponse handle(const ApiRequest& request, const ApiContext& context) {
    try {
        return dispatch(request, context);
    } catch (const StoreUnavailable& fault) {
        return refuse(503, "SERVICE_UNAVAILABLE", fault.what(), fault.hint());
    } catch (const Error& fault) {
        return refuse(409, "CONFLICT", fault.what(), fault.hint());
    } catch (const std::exception& fault) {
        return refuse(500, "INTERNAL_ERROR", fault.what());
    }
}

std::size_t body_limit(std::string_view target) {
    const std::string_view path = target.substr(0, target.find('?'));
    return path == "/v1/tasks/batch" ? kBatchBody : kSingleBody;
}

bool answers_at_once(std::string_view target) { return target.starts_with("/health"); }

}  // namespace tasker::host
