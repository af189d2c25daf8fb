// expect: a handler needs: static constexpr std::string_view handler_name = "..."
#include <tasker/sdk.hpp>
struct H : tasker::StepHandler {
#ifdef FIXED
    static constexpr std::string_view handler_name = "h";
#endif
    tasker::StepHandlerResult call(tasker::StepContext&) override { return success(); }
};
TASKER_PLUGIN("id", "1.0.0", H);
