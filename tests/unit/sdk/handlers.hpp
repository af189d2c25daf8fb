#pragma once
// Handlers that the SDK's tests run.

#include <functional>
#include <tasker/sdk.hpp>

namespace sdk_test {

// Runs the body that a test gives it.
class Probe : public tasker::StepHandler {
  public:
    static constexpr std::string_view handler_name = "sdk_test.probe";
    using Body = std::function<tasker::StepHandlerResult(tasker::StepContext&)>;
    explicit Probe(const tasker::HandlerSetup& setup) : body_(&setup.state<Body>()) {}
    tasker::StepHandlerResult call(tasker::StepContext& context) override { return (*body_)(context); }

  private:
    Body* body_;
};

}  // namespace sdk_test
