// expect: a handler must derive publicly from tasker::StepHandler
#include <tasker/sdk.hpp>
#ifdef FIXED
struct H : tasker::StepHandler {
#else
struct H {
#endif
    static constexpr std::string_view handler_name = "h";
    tasker::StepHandlerResult call(tasker::StepContext&) { return tasker::StepHandlerResult::success(); }
};
TASKER_PLUGIN("id", "1.0.0", H);
