#pragma once
// Run a handler in a unit test, with no host, through the same C functions that the host calls.
//
//   auto run = tasker::testing::StepTest::of<ShipOrder>()
//                  .input({{"order_id", "A-1"}})
//                  .dependency("reserve_inventory", {{"reservation_id", "RSV-7"}})
//                  .attempt(2)
//                  .run();
//   CHECK(run.result().is_success());
//   CHECK(run.result().result()["packages"] == 1);
//
// No test framework is assumed. Not thread-safe; a handler may use the context from its own threads as usual.

#include <cstdint>
#include <limits>
#include <memory>
#include <optional>
#include <stdexcept>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "tasker/abi.h"
#include "tasker/detail/fake_host.hpp"
#include "tasker/detail/trampolines.hpp"
#include "tasker/step_handler.hpp"

namespace tasker::testing {

// What one run of a step came to.
class StepRun {
  public:
    StepRun(std::int32_t status, std::optional<StepHandlerResult> result, std::vector<LogRecord> logs,
            std::vector<Heartbeat> heartbeats, std::vector<EmittedEvent> events = {},
            std::vector<SavedCheckpoint> checkpoints = {})
        : status_(status),
          result_(std::move(result)),
          logs_(std::move(logs)),
          heartbeats_(std::move(heartbeats)),
          events_(std::move(events)),
          checkpoints_(std::move(checkpoints)) {}

    // Ended without a result because the host asked it to stop: the host releases such a step, uncharged.
    bool released() const noexcept { return !result_; }
    // As the host would record it. Throws std::logic_error when the step was released.
    const StepHandlerResult& result() const {
        if (!result_) throw std::logic_error("the step was released and has no result");
        return *result_;
    }
    const StepHandlerResult* operator->() const { return &result(); }
    std::int32_t status() const noexcept { return status_; }  // what call() returned, TASKER_OK or TASKER_E_*
    const std::vector<LogRecord>& logs() const noexcept { return logs_; }
    const std::vector<Heartbeat>& heartbeats() const noexcept { return heartbeats_; }
    // What the host would publish when it accepts the result; empty when it had to make up the result itself.
    const std::vector<EmittedEvent>& events() const noexcept { return events_; }
    // What was saved, a yield's last.
    const std::vector<SavedCheckpoint>& checkpoints() const noexcept { return checkpoints_; }

    // ---- outcomes ----
    // The steps that a decision makes; empty: no branch. Throws std::logic_error when the run is no decision.
    std::vector<std::string> decided_steps() const {
        return outcome(ResultKind::Decision, "decision_point_outcome")
            .value("step_names", std::vector<std::string>{});
    }
    // The cursors of the batches that an analyzer makes; empty: no batches. Throws std::logic_error for another run.
    json batches() const {
        return outcome(ResultKind::Batches, "batch_processing_outcome")
            .value("cursor_configs", json::array());
    }
    bool yielded() const noexcept { return result_ && result_->is_checkpoint_yield(); }

  private:
    const json& outcome(ResultKind kind, const char* key) const {
        if (result().kind() != kind) throw std::logic_error(std::string("the run has no ") + key);
        return result().result().at(key);
    }

    std::int32_t status_;
    std::optional<StepHandlerResult> result_;
    std::vector<LogRecord> logs_;
    std::vector<Heartbeat> heartbeats_;
    std::vector<EmittedEvent> events_;
    std::vector<SavedCheckpoint> checkpoints_;
};

namespace detail {

// The instance of a handler and the host behind it. A copy has the same configuration and no instance yet.
class Place {
  public:
    Place() = default;
    ~Place() = default;
    Place(const Place& other) { host->plugin_config = other.host->plugin_config; }
    Place(Place&&) noexcept = default;
    Place& operator=(Place other) noexcept {
        host.swap(other.host);
        instance.swap(other.instance);
        std::swap(created, other.created);
        return *this;
    }

    static void keep(void*) noexcept {}

    std::unique_ptr<FakeHost> host = std::make_unique<FakeHost>();
    std::unique_ptr<void, void (*)(void*) noexcept> instance{nullptr, &keep};  // destroyed before its host
    bool created = false;
};

}  // namespace detail

// The context of a step and the handler that runs it. Every setter returns *this. run() may be called many times: the
// instance is made by the first one and kept, as the host keeps it. A copy has what was set, and makes its own instance.
class StepTest {
  public:
    // A handler class.
    template <class H>
    static StepTest of() {
        static_assert(tasker::detail::HandlerChecks<H>::ok);
        return StepTest(tasker::detail::Descriptor<H>::value);
    }
    // A handler of a whole plugin, whatever its language. Throws std::runtime_error: no such handler, host refused.
    static StepTest of_plugin(tasker_plugin_entry_v0_fn entry, std::string_view callable) {
        const detail::FakeHost host;
        const auto* plugin = entry(host.table());
        if (plugin == nullptr) throw std::runtime_error("the plugin refuses the host");
        for (std::size_t i = 0; i < plugin->handler_count; ++i) {
            if (plugin->handlers[i]->callable == callable) return StepTest(*plugin->handlers[i]);
        }
        throw std::runtime_error("the plugin has no handler '" + std::string(callable) + "'");
    }
    explicit StepTest(const tasker_handler_v0& handler) : handler_(&handler) {
        texts_["callable"] = handler.callable;
    }
    StepTest& input(const json& value) { return text("context", value.dump()); }
    StepTest& config(const json& value) { return text("config", value.dump()); }
    // As the host shows them; a cursor in them is the batch's, is_no_op makes the step a placeholder.
    StepTest& step_inputs(const json& value) {
        text("batch", "");
        if (value.is_object() && value.contains("cursor") && value["cursor"].is_object())
            text("batch", value["cursor"].dump());
        flag(TASKER_STEP_NO_OP, value.is_object() && value.value("is_no_op", json()) == true);
        return text("inputs", value.dump());
    }
    // One batch of a worker: {"batch_id", "start_cursor", "end_cursor", "batch_size"}.
    StepTest& batch(const json& cursor) {
        return step_inputs({{"cursor", cursor},
                            {"batch_metadata", {{"cursor_field", "id"}, {"failure_strategy", "fail_fast"}}},
                            {"is_no_op", false}});
    }
    // The placeholder of an analyzer without batches.
    StepTest& no_op_batch() {
        return step_inputs(
            {{"cursor", {{"batch_id", "000"}, {"start_cursor", 0}, {"end_cursor", 0}, {"batch_size", 0}}},
             {"is_no_op", true}});
    }
    // {"cursor", "items_processed", "accumulated_results"}
    StepTest& checkpoint(const json& value) { return text("checkpoint", value.dump()); }
    // Goes on from what the run saved last, as the host would.
    StepTest& resume(const StepRun& run) {
        if (run.checkpoints().empty()) throw std::logic_error("the run saved no checkpoint");
        const auto& last = run.checkpoints().back();
        return checkpoint({{"cursor", last.cursor},
                           {"items_processed", last.items_processed},
                           {"accumulated_results", last.accumulated_results}});
    }
    // As a resolver finds the handler for it; otherwise the handler's name.
    StepTest& callable(std::string_view name) { return text("callable", name); }
    StepTest& method(std::string_view name) { return text("method", name); }
    StepTest& step_name(std::string_view name) { return text("step_name", name); }
    StepTest& template_step_name(std::string_view name) { return text("template_step_name", name); }
    StepTest& idempotency_key(std::string_view key) { return text("idempotency_key", key); }
    StepTest& traceparent(std::string_view value) { return text("traceparent", value); }
    StepTest& parent_correlation_id(std::string_view id) { return text("parent_correlation_id", id); }

    // An ancestor that ended well with this result.
    StepTest& dependency(const std::string& name, const json& result) {
        return dependency_envelope(
            name, {{"step_uuid", kStepUuid}, {"success", true}, {"status", "completed"}, {"result", result}});
    }
    // An ancestor with exactly this stored envelope: failures, odd shapes.
    StepTest& dependency_envelope(const std::string& name, const json& envelope) {
        dependencies_[name] = envelope.dump();
        return *this;
    }
    StepTest& attempt(std::uint32_t number) { return attempt_ = number, *this; }  // from 1
    StepTest& max_attempts(std::uint32_t number) { return max_attempts_ = number, *this; }
    StepTest& retryable(bool yes) { return flag(TASKER_STEP_RETRYABLE, yes); }
    // No host of this version asks for a dry run.
    StepTest& dry_run(bool yes) { return flag(TASKER_STEP_DRY_RUN, yes); }
    StepTest& redelivered(bool yes) { return flag(TASKER_STEP_REDELIVERED, yes); }
    StepTest& previous_result(const json& envelope) {
        return values_["previous_result"] = envelope.dump(), *this;
    }
    // The time left, the same whenever asked; negative: past the deadline.
    StepTest& remaining(std::chrono::milliseconds left) { return remaining_ms_ = left.count(), *this; }
    // The host asks the handler to stop, from its poll number `after_polls` on.
    StepTest& stop(StopReason reason, std::uint64_t after_polls = 0) {
        return stop_ = reason, stop_after_ = after_polls, *this;
    }
    StepTest& lease_lost(bool yes = true) { return lease_lost_ = yes, *this; }  // heartbeat() answers so
    // Before the first run(): what the constructor sees.
    StepTest& plugin_config(const json& value) { return place_.host->plugin_config = value, *this; }
    StepTest& plugin_state(void* state) { return state_ = state, *this; }

    // Runs the step. Throws std::runtime_error with the handler's text when the instance cannot be made.
    StepRun run();

    // What was logged outside calls, by the constructor for one.
    const std::vector<LogRecord>& host_logs() const noexcept { return place_.host->logs; }

    static constexpr std::string_view kTaskUuid = "01890a5d-ac96-774b-bcce-b302099a8057";
    static constexpr std::string_view kStepUuid = "01890a5d-ac96-774b-bcce-b302099a8058";
    static constexpr std::string_view kCorrelationId = "01890a5d-ac96-774b-bcce-b302099a8059";
    static constexpr std::string_view kEventId = "01890a5d-ac96-774b-bcce-b302099a805a";

  private:
    StepTest& text(const char* key, std::string_view value) { return texts_[key] = value, *this; }
    StepTest& flag(std::uint32_t bit, bool yes) { return flags_ = yes ? flags_ | bit : flags_ & ~bit, *this; }
    tasker_str view_of(const char* key) const {
        const auto found = texts_.find(key);
        return found == texts_.end() ? tasker_str{nullptr, 0} : detail::borrow(found->second);
    }
    void make_instance();
    void fill_values(detail::FakeCall& call) const;
    tasker_step_v0 make_step() const;
    static std::optional<StepHandlerResult> outcome_of(detail::FakeCall& call, std::int32_t status);

    const tasker_handler_v0* handler_;
    detail::Place place_;
    void* state_ = nullptr;
    std::map<std::string, std::string, std::less<>> texts_{{"context", "{}"},
                                                           {"config", "{}"},
                                                           {"step_name", "step"},
                                                           {"idempotency_key", std::string(kStepUuid)}};
    std::map<std::string, std::string> dependencies_, values_;
    std::optional<std::int64_t> remaining_ms_;
    StopReason stop_ = StopReason::None;
    std::uint64_t stop_after_ = 0;
    std::uint32_t attempt_ = 1, max_attempts_ = 3, flags_ = TASKER_STEP_RETRYABLE;
    bool lease_lost_ = false;
};

inline void StepTest::make_instance() {
    std::string error;
    const tasker_sink sink{&error,
                           [](void* to, const char* bytes, std::size_t size) noexcept -> std::int32_t {
                               static_cast<std::string*>(to)->append(bytes, size);
                               return TASKER_OK;
                           }};
    const auto config = place_.host->plugin_config.dump();
    const tasker_create_v0 args{sizeof args, 0, place_.host->table(), detail::borrow(config), state_, &sink};
    void* made = nullptr;
    if (handler_->create != nullptr) {
        const std::int32_t status = handler_->create(handler_, &args, &made);
        if (status != TASKER_OK) {
            throw std::runtime_error(error.empty() ? "create() answered " + std::to_string(status) : error);
        }
    }
    place_.instance = {made, handler_->destroy != nullptr ? handler_->destroy : &detail::Place::keep};
    place_.created = true;
}

inline tasker_step_v0 StepTest::make_step() const {
    tasker_step_v0 step{};
    step.struct_size = sizeof step;
    step.attempt = attempt_;
    step.max_attempts = max_attempts_;
    step.flags = flags_;
    step.event_id = detail::borrow(kEventId);
    step.step_uuid = detail::borrow(kStepUuid);
    step.task_uuid = detail::borrow(kTaskUuid);
    step.correlation_id = detail::borrow(kCorrelationId);
    step.parent_correlation_id = view_of("parent_correlation_id");
    step.traceparent = view_of("traceparent");
    step.namespace_ = detail::borrow("test");
    step.task_name = detail::borrow("test_task");
    step.task_version = detail::borrow("1.0.0");
    step.step_name = view_of("step_name");
    step.template_step_name =
        view_of(texts_.contains("template_step_name") ? "template_step_name" : "step_name");
    step.callable = view_of("callable");
    step.method = view_of("method");
    step.idempotency_key = view_of("idempotency_key");
    step.context_json = view_of("context");
    step.inputs_json = view_of("inputs");
    step.config_json = view_of("config");
    step.batch_json = view_of("batch");
    step.checkpoint_json = view_of("checkpoint");
    step.deadline_unix_ms = remaining_ms_ ? detail::FakeHost::kNowUnixMs + *remaining_ms_ : 0;
    step.api = &detail::kCallApi;
    return step;
}

inline void StepTest::fill_values(detail::FakeCall& call) const {
    const auto parsed = [&](const char* key) {
        const auto found = texts_.find(key);
        return found == texts_.end() ? json() : json::parse(found->second);
    };
    json names = json::array();
    json results = json::object();
    for (const auto& [name, envelope] : dependencies_) {
        call.values["dep." + name] = envelope;
        names.push_back(name);
        results[name] = json::parse(envelope);
    }
    const json task{{"task_uuid", kTaskUuid},
                    {"task_name", "test_task"},
                    {"task_version", "1.0.0"},
                    {"namespace_name", "test"},
                    {"context", parsed("context")},
                    {"correlation_id", kCorrelationId},
                    {"priority", 0}};
    call.values["dep_names"] = names.dump();
    call.values["context"] = texts_.at("context");
    if (texts_.contains("inputs")) call.values["inputs"] = texts_.at("inputs");
    call.values["task"] = task.dump();
    call.values["event"] = json{
        {"event_id", kEventId},
        {"task_uuid", kTaskUuid},
        {"step_uuid", kStepUuid},
        {"correlation_id", kCorrelationId},
        {"task_sequence_step",
         {{"task", task},
          {"workflow_step",
           {{"workflow_step_uuid", kStepUuid},
            {"name", texts_.at("step_name")},
            {"attempts", attempt_ == 0 ? 0 : attempt_ - 1},
            {"max_attempts", max_attempts_},
            {"inputs", parsed("inputs")}}},
          {"dependency_results",
           results}}}}.dump();
    for (const auto& [key, value] : values_) call.values[key] = value;
}

// What the host makes of a call; nothing: the step is released.
inline std::optional<StepHandlerResult> StepTest::outcome_of(detail::FakeCall& call, std::int32_t status) {
    if (status > TASKER_OK) {
        return StepHandlerResult::failure("call() returned the reserved status " + std::to_string(status),
                                          "invalid_outcome", false, std::move(call.metadata),
                                          "INVALID_OUTCOME");
    }
    if (call.result || status == TASKER_E_CANCELLED || status == TASKER_E_LEASE_LOST)
        return std::move(call.result);
    if (status == TASKER_OK) {
        return StepHandlerResult::failure("call() returned without a result", "invalid_result", false,
                                          std::move(call.metadata), "NO_RESULT");
    }
    return StepHandlerResult::failure("call() returned " + std::to_string(status) + " without saying why",
                                      ErrorType::HandlerError, true, std::move(call.metadata),
                                      "HANDLER_EXCEPTION");
}

inline StepRun StepTest::run() {
    if (!place_.created) make_instance();
    detail::FakeCall call;
    fill_values(call);
    call.remaining_ms = remaining_ms_;
    call.stop = stop_;
    call.stop_after_polls = stop_after_;
    call.lease_lost = lease_lost_;
    call.kind = handler_->kind;
    call.capabilities = handler_->capabilities;
    const tasker_step_v0 step = make_step();
    const std::int32_t status =
        handler_->call(place_.instance.get(), &step, reinterpret_cast<tasker_call*>(&call));
    if (!call.result || status > TASKER_OK || call.host_made) call.events.clear();
    return {status,
            outcome_of(call, status),
            std::move(call.logs),
            std::move(call.heartbeats),
            std::move(call.events),
            std::move(call.checkpoints)};
}

}  // namespace tasker::testing
