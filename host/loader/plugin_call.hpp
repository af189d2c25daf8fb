#pragma once
// One call of a plugin's handler, from the step view to the outcome. Every fault of the handler ends in an outcome.

#include <cstdint>
#include <string_view>

#include "host/loader/call_slots.hpp"
#include "host/registry/handler.hpp"

namespace tasker::host {

class PluginCall {
  public:
    // `handler` says who is called: callable, kind, capabilities. Everything named must live until finish().
    PluginCall(const StepEvent& event, CallControl& control, std::string_view plugin_id,
               const tasker_handler_v0& handler, std::string_view callable);
    ~PluginCall();
    PluginCall(const PluginCall&) = delete;
    PluginCall& operator=(const PluginCall&) = delete;

    bool started() const { return taken_.slot != nullptr; }
    const tasker_step_v0* step() const { return &taken_.slot->view.table(); }
    tasker_call* handle() const { return taken_.handle; }
    // call() has returned `status`: closes the handle and says what the attempt came to. Once.
    StepOutcome finish(std::int32_t status);

  private:
    TakenSlot taken_;
};

// The table of functions that plugins call; call_api.cpp.
const tasker_call_api_v0* call_api();

// decide(), create_batches() and the checkpoints; call_outcomes.cpp.
std::int32_t decide(tasker_call* handle, const tasker_str* steps, std::size_t count, const char* json,
                    std::size_t size) noexcept;
std::int32_t create_batches(tasker_call* handle, const char* worker_template, const tasker_str* cursors,
                            std::size_t count, const char* json, std::size_t size) noexcept;
std::int32_t yield_checkpoint(tasker_call* handle, const tasker_checkpoint_v0* checkpoint) noexcept;
std::int32_t save_checkpoint(tasker_call* handle, const tasker_checkpoint_v0* checkpoint) noexcept;
std::int32_t emit_event(tasker_call* handle, const char* name, const char* json, std::size_t size) noexcept;

Failed invalid_result(std::string message);

}  // namespace tasker::host
