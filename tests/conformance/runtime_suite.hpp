#pragma once
// The language of the conformance cases: a world with one deployment and one worker, in which tasks are submitted, steps
// are taken and answered, and time passes. Not thread-safe: a case is one thread, the runtime has its own.

#include <doctest/doctest.h>

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "tests/conformance/deployment.hpp"
#include "tests/conformance/template_text.hpp"

namespace tasker::host::conformance {

// Answers for an event. Ids and worker are filled in.
StepExecutionResult success(const StepEvent& event, std::string result_json = "{}");
struct FailureShape {
    bool retryable = true;
    std::optional<std::int64_t> retry_after_ms = std::nullopt;
    std::string error_type = "handler_error";
    std::string metadata_json = "{}";
    std::vector<std::pair<std::string, std::string>> headers = {};
};
StepExecutionResult failure(const StepEvent& event, const FailureShape& shape = {});
StepExecutionResult permanent(const StepEvent& event);

std::string_view step_name(const StepEvent& event);
Capacity capacity(unsigned slots, std::vector<std::string> callables = {kCallable});

struct WorldOptions {
    DeploymentOptions deployment = {};
    Capacity capacity = conformance::capacity(500);  // 0 slots: nothing is claimed until the case says so
};

class World {
  public:
    explicit World(std::vector<TaskTemplate> templates, WorldOptions options = {});
    ~World();
    World(const World&) = delete;
    World& operator=(const World&) = delete;

    Deployment& deployment() { return *deployment_; }
    TaskerRuntime& runtime() { return *runtime_; }
    TaskClient& client() { return deployment_->client(); }

    // A request with everything filled in and a context that no other submission of this world has.
    TaskRequest request(const std::string& name) const;
    // Requires that it is accepted.
    Uuid submit(const std::string& name);
    Uuid submit(const TaskRequest& request);
    // Requires that it is refused.
    Refused refused(const TaskRequest& request);

    // The next claimed step of that name; requires that one comes within ten seconds.
    StepEvent take(std::string_view name);
    StepEvent take_any();
    std::vector<StepEvent> take_all(std::size_t count);
    // True when the worker is offered nothing at all once everything due by now was claimed.
    bool quiet();
    // The same for one step name; other events stay for take().
    bool not_offered(std::string_view name);

    // Submits the answer and waits for the verdict.
    CompletionVerdict answer(const StepEvent& event, StepExecutionResult result);
    // Requires that it is accepted.
    void succeed(const StepEvent& event, std::string result_json = "{}");
    void fail(const StepEvent& event, const FailureShape& shape = {});
    // take() and succeed().
    void pass(std::string_view name);

    // Takes and answers whatever comes until the task is complete; returns the names in claim order.
    using Answer = std::function<StepExecutionResult(const StepEvent&)>;
    std::vector<std::string> run_to_end(const Uuid& task, const Answer& answer = {});

    // The worker's session ends as if it was never there (stop() is the case's business); a new one begins.
    void detach() { runtime_.reset(); }
    void attach(const std::string& worker_id, Capacity capacity);

    TaskView task(const Uuid& task);
    TaskState state(const Uuid& task) { return this->task(task).state; }
    StepView step(const Uuid& task, std::string_view name);
    // From now until the step's retry is due.
    std::int64_t delay_of(const Uuid& task, std::string_view name);
    void advance(std::int64_t ms) { deployment_->advance(ms); }

    // Polls once; what came waits for take().
    void poll();
    std::size_t waiting() const { return inbox_.size(); }

  private:
    std::optional<StepEvent> find(const std::function<bool(const StepEvent&)>& wanted);
    void drain_claims();

    std::unique_ptr<Deployment> deployment_;
    std::unique_ptr<TaskerRuntime> runtime_;
    std::vector<StepEvent> inbox_;
    mutable int nonce_ = 0;
};

}  // namespace tasker::host::conformance

namespace doctest {
template <>
struct StringMaker<tasker::host::TaskState> {
    static String convert(tasker::host::TaskState state) {
        return std::string(tasker::host::name(state)).c_str();
    }
};
template <>
struct StringMaker<tasker::host::StepState> {
    static String convert(tasker::host::StepState state) {
        return std::string(tasker::host::name(state)).c_str();
    }
};
template <>
struct StringMaker<tasker::host::CompletionVerdict> {
    static String convert(tasker::host::CompletionVerdict verdict) {
        constexpr const char* kNames[] = {"accepted", "already recorded", "superseded"};
        return kNames[static_cast<int>(verdict)];
    }
};
template <>
struct StringMaker<tasker::host::Uuid> {
    static String convert(const tasker::host::Uuid& uuid) { return uuid.str().c_str(); }
};
}  // namespace doctest
