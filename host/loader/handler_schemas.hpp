#pragma once
// The JSON Schemas that a handler declares, kept for each of its steps: configuration and input before it is called, the
// result after it. Thread-safe; costs nothing for a handler without schemas.

#include <memory>
#include <optional>
#include <string>

#include "host/core/guarded.hpp"
#include "host/model/input_schema.hpp"
#include "host/registry/handler.hpp"

namespace tasker::host {

class HandlerSchemas {
  public:
    explicit HandlerSchemas(const HandlerInfo& info);

    // Why the step must not be called; permanent.
    std::optional<Failed> refusal(const StepEvent& event) const;
    // The outcome as it is, or the failure that takes the place of a result that does not fit.
    StepOutcome checked(StepOutcome outcome) const;

  private:
    const std::string callable_;
    std::unique_ptr<const InputSchema> config_, input_, result_;  // null: unchecked
    // A handler has few configurations, one for each step that names it: the last one that fitted is remembered.
    mutable Guarded<std::string> fitting_;
};

}  // namespace tasker::host
