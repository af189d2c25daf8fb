#include "tests/conformance/runtime_suite.hpp"

#include <chrono>
#include <memory>
#include <utility>
#include <variant>

#include "host/core/guarded.hpp"
#include "tests/support/eventually.hpp"

namespace tasker::host::conformance {

namespace {

using namespace std::chrono_literals;
constexpr auto kPatience = 10s;

// A task of one step that shows how far claiming has come: when it is offered, everything that was ready before it was
// offered, too.
constexpr const char* kCanary = "canary";

StepExecutionResult shell(const StepEvent& event) {
    StepExecutionResult result;
    result.step_uuid = event.step_uuid;
    result.task_uuid = event.task_uuid;
    result.worker_id = "conformance-worker";
    result.correlation_id = event.correlation_id.str();
    result.execution_time_ms = 5;
    result.started_ms = event.claimed_ms;
    result.completed_ms = event.claimed_ms + 5;
    return result;
}

}  // namespace

StepExecutionResult success(const StepEvent& event, std::string result_json) {
    StepExecutionResult result = shell(event);
    result.success = true;
    result.status = "completed";
    result.result_json = std::move(result_json);
    return result;
}

StepExecutionResult failure(const StepEvent& event, const FailureShape& shape) {
    StepExecutionResult result = shell(event);
    result.status = "error";
    result.error = StepError{"it did not work", shape.error_type, "CODE", shape.retryable, "{}"};
    result.retry_after_ms = shape.retry_after_ms;
    result.metadata_json = shape.metadata_json;
    result.headers = shape.headers;
    return result;
}

StepExecutionResult permanent(const StepEvent& event) { return failure(event, {.retryable = false}); }

std::string_view step_name(const StepEvent& event) { return event.task_sequence_step.workflow_step.name; }

Capacity capacity(unsigned slots, std::vector<std::string> callables) {
    Capacity result;
    result.slots = slots;
    for (std::string& callable : callables) {
        result.lanes.push_back(
            {.namespace_name = kNamespace, .callable = std::move(callable), .method = {}, .limit = slots});
    }
    return result;
}

World::World(std::vector<TaskTemplate> templates, WorldOptions options)
    : deployment_(make_deployment(options.deployment)) {
    templates.push_back(graph(kCanary, {{kCanary}}));
    deployment_->set_templates(std::move(templates));
    runtime_ = deployment_->attach("conformance-worker");
    if (options.capacity.slots > 0) runtime_->set_capacity(std::move(options.capacity));
}

World::~World() = default;

void World::attach(const std::string& worker_id, Capacity capacity) {
    inbox_.clear();
    runtime_ = deployment_->attach(worker_id);
    runtime_->set_capacity(std::move(capacity));
}

TaskRequest World::request(const std::string& name) const {
    TaskRequest request;
    request.name = name;
    request.namespace_name = kNamespace;
    request.version = "1.0.0";
    request.context_json = "{\"nonce\":" + std::to_string(++nonce_) + "}";
    request.initiator = "conformance";
    request.source_system = "suite";
    request.reason = "a case";
    return request;
}

Uuid World::submit(const std::string& name) { return submit(request(name)); }

Uuid World::submit(const TaskRequest& request) {
    const SubmitOutcome outcome = client().create(request);
    if (const auto* refused = std::get_if<Refused>(&outcome)) FAIL("refused: ", refused->message);
    return std::get<Uuid>(outcome);
}

Refused World::refused(const TaskRequest& request) {
    const SubmitOutcome outcome = client().create(request);
    REQUIRE(std::holds_alternative<Refused>(outcome));
    return std::get<Refused>(outcome);
}

void World::poll() {
    for (StepEvent& event : runtime_->poll_step_events(1000)) inbox_.push_back(std::move(event));
}

std::optional<StepEvent> World::find(const std::function<bool(const StepEvent&)>& wanted) {
    std::optional<StepEvent> found;
    const auto look = [&] {
        poll();
        for (auto event = inbox_.begin(); event != inbox_.end(); ++event) {
            if (!wanted(*event)) continue;
            found = std::move(*event);
            inbox_.erase(event);
            return true;
        }
        return false;
    };
    static_cast<void>(testing::eventually(kPatience, look));
    return found;
}

StepEvent World::take(std::string_view name) {
    auto event = find([&](const StepEvent& candidate) { return step_name(candidate) == name; });
    if (!event) FAIL("no step named '", std::string(name), "' was offered");
    return std::move(*event);
}

StepEvent World::take_any() {
    auto event = find([](const StepEvent&) { return true; });
    if (!event) FAIL("no step was offered");
    return std::move(*event);
}

std::vector<StepEvent> World::take_all(std::size_t count) {
    std::vector<StepEvent> events;
    while (events.size() < count) events.push_back(take_any());
    return events;
}

void World::drain_claims() {
    const Uuid canary = submit(kCanary);
    auto event = find([&](const StepEvent& candidate) { return candidate.task_uuid == canary; });
    if (!event) FAIL("the runtime claims nothing any more");
    succeed(*event);
    poll();
}

bool World::quiet() {
    drain_claims();
    return inbox_.empty();
}

bool World::not_offered(std::string_view name) {
    drain_claims();
    for (const StepEvent& event : inbox_) {
        if (step_name(event) == name) return false;
    }
    return true;
}

CompletionVerdict World::answer(const StepEvent& event, StepExecutionResult result) {
    // Shared with the callback, which may come after a failed case has ended.
    const auto verdict = std::make_shared<Guarded<std::optional<CompletionVerdict>>>();
    runtime_->complete_step_event(event.event_id, std::move(result), [verdict](CompletionVerdict given) {
        verdict->with([&](auto& value) { value = given; });
    });
    std::optional<CompletionVerdict> given;
    const bool came = testing::eventually(kPatience, [&] {
        given = verdict->with([](const auto& value) { return value; });
        return given.has_value();
    });
    if (!came) FAIL("no verdict on the result of '", std::string(step_name(event)), "'");
    return *given;
}

void World::succeed(const StepEvent& event, std::string result_json) {
    REQUIRE(answer(event, success(event, std::move(result_json))) == CompletionVerdict::Accepted);
}

void World::fail(const StepEvent& event, const FailureShape& shape) {
    REQUIRE(answer(event, failure(event, shape)) == CompletionVerdict::Accepted);
}

void World::pass(std::string_view name) { succeed(take(name)); }

std::vector<std::string> World::run_to_end(const Uuid& task, const Answer& answer_for) {
    std::vector<std::string> order;
    while (!is_terminal(state(task))) {
        const StepEvent event = take_any();
        order.emplace_back(step_name(event));
        REQUIRE(answer(event, answer_for ? answer_for(event) : success(event)) ==
                CompletionVerdict::Accepted);
    }
    return order;
}

TaskView World::task(const Uuid& task) {
    auto view = client().get(task);
    REQUIRE(view.has_value());
    return std::move(*view);
}

StepView World::step(const Uuid& task, std::string_view name) {
    for (StepView& step : this->task(task).steps) {
        if (step.name == name) return std::move(step);
    }
    FAIL("the task has no step '", std::string(name), "'");
    return {};
}

std::int64_t World::delay_of(const Uuid& task, std::string_view name) {
    const StepView view = step(task, name);
    REQUIRE(view.next_retry_ms.has_value());
    return *view.next_retry_ms - deployment_->now_ms();
}

}  // namespace tasker::host::conformance
