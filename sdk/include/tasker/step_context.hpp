#pragma once
// Everything a handler can ask about the step it runs.
//
// Three cases, everywhere a value is read by key:
//             missing key        explicit null      wrong type
//   get_x     nullopt            nullopt            throws ValidationError (permanent; names key, expected, found)
//   get_x_or  the default        the default        throws ValidationError
//   require_x throws             throws             throws ValidationError
//   x_state   Presence::Missing  Presence::Null     Presence::Present
// Types: see detail/convert.hpp. A JSON number with an integral value is an integer; one out of the type's range is
// a wrong type.
//
// Lifetime: until the handler returns; so do the string_views and references handed out. Threads: a context belongs
// to the thread that runs the handler, except stop(), remaining(), deadline(), heartbeat() and logger().

#include <algorithm>
#include <chrono>
#include <concepts>
#include <cstdint>
#include <initializer_list>
#include <limits>
#include <new>
#include <optional>
#include <stdexcept>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "tasker/abi.h"
#include "tasker/detail/convert.hpp"
#include "tasker/detail/deliver.hpp"
#include "tasker/detail/outcomes.hpp"
#include "tasker/detail/step_texts.hpp"
#include "tasker/errors.hpp"
#include "tasker/json.hpp"
#include "tasker/logging.hpp"

namespace tasker {

// How an ancestor step ended.
struct DependencyDetail {
    bool success = false;
    std::string status;                                 // completed, failed
    std::string error_type, error_code, error_message;  // empty on success
    bool retryable = false;
};

class StepContext {
  public:
    StepContext(const tasker_step_v0& step, tasker_call* call, const tasker_host_v0* host) noexcept
        : step_(step), call_(call), host_(host), texts_(step, call) {}
    StepContext(const StepContext&) = delete;
    StepContext& operator=(const StepContext&) = delete;

    // ---- identity ----
    std::string_view task_uuid() const noexcept { return detail::view(step_.task_uuid); }
    std::string_view step_uuid() const noexcept { return detail::view(step_.step_uuid); }
    std::string_view event_id() const noexcept { return detail::view(step_.event_id); }
    std::string_view correlation_id() const noexcept { return detail::view(step_.correlation_id); }
    std::optional<std::string_view> parent_correlation_id() const {
        return if_any(step_.parent_correlation_id);
    }
    // As the template names it: of a handler that a resolver found, the callable that it was found for.
    std::string_view handler_name() const noexcept { return detail::view(step_.callable); }
    std::string_view method() const noexcept { return detail::view(step_.method); }
    std::string_view step_name() const noexcept { return detail::view(step_.step_name); }
    std::string_view template_step_name() const noexcept { return detail::view(step_.template_step_name); }
    std::string_view namespace_name() const noexcept { return detail::view(step_.namespace_); }
    std::string_view task_name() const noexcept { return detail::view(step_.task_name); }
    std::string_view task_version() const noexcept { return detail::view(step_.task_version); }
    bool retryable() const noexcept { return (step_.flags & TASKER_STEP_RETRYABLE) != 0; }
    // Always false in this version: nothing can ask for a dry run yet.
    bool dry_run() const noexcept { return (step_.flags & TASKER_STEP_DRY_RUN) != 0; }
    // An earlier attempt was lost with its worker: what it did to the outside is unknown.
    bool redelivered() const noexcept { return (step_.flags & TASKER_STEP_REDELIVERED) != 0; }
    // Equal over attempts, worker generations and runtimes: pass it to services that deduplicate.
    std::string_view idempotency_key() const noexcept { return detail::view(step_.idempotency_key); }

    // W3C trace context; nullopt when the task carries none.
    std::optional<std::string_view> traceparent() const { return if_any(step_.traceparent); }
    std::optional<std::string_view> trace_id() const { return trace_part(3, 32); }
    std::optional<std::string_view> span_id() const { return trace_part(36, 16); }

    // ---- the task's input ----
    const json& input_data() const { return texts_.context(); }  // {} when the task has none
    const json& context() const { return input_data(); }
    bool has_input(std::string_view key) const { return input_state(key) != Presence::Missing; }
    Presence input_state(std::string_view key) const { return detail::presence(input_data(), key); }
    template <class T = json>
    std::optional<T> get_input(std::string_view key) const {
        return detail::read<T>(input_data(), {"input", key});
    }
    template <class T>
    detail::Stored<T> get_input_or(std::string_view key, T fallback) const {
        return get_input<detail::Stored<T>>(key).value_or(detail::Stored<T>(std::move(fallback)));
    }
    template <class T = json>
    T require_input(std::string_view key) const {
        return detail::require<T>(input_data(), {"input", key});
    }
    // The whole input as a type with a from_json().
    template <class T>
    T input_as() const {
        return detail::convert<T>(input_data(), {"task", "input"});
    }

    // ---- the step's configuration: handler.initialization in the template ----
    const json& step_config() const { return texts_.config(); }  // {} when there is none
    Presence config_state(std::string_view key) const { return detail::presence(step_config(), key); }
    template <class T = json>
    std::optional<T> get_config(std::string_view key) const {
        return detail::read<T>(step_config(), {"config", key});
    }
    template <class T>
    detail::Stored<T> get_config_or(std::string_view key, T fallback) const {
        return get_config<detail::Stored<T>>(key).value_or(detail::Stored<T>(std::move(fallback)));
    }
    template <class T = json>
    T require_config(std::string_view key) const {
        return detail::require<T>(step_config(), {"config", key});
    }

    // ---- the step's own inputs (workflow_step.inputs), not the task's ----
    const json& step_inputs() const { return texts_.inputs(); }  // {} when there are none
    Presence step_input_state(std::string_view key) const { return detail::presence(step_inputs(), key); }
    template <class T = json>
    std::optional<T> get_step_input(std::string_view key) const {
        return detail::read<T>(step_inputs(), {"step input", key});
    }

    // ---- results of earlier steps: direct dependencies and all their ancestors ----
    std::vector<std::string> get_dependency_result_keys() const {
        return texts_.dependency_names();
    }                                  // sorted
    json dependency_results() const {  // {"step": envelope}
        json all = json::object();
        for (const auto& name : texts_.dependency_names()) {
            if (const json* envelope = texts_.dependency(name)) all[name] = *envelope;
        }
        return all;
    }
    // Missing: no such ancestor with a result. Null: its result is null.
    Presence dependency_state(std::string_view name) const {
        const json* envelope = texts_.dependency(name);
        if (envelope == nullptr) return Presence::Missing;
        return detail::unwrap(*envelope).is_null() ? Presence::Null : Presence::Present;
    }
    // The step's result, without its envelope.
    template <class T = json>
    std::optional<T> get_dependency_result(std::string_view name) const {
        if (dependency_state(name) != Presence::Present) return std::nullopt;
        return detail::convert<T>(detail::unwrap(*texts_.dependency(name)), {"result of dependency", name});
    }
    template <class T = json>
    T require_dependency_result(std::string_view name) const {
        const auto state = dependency_state(name);
        if (state != Presence::Present) detail::missing_value({"result of dependency", name}, state);
        return *get_dependency_result<T>(name);
    }
    // A value inside it; nullopt as soon as a segment is missing or is not in an object.
    template <class T = json, class... Path>
    requires(std::convertible_to<Path, std::string_view>&&...) std::optional<T> get_dependency_field(
        std::string_view name, Path&&... path)
    const {
        const auto field = find_field(name, {std::string_view(path)...});
        if (field.value == nullptr || field.value->is_null()) return std::nullopt;
        return detail::convert<T>(*field.value, {"field of dependency", field.path});
    }
    template <class T = json, class... Path>
    T require_dependency_field(std::string_view name, Path&&... path) const {
        const auto field = find_field(name, {std::string_view(path)...});
        const detail::Where where{"field of dependency", field.path};
        if (field.value == nullptr) detail::missing_value(where, Presence::Missing);
        if (field.value->is_null()) detail::missing_value(where, Presence::Null);
        return detail::convert<T>(*field.value, where);
    }
    // Results of every ancestor whose name starts with prefix, by name; nulls are skipped.
    std::vector<std::pair<std::string, json>> get_all_dependency_results(std::string_view prefix) const {
        std::vector<std::pair<std::string, json>> found;
        for (const auto& name : texts_.dependency_names()) {
            if (!name.starts_with(prefix)) continue;
            if (auto result = get_dependency_result(name)) found.emplace_back(name, *std::move(result));
        }
        return found;
    }
    std::optional<DependencyDetail> dependency_detail(std::string_view name) const;

    // ---- attempts ----
    std::uint32_t attempt() const noexcept { return step_.attempt; }  // from 1
    std::uint32_t retry_count() const noexcept {
        return step_.attempt == 0 ? 0 : step_.attempt - 1;
    }  // from 0
    std::uint32_t max_retries() const noexcept {
        return step_.max_attempts;
    }  // 3 unless the template says otherwise
    bool is_retry() const noexcept { return retry_count() > 0; }
    bool is_last_retry() const noexcept { return std::uint64_t{retry_count()} + 1 >= max_retries(); }
    // The envelope of the last failed attempt.
    std::optional<json> previous_result() const {
        const auto text = texts_.get("previous_result");
        if (!text) return std::nullopt;
        return detail::parse(*text, "previous result");
    }

    // ---- part of the work of a batch worker; batch.hpp has BatchWorkerContext ----
    const json& batch_cursor() const { return texts_.batch(); }  // {} when this step has none
    // A placeholder of an analyzer without batches: succeed at once.
    bool is_no_op() const noexcept { return (step_.flags & TASKER_STEP_NO_OP) != 0; }

    // ---- checkpoint: what was durable before this call ----
    std::optional<json> checkpoint() const {
        if (detail::view(step_.checkpoint_json).empty()) return std::nullopt;
        return texts_.checkpoint();
    }
    template <class T = json>
    std::optional<T> checkpoint_cursor() const {
        return detail::read<T>(texts_.checkpoint(), {"checkpoint", "cursor"});
    }
    std::uint64_t checkpoint_items_processed() const {
        return detail::read<std::uint64_t>(texts_.checkpoint(), {"checkpoint", "items_processed"})
            .value_or(0);
    }
    template <class T = json>
    std::optional<T> accumulated_results() const {
        return detail::read<T>(texts_.checkpoint(), {"checkpoint", "accumulated_results"});
    }
    bool has_checkpoint() const {  // a cursor of 0 counts
        return detail::presence(texts_.checkpoint(), "cursor") == Presence::Present;
    }

    // Saves the progress, durable on return, and goes on: a later attempt starts from it. For batch workers and handlers
    // with TASKER_CAP_CHECKPOINTS; arguments as of StepHandlerResult::checkpoint_yield(). False: the step belongs to
    // another worker now, and nothing was saved. Throws ValidationError for bad arguments, std::runtime_error when the
    // host cannot save now.
    bool save_checkpoint(const json& cursor, std::int64_t items_processed,
                         const json& accumulated = nullptr) const {
        detail::check_checkpoint(cursor, items_processed);
        const std::string at = detail::dump(cursor);
        const std::string state = accumulated.is_null() ? std::string{} : detail::dump(accumulated);
        const tasker_checkpoint_v0 checkpoint{sizeof checkpoint, 0, detail::borrow(at), detail::borrow(state),
                                              static_cast<std::uint64_t>(items_processed)};
        const std::int32_t status = step_.api->save_checkpoint(call_, &checkpoint);
        if (status == TASKER_OK) return true;
        if (status == TASKER_E_LEASE_LOST) return false;
        if (status == TASKER_E_INVALID)
            detail::bad_checkpoint(
                "the host refused it; cursor at most 64 KiB, with the accumulated results 1 MiB");
        if (status == TASKER_E_UNSUPPORTED)
            detail::bad_checkpoint("the handler is no tasker::BatchWorker and has no TASKER_CAP_CHECKPOINTS");
        throw std::runtime_error("the host could not save the checkpoint (status " + std::to_string(status) +
                                 ")");
    }

    // ---- domain events ----
    // Published if and only if the step's result is accepted, whichever it is; the result's with_event() ties one to its
    // own. name: dotted lower case. Throws ValidationError (INVALID_EVENT): a bad name, a payload without JSON text, more
    // than 100 events or 256 KiB of payloads a call.
    void emit_event(const std::string& name, const json& payload = nullptr) const {
        try {
            detail::send_event(*step_.api, call_, name, payload);
        } catch (const std::invalid_argument& error) {
            detail::bad_event("the payload of '" + name + "' has no JSON text: " + error.what());
        }
    }

    // ---- time, stopping, progress ----
    // nullopt: no deadline. Negative: past it.
    std::optional<std::chrono::milliseconds> remaining() const noexcept {
        const std::int64_t left = step_.api->remaining_ms(call_);
        if (left == std::numeric_limits<std::int64_t>::max()) return std::nullopt;
        return std::chrono::milliseconds(left);
    }
    std::optional<std::chrono::steady_clock::time_point> deadline() const noexcept {
        const auto left = remaining();
        if (!left) return std::nullopt;
        return std::chrono::steady_clock::now() + *left;
    }
    StopReason stop() const noexcept {  // cheap: poll it
        const std::int32_t reason = step_.api->stop_requested(call_);
        const bool known = reason >= TASKER_STOP_NONE && reason <= TASKER_STOP_LEASE_LOST;
        return known ? static_cast<StopReason>(reason) : StopReason::Cancelled;
    }
    bool stop_requested() const noexcept { return stop() != StopReason::None; }
    // Leaves the handler without a result when the host wants it to end; the step is released, uncharged.
    void throw_if_stopped() const {
        if (const auto reason = stop(); reason != StopReason::None) throw StopRequested(reason);
    }
    // Says that the step is alive, extends its deadline, reports progress (total 0: unknown). False: the step
    // belongs to another worker now, and nothing that this handler does counts any more.
    bool heartbeat(std::uint64_t done = 0, std::uint64_t total = 0) const noexcept {
        return step_.api->heartbeat(call_, done, total) != TASKER_E_LEASE_LOST;
    }

    // Records carry the step's identity already.
    Logger logger() const { return Logger(host_, step_.api, call_); }

    // ---- raw ----
    // The whole step event as JSON text, keys unknown to this SDK included; empty when the host offers none.
    std::string_view raw_event() const { return texts_.get("event").value_or(std::string_view{}); }
    // A value of it by JSON pointer ("/task_sequence_step/workflow_step/attempts"); nullopt when there is none.
    std::optional<json> event_at(const std::string& pointer) const {
        const auto text = raw_event();
        if (text.empty()) return std::nullopt;
        const json event = detail::parse(text, "step event");
        const json::json_pointer path(pointer);
        if (!event.contains(path)) return std::nullopt;
        return event.at(path);
    }
    // The task as the host describes it: priority, initiator, tags and so on.
    json task() const { return detail::parse(texts_.get("task").value_or("{}"), "task"); }
    const tasker_step_v0& abi_step() const noexcept { return step_; }

  private:
    struct Field {
        const json* value;  // nullptr: missing
        std::string path;
    };
    Field find_field(std::string_view name, std::initializer_list<std::string_view> path) const {
        Field field{texts_.dependency(name), std::string(name)};
        if (field.value != nullptr) field.value = &detail::unwrap(*field.value);
        for (const auto key : path) {
            field.path.append(".").append(key);
            if (field.value == nullptr) continue;
            const bool there = detail::presence(*field.value, key) != Presence::Missing;
            field.value = there ? &*field.value->find(key) : nullptr;
        }
        return field;
    }

    static std::optional<std::string_view> if_any(const tasker_str& text) noexcept {
        if (text.len == 0) return std::nullopt;
        return detail::view(text);
    }
    // traceparent: version(2)-trace id(32)-span id(16)-flags(2)
    std::optional<std::string_view> trace_part(std::size_t at, std::size_t size) const noexcept {
        const auto text = detail::view(step_.traceparent);
        if (text.size() < 55) return std::nullopt;
        return text.substr(at, size);
    }

    const tasker_step_v0& step_;
    tasker_call* call_;
    const tasker_host_v0* host_;
    mutable detail::StepTexts texts_;
};

inline std::optional<DependencyDetail> StepContext::dependency_detail(std::string_view name) const {
    const json* envelope = texts_.dependency(name);
    if (envelope == nullptr || !envelope->is_object()) return std::nullopt;
    const auto text = [](const json& object, const char* key) {
        const auto found = object.is_object() ? object.find(key) : object.end();
        return object.is_object() && found != object.end() && found->is_string() ? found->get<std::string>()
                                                                                 : std::string{};
    };
    const json metadata = envelope->value("metadata", json::object());
    const json error = envelope->value("error", json());
    DependencyDetail ended;
    ended.success = envelope->value("success", json(false)) == json(true);
    ended.status = text(*envelope, "status");
    ended.error_message = text(error, "message");
    ended.error_type = text(error, "error_type");
    if (ended.error_type.empty()) ended.error_type = text(metadata, "error_type");
    ended.error_code = text(error, "error_code");
    if (ended.error_code.empty()) ended.error_code = text(metadata, "error_code");
    ended.retryable =
        !ended.success && metadata.is_object() && metadata.value("retryable", json(false)) == json(true);
    return ended;
}

}  // namespace tasker
