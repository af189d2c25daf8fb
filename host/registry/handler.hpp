#pragma once
// What the host calls. Implemented by loader/plugin_handler (the C ABI) and by embedders.

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "host/logging/logger.hpp"
#include "host/model/step_event.hpp"
#include "host/model/step_result.hpp"

namespace tasker::host {

// The threading contract of ONE instance; the executor honours it.
enum class Threading : std::uint8_t {
    Serial,     // one call at a time, any thread
    Reentrant,  // concurrent calls on the same instance
    Affine,     // created, called and destroyed on one thread
};

enum class StopReason : std::uint8_t { None, Cancelled, Deadline, Draining, LeaseLost };

// What a running handler may ask of the host. Thread-safe; valid until call() returns.
class CallControl {
  public:
    virtual ~CallControl() = default;
    virtual StopReason stop_requested() const = 0;      // cheap: poll it
    virtual std::int64_t remaining_ms() const = 0;      // < 0: past the deadline; INT64_MAX: none
    virtual std::int64_t deadline_unix_ms() const = 0;  // 0: none
    virtual bool heartbeat(std::uint64_t done,
                           std::uint64_t total) = 0;  // extends the deadline; false: the lease is lost
    // Durable on return; false: the lease is lost and nothing was saved. Throws Error when it cannot be saved now.
    virtual bool save_checkpoint(const Checkpoint& checkpoint) = 0;
    virtual const Logger& logger() const = 0;  // bound to the step
};

// One instance of a handler. Which thread may call it when is Threading's business.
class HandlerInstance {
  public:
    virtual ~HandlerInstance() = default;
    // Runs the step. Total: every failure of the handler comes back as an outcome, nothing is thrown.
    virtual StepOutcome call(const StepEvent& event, CallControl& control) = 0;
};

struct HandlerInfo {
    std::string callable;
    std::string summary;
    std::string kind = "step";         // step, decision, batch_analyzer, batch_worker
    std::vector<std::string> methods;  // beside "call"
    Threading threading = Threading::Serial;
    unsigned max_instances = 0;                                             // 0: the host decides
    std::uint64_t capabilities = 0;                                         // TASKER_CAP_*
    std::string config_schema_json, input_schema_json, result_schema_json;  // empty: none
    std::string plugin_id, plugin_version, source;  // source: the plugin file, or "embedded"
    std::string version() const {
        return plugin_id.empty() ? std::string{} : plugin_id + "@" + plugin_version;
    }
};

class Handler {
  public:
    virtual ~Handler() = default;
    virtual const HandlerInfo& info() const = 0;
    // `slot` counts the instances of this handler from 0. Throws PluginError when the handler refuses its configuration.
    virtual std::unique_ptr<HandlerInstance> create(unsigned slot) = 0;
};

}  // namespace tasker::host
