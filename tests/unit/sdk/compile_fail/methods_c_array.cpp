// expect: methods must be: static constexpr std::array methods{
#include <tasker/sdk.hpp>
struct H : tasker::StepHandler {
    static constexpr std::string_view handler_name = "h";
#ifdef FIXED
    static constexpr std::array methods{"r"};
#else
    static constexpr const char* methods[] = {"r"};
#endif
    tasker::StepHandlerResult call(tasker::StepContext&) override { return success(); }
    tasker::StepHandlerResult call_method(std::string_view, tasker::StepContext&) { return success(); }
};
TASKER_PLUGIN("id", "1.0.0", H);
