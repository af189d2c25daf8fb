#pragma once
// From a step event to its result, without threads and without I/O. Total: whatever a handler does becomes an
// outcome.

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "host/model/step_event.hpp"
#include "host/model/step_result.hpp"
#include "host/registry/handler.hpp"

namespace tasker::host {

// The callable that the event names; empty when it names none.
std::string_view extract_handler_name(const StepEvent& event);

// The failures that the host makes itself (their codes are part of the contract).
Failed no_handler_name();
Failed handler_not_found(std::string_view callable);
Failed resolver_not_found(std::string_view callable, std::string_view fault);
Failed method_not_found(const HandlerInfo& info, std::string_view method);
Failed handler_threw(std::string_view text);
Failed handler_timed_out(std::string_view callable, std::int64_t timeout_ms);

// Gives an instance to call; may throw what Handler::create() throws.
using InstanceSource = std::function<HandlerInstance&()>;

// Resolve and call. `handler` is null when nobody offers the callable.
StepOutcome call_handler(const StepEvent& event, const Handler* handler, const InstanceSource& instance,
                         CallControl& control);

struct AttemptTimes {
    std::int64_t started_unix_ms = 0;
    std::int64_t completed_unix_ms = 0;
    std::int64_t execution_time_ms = 0;  // monotonic
};
struct WorkerIdentity {
    std::string worker_id;
    std::string hostname;
};
// Nothing for Released and Yielded: there is no result then.
std::optional<StepExecutionResult> to_result(const StepEvent& event, StepOutcome outcome,
                                             const AttemptTimes& times, const WorkerIdentity& worker,
                                             std::string handler_version);

}  // namespace tasker::host
