// expect: methods must be distinct names of 1 to 128 characters of [A-Za-z0-9_.:-], without "call"
#include <tasker/sdk.hpp>
struct H : tasker::StepHandler {
    static constexpr std::string_view handler_name = "h";
#ifdef FIXED
    static constexpr std::array methods{"a", "b"};
#else
    static constexpr std::array methods{"a", "a"};
#endif
    tasker::StepHandlerResult call(tasker::StepContext&) override { return success(); }
    tasker::StepHandlerResult call_method(std::string_view, tasker::StepContext&) { return success(); }
};
TASKER_PLUGIN("id", "1.0.0", H);
