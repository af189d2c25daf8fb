// expect: handler_name must be 1 to 128 characters of [A-Za-z0-9_.:-]
#include <tasker/sdk.hpp>
#define TEN "0123456789"
struct H : tasker::StepHandler {
#ifdef FIXED
    static constexpr std::string_view handler_name =
        TEN TEN TEN TEN TEN TEN TEN TEN TEN TEN TEN TEN "12345678";
#else
    static constexpr std::string_view handler_name =
        TEN TEN TEN TEN TEN TEN TEN TEN TEN TEN TEN TEN "123456789";
#endif
    tasker::StepHandlerResult call(tasker::StepContext&) override { return success(); }
};
TASKER_PLUGIN("id", "1.0.0", H);
