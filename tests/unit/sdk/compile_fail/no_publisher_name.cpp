// expect: a publisher needs: static constexpr std::string_view publisher_name = "..."
#include <tasker/sdk.hpp>
struct H : tasker::StepHandler {
    static constexpr std::string_view handler_name = "h";
    tasker::StepHandlerResult call(tasker::StepContext&) override { return success(); }
};
struct P : tasker::EventPublisher {
#ifdef FIXED
    static constexpr std::string_view publisher_name = "p";
#endif
};
TASKER_PLUGIN("id", "1.0.0", H, P);
