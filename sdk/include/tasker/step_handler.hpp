#pragma once
// The base of every handler class.
//
//   class Square : public tasker::StepHandler {
//     public:
//       static constexpr std::string_view handler_name = "linear_workflow.square";
//       tasker::StepHandlerResult call(tasker::StepContext& context) override;
//   };
//
// Optional static members, each constexpr:
//   handler_version  std::string_view   the handler's own; otherwise the plugin's
//   summary          std::string_view   one line for `handler list`
//   handler_kind     tasker::HandlerKind  what it produces; set by DecisionHandler, BatchAnalyzer and BatchWorker
//   threading        tasker::Threading  what one instance can bear; otherwise Serial
//   capabilities     std::uint64_t      TASKER_CAP_* or-ed; otherwise 0
//   max_instances    std::uint32_t      otherwise 0, the host decides
//   config_schema, input_schema, result_schema   std::string_view, JSON schemas
//   methods          what handler.method of a template may name beside "call":
//                    std::array{"refund", "void"} with
//                      StepHandlerResult call_method(std::string_view method, StepContext&)
//                    or, after their declarations, std::array{tasker::Method{"refund", &Payments::refund}, ...}
//
// A handler is constructed from nothing or from a `const tasker::HandlerSetup&`. The host keeps one instance per
// handler and slot and reuses it for every template that names the handler: what belongs to a step comes from its
// context, not from the instance. A constructor that throws fails the step that needed the instance, with the message
// of the exception (handler_error, HANDLER_EXCEPTION, retried); the next attempt constructs anew.

#include <cstdint>
#include <string_view>

#include "tasker/json.hpp"
#include "tasker/logging.hpp"
#include "tasker/step_context.hpp"
#include "tasker/step_result.hpp"

namespace tasker {

// Which results a handler may return; a host refuses those of another kind.
enum class HandlerKind : std::uint32_t {
    Step = TASKER_KIND_STEP,
    Decision = TASKER_KIND_DECISION,             // decision_handler.hpp
    BatchAnalyzer = TASKER_KIND_BATCH_ANALYZER,  // batch.hpp
    BatchWorker = TASKER_KIND_BATCH_WORKER,      // batch.hpp; may yield with a checkpoint
};

enum class Threading : std::uint32_t {
    Serial = TASKER_THREADS_SERIAL,        // one call at a time on an instance, on any thread
    Reentrant = TASKER_THREADS_REENTRANT,  // concurrent calls on one instance
    Affine = TASKER_THREADS_AFFINE,        // constructed, called and destroyed on one thread
};

class StepHandler {
  public:
    StepHandler() = default;
    StepHandler(const StepHandler&) = delete;
    StepHandler& operator=(const StepHandler&) = delete;
    virtual ~StepHandler() = default;

    // Runs one step, on a thread as `threading` says. What it throws becomes the step's failure (errors.hpp).
    virtual StepHandlerResult call(StepContext& context) = 0;

  protected:
    static StepHandlerResult success(json value = json::object(), json metadata = json::object()) {
        return StepHandlerResult::success(std::move(value), std::move(metadata));
    }
    static StepHandlerResult failure(std::string message, ErrorType type = ErrorType::HandlerError,
                                     bool retryable = true, json metadata = json::object(),
                                     std::string error_code = {}) {
        return StepHandlerResult::failure(std::move(message), type, retryable, std::move(metadata),
                                          std::move(error_code));
    }
    static StepHandlerResult failure(std::string message, std::string type, bool retryable = true,
                                     json metadata = json::object(), std::string error_code = {}) {
        return StepHandlerResult::failure(std::move(message), std::move(type), retryable, std::move(metadata),
                                          std::move(error_code));
    }
};

// What an instance is made from. Valid during construction; copy what is needed later.
struct HandlerSetup {
    json config;         // the plugin's section of the host's configuration, an object
    std::uint32_t slot;  // of this handler's instances, from 0
    Logger logger;       // of the host; lives as long as the instance
    void* plugin_state;

    // The State that TASKER_PLUGIN_WITH_STATE names; shared by all instances of the plugin.
    template <class State>
    State& state() const {
        return *static_cast<State*>(plugin_state);
    }
};

// What the State of TASKER_PLUGIN_WITH_STATE may be constructed from, once per process.
struct PluginSetup {
    Logger logger;
};

// A name of handler.method and the member function that serves it.
template <class Handler>
struct Method {
    std::string_view name;
    StepHandlerResult (Handler::*function)(StepContext&);
};
template <class Handler>
Method(const char*, StepHandlerResult (Handler::*)(StepContext&)) -> Method<Handler>;

}  // namespace tasker
