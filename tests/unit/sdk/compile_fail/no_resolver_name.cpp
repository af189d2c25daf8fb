// expect: a resolver needs: static constexpr std::string_view resolver_name = "..."
#include <tasker/sdk.hpp>
struct H : tasker::StepHandler {
    static constexpr std::string_view handler_name = "h";
    tasker::StepHandlerResult call(tasker::StepContext&) override { return success(); }
};
struct R : tasker::HandlerResolver {
#ifdef FIXED
    static constexpr std::string_view resolver_name = "r";
#endif
    static constexpr std::string_view prefix = "p";
    std::optional<std::string> resolve(const tasker::AskedCallable&) override { return std::nullopt; }
};
TASKER_PLUGIN("id", "1.0.0", H, R);
