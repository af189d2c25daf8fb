// expect: a handler must override: tasker::StepHandlerResult call(tasker::StepContext&)
#include <tasker/sdk.hpp>
struct H : tasker::StepHandler {
    static constexpr std::string_view handler_name = "h";
#ifdef FIXED
    tasker::StepHandlerResult call(tasker::StepContext&) { return success(); }
#else
    tasker::StepHandlerResult call(const tasker::StepContext&) { return success(); }
#endif
};
TASKER_PLUGIN("id", "1.0.0", H);
