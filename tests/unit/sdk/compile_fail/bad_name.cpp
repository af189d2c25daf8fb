// expect: handler_name must be 1 to 128 characters of [A-Za-z0-9_.:-]
#include <tasker/sdk.hpp>
struct H : tasker::StepHandler {
#ifdef FIXED
    static constexpr std::string_view handler_name = "has_no_blank";
#else
    static constexpr std::string_view handler_name = "has a blank";
#endif
    tasker::StepHandlerResult call(tasker::StepContext&) override { return success(); }
};
TASKER_PLUGIN("id", "1.0.0", H);
