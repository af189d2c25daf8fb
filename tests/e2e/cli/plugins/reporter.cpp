// One handler for many callables: a resolver leads "report.*" to it, and it says what it was called as. With a publisher
// and a subscriber, so that everything a plugin can bring is in one file.

#include <optional>
#include <stdexcept>
#include <string>
#include <string_view>
#include <tasker/sdk.hpp>

namespace {

using Any = tasker::function_handler<"reporter.any", [](tasker::StepContext& context) {
    return tasker::json{{"report", std::string(context.handler_name())}};
}>;

using Reports =
    tasker::pattern_resolver<"reporter.reports", "report\\.([a-z]+)",
                             [](const tasker::AskedCallable& asked) -> std::optional<std::string> {
                                 if (asked.groups.at(0) == "never")
                                     throw std::runtime_error("there is no such report");
                                 return "reporter.any";
                             },
                             40>;

using Seen = tasker::publisher_function<"reporter.seen", [](const tasker::DomainEvent& event) {
    return std::optional<tasker::json>(event.payload);
}>;

using Heard = tasker::subscriber_function<"reporter.heard", "report.*", [](const tasker::DomainEvent&) {}>;

}  // namespace

TASKER_PLUGIN("reporter", "1.0.0", Any, Reports, Seen, Heard);
