#pragma once
// One call of a plugin's handler, from the step view to the outcome. Every fault of the handler ends in an outcome.

#include <cstdint>
#include <string_view>

#include "host/loader/call_slots.hpp"
#include "host/registry/handler.hpp"

namespace tasker::host {

class PluginCall {
  public:
    // Everything named must live until finish().
    PluginCall(const StepEvent& event, CallControl& control, std::string_view plugin_id,
               std::string_view callable);
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

Failed invalid_result(std::string message);

}  // namespace tasker::host
