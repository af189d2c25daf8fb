// expect: max_instances must be a static constexpr std::uint32_t, not negative
#include <tasker/sdk.hpp>
struct H : tasker::StepHandler {
    static constexpr std::string_view handler_name = "h";
#ifdef FIXED
    static constexpr std::uint32_t max_instances = 4;
#else
    std::uint32_t max_instances = 4;
#endif
    tasker::StepHandlerResult call(tasker::StepContext&) override { return success(); }
};
TASKER_PLUGIN("id", "1.0.0", H);
