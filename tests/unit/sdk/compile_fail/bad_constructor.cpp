// expect: a handler must be constructible from nothing or from const tasker::HandlerSetup&
#include <tasker/sdk.hpp>
struct H : tasker::StepHandler {
    static constexpr std::string_view handler_name = "h";
#ifdef FIXED
    explicit H(const tasker::HandlerSetup&) {}
#else
    explicit H(int) {}
#endif
    tasker::StepHandlerResult call(tasker::StepContext&) override { return success(); }
};
TASKER_PLUGIN("id", "1.0.0", H);
