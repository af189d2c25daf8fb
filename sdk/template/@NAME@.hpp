#pragma once
#include <string_view>
#include <tasker/sdk.hpp>

// Greets the `name` of the task's input: {"greeting": "Hello, Ada!"}. The word comes from the template's configuration.
class @CLASS@ : public tasker::StepHandler {
  public:
    static constexpr std::string_view handler_name = "@NAME@";  // what handler.callable says in @NAME@.yaml
    static constexpr std::string_view summary = "greets somebody";

    tasker::StepHandlerResult call(tasker::StepContext& context) override;
};
