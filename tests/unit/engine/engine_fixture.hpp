#pragma once
// An engine on a temporary store with a manual clock, and a worker that is driven by hand.

#include <chrono>
#include <filesystem>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

#include "host/core/json_text.hpp"
#include "host/engine/engine.hpp"
#include "tests/support/eventually.hpp"
#include "tests/support/manual_clock.hpp"
#include "tests/support/temp_dir.hpp"

namespace tasker::host::testing {

struct StepText {
    std::string name;
    std::vector<std::string> needs;
    std::string callable = "ns.work";
    std::string retry =
        R"({"retryable":true,"max_attempts":3,"backoff":"exponential","backoff_base_ms":1000})";
    std::string timeout = "null";
};

inline TaskTemplate make_template(const std::string& name, const std::vector<StepText>& steps,
                                  const std::string& identity = "strict",
                                  const std::string& version = "1.0.0") {
    std::string json = R"({"name":")" + name + R"(","namespace_name":"ns","version":")" + version +
                       R"(","identity_strategy":")" + identity + R"(","steps":[)";
    for (std::size_t i = 0; i < steps.size(); ++i) {
        json += i == 0 ? "" : ",";
        json += R"({"name":")" + steps[i].name + R"(","handler":{"callable":")" + steps[i].callable +
                R"("},"dependencies":[)";
        for (std::size_t d = 0; d < steps[i].needs.size(); ++d) {
            json += (d == 0 ? "" : ",") + json_string(steps[i].needs[d]);
        }
        json += R"(],"retry":)" + steps[i].retry + R"(,"timeout_seconds":)" + steps[i].timeout + "}";
    }
    return template_from_json(json + "]}");
}

inline TaskTemplate linear_template(const std::string& name = "linear") {
    return make_template(name, {{"a", {}}, {"b", {"a"}}, {"c", {"b"}}, {"d", {"c"}}});
}

inline TaskRequest request(const std::string& name, const std::string& context = "{}") {
    TaskRequest wanted;
    wanted.name = name;
    wanted.namespace_name = "ns";
    wanted.version = "1.0.0";
    wanted.context_json = context;
    return wanted;
}

inline StepExecutionResult success(const StepEvent& event, std::string result = R"({"ok":true})") {
    StepExecutionResult answer;
    answer.step_uuid = event.step_uuid;
    answer.task_uuid = event.task_uuid;
    answer.success = true;
    answer.status = "completed";
    answer.result_json = std::move(result);
    answer.worker_id = "w1";
    return answer;
}

inline StepExecutionResult failure(const StepEvent& event, bool retryable = true) {
    StepExecutionResult answer = success(event);
    answer.success = false;
    answer.status = "error";
    answer.result_json = "{}";
    answer.error = StepError{"it broke", "handler_error", "BROKEN", retryable, "{}"};
    return answer;
}

struct EngineFixture {
    TempDir folder;
    ManualClock clock;
    SeededRandom random{7};
    EngineOptions options;
    std::shared_ptr<LogSink> log_sink;
    std::unique_ptr<Engine> engine;
    std::unique_ptr<TaskerRuntime> runtime;

    EngineFixture() { options.store = folder / "tasker.db"; }
    ~EngineFixture() { close(); }
    EngineFixture(const EngineFixture&) = delete;
    EngineFixture& operator=(const EngineFixture&) = delete;

    Engine& open(std::vector<TaskTemplate> templates) {
        engine = Engine::open(options, clock, random, log_sink ? Logger(log_sink) : Logger());
        engine->set_catalog(std::make_shared<const TemplateCatalog>(std::move(templates)));
        return *engine;
    }
    TaskerRuntime& attach(unsigned slots = 16, std::vector<LaneOffer> lanes = {{"ns", "ns.work", "", 1000}}) {
        runtime = engine->attach({"w1", {"ns"}});
        runtime->on_activity([] {});
        runtime->set_capacity({slots, std::move(lanes)});
        return *runtime;
    }
    void close() {
        runtime.reset();
        engine.reset();
    }

    Uuid submit(const TaskRequest& wanted) {
        const SubmitOutcome outcome = engine->tasks().create(wanted);
        if (const auto* refused = std::get_if<Refused>(&outcome)) throw std::runtime_error(refused->message);
        return std::get<Uuid>(outcome);
    }
    // Waits for the next claimed step.
    StepEvent next_event() {
        std::vector<StepEvent> events;
        if (!eventually(std::chrono::seconds{10}, [&] {
                events = runtime->poll_step_events(1);
                return !events.empty();
            })) {
            throw std::runtime_error("no step was claimed");
        }
        return events.front();
    }
    std::vector<StepEvent> next_events(std::size_t count) {
        std::vector<StepEvent> events;
        while (events.size() < count) events.push_back(next_event());
        return events;
    }
    CompletionVerdict complete(const Uuid& event_id, StepExecutionResult result) {
        std::atomic<int> verdict{-1};
        runtime->complete_step_event(event_id, std::move(result),
                                     [&](CompletionVerdict v) { verdict = static_cast<int>(v); });
        if (!eventually(std::chrono::seconds{10}, [&] { return verdict >= 0; }))
            throw std::runtime_error("no verdict");
        return static_cast<CompletionVerdict>(verdict.load());
    }
    CompletionVerdict succeed(const StepEvent& event) { return complete(event.event_id, success(event)); }
    CompletionVerdict fail(const StepEvent& event, bool retryable = true) {
        return complete(event.event_id, failure(event, retryable));
    }
    TaskView view(const Uuid& task) { return engine->tasks().get(task).value(); }
    StepView step(const Uuid& task, std::string_view name) {
        const TaskView task_view = view(task);
        for (const StepView& candidate : task_view.steps) {
            if (candidate.name == name) return candidate;
        }
        throw std::runtime_error("no such step");
    }
    // Everything queued before is through: one more commit happened.
    void flush() {
        engine->tasks().cancel(submit(request("linear", R"({"flush":)" + std::to_string(++flushes) + "}")));
    }
    int flushes = 0;
};

}  // namespace tasker::host::testing
