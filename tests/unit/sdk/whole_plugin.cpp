// Everything that the SDK has, in one plugin: it only has to compile.
#include <tasker/sdk.hpp>
#include <tasker/testing.hpp>

namespace {

class Handler : public tasker::StepHandler {
  public:
    static constexpr std::string_view handler_name = "whole.handler";
    tasker::StepHandlerResult call(tasker::StepContext& context) override {
        context.logger().info("called", {{"attempt", context.attempt()}});
        return success({{"value", context.require_input<int>("n") + context.get_config_or("k", 1)},
                        {"before", context.get_dependency_field<int>("a", "b", "c").value_or(0)}});
    }
    tasker::StepHandlerResult undo(tasker::StepContext&) { return failure("no"); }
    static constexpr std::array methods{tasker::Method{"undo", &Handler::undo}};
};

using Lambda =
    tasker::function_handler<"whole.lambda", [](const tasker::json& a) { return a; }, tasker::depends<"a">>;

[[maybe_unused]] void run() { tasker::testing::StepTest::of<Handler>().input({{"n", 1}}).run(); }

}  // namespace

TASKER_PLUGIN("whole.plugin", "1.0.0", Handler, Lambda);
