// expect: threading must be a static constexpr tasker::Threading
#include <tasker/sdk.hpp>
struct H : tasker::StepHandler {
    static constexpr std::string_view handler_name = "h";
#ifdef FIXED
    static constexpr auto threading = tasker::Threading{2};
#else
    static constexpr auto threading = tasker::Threading{7};
#endif
    tasker::StepHandlerResult call(tasker::StepContext&) override { return success(); }
};
TASKER_PLUGIN("id", "1.0.0", H);
