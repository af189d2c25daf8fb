// expect: a handler with methods needs: tasker::StepHandlerResult call_method(std::string_view, tasker::StepContext&)
#include <tasker/sdk.hpp>
struct H : tasker::StepHandler {
    static constexpr std::string_view handler_name = "h";
    static constexpr std::array methods{"a"};
    tasker::StepHandlerResult call(tasker::StepContext&) override { return success(); }
#ifdef FIXED
    tasker::StepHandlerResult call_method(std::string_view, tasker::StepContext&) { return success(); }
#endif
};
TASKER_PLUGIN("id", "1.0.0", H);
