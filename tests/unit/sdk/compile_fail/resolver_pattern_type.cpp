// expect: a resolver's prefix or pattern must be a static constexpr std::string_view of 1 to 256
#include <tasker/sdk.hpp>
struct H : tasker::StepHandler {
    static constexpr std::string_view handler_name = "h";
    tasker::StepHandlerResult call(tasker::StepContext&) override { return success(); }
};
struct R : tasker::HandlerResolver {
    static constexpr std::string_view resolver_name = "r";
#ifdef FIXED
    static constexpr std::string_view pattern = "p.*";
#else
    static constexpr int pattern = 5;
#endif
    std::optional<std::string> resolve(const tasker::AskedCallable&) override { return std::nullopt; }
};
TASKER_PLUGIN("id", "1.0.0", H, R);
