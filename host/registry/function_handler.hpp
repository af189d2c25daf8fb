#pragma once
// A function as a handler.

#include <functional>
#include <memory>
#include <string>

#include "host/registry/handler.hpp"

namespace tasker::host {

// Reentrant; what the function throws becomes a retryable `handler_error` failure.
std::shared_ptr<Handler> function_handler(std::string callable,
                                          std::function<StepOutcome(const StepEvent&, CallControl&)> body);

}  // namespace tasker::host
