// expect: a resolver must be constructible from nothing or from const tasker::ResolverSetup&
#include <tasker/sdk.hpp>
struct H : tasker::StepHandler {
    static constexpr std::string_view handler_name = "h";
    tasker::StepHandlerResult call(tasker::StepContext&) override { return success(); }
};
struct R : tasker::HandlerResolver {
    static constexpr std::string_view resolver_name = "r";
    static constexpr std::string_view prefix = "p";
#ifndef FIXED
    explicit R(int) {}
#endif
    std::optional<std::string> resolve(const tasker::AskedCallable&) override { return std::nullopt; }
};
TASKER_PLUGIN("id", "1.0.0", H, R);
