// expect: and none of the host's resolvers (explicit_mapping, plugin_lookup)
#include <tasker/sdk.hpp>
struct H : tasker::StepHandler {
    static constexpr std::string_view handler_name = "h";
    tasker::StepHandlerResult call(tasker::StepContext&) override { return success(); }
};
struct R : tasker::HandlerResolver {
#ifdef FIXED
    static constexpr std::string_view resolver_name = "r";
#else
    static constexpr std::string_view resolver_name = "plugin_lookup";
#endif
    static constexpr std::string_view prefix = "p";
    std::optional<std::string> resolve(const tasker::AskedCallable&) override { return std::nullopt; }
};
TASKER_PLUGIN("id", "1.0.0", H, R);
