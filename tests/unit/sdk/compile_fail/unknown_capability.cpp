// expect: capabilities must be a static constexpr std::uint64_t of TASKER_CAP_* constants
#include <tasker/sdk.hpp>
struct H : tasker::StepHandler {
    static constexpr std::string_view handler_name = "h";
#ifdef FIXED
    static constexpr std::uint64_t capabilities = 0;
#else
    static constexpr std::uint64_t capabilities = 1ull << 40;
#endif
    tasker::StepHandlerResult call(tasker::StepContext&) override { return success(); }
};
TASKER_PLUGIN("id", "1.0.0", H);
