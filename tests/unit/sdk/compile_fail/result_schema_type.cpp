// expect: result_schema must be a static constexpr std::string_view
#include <tasker/sdk.hpp>
struct H : tasker::StepHandler {
    static constexpr std::string_view handler_name = "h";
#ifdef FIXED
    static constexpr std::string_view result_schema = "3";
#else
    static constexpr int result_schema = 3;
#endif
    tasker::StepHandlerResult call(tasker::StepContext&) override { return success(); }
};
TASKER_PLUGIN("id", "1.0.0", H);
