// Steps that last as long as a test wants: until the file `release` of the task's input exists. Each start appends
// "label attempt" to the file `journal`.

#include <poll.h>

#include <filesystem>
#include <fstream>
#include <string>
#include <string_view>
#include <tasker/sdk.hpp>

namespace {

void report_start(const tasker::StepContext& context) {
    std::ofstream journal(context.require_input<std::string>("journal"), std::ios::app);
    journal << context.get_input_or("label", "step") << ' ' << context.attempt() << '\n';
}

bool released(const tasker::StepContext& context) {
    return std::filesystem::exists(context.require_input<std::string>("release"));
}

void pause() { ::poll(nullptr, 0, 2); }

// Well-behaved: gives up when it is asked to.
class Hold : public tasker::StepHandler {
  public:
    static constexpr std::string_view handler_name = "slow.hold";
    tasker::StepHandlerResult call(tasker::StepContext& context) override {
        report_start(context);
        while (!released(context)) {
            context.throw_if_stopped();
            pause();
        }
        return success({{"held", true}});
    }
};

// Deaf to every request to stop.
class Hung : public tasker::StepHandler {
  public:
    static constexpr std::string_view handler_name = "slow.hung";
    tasker::StepHandlerResult call(tasker::StepContext& context) override {
        report_start(context);
        while (!released(context)) pause();
        return success({{"held", true}});
    }
};

}  // namespace

TASKER_PLUGIN("slow", "1.0.0", Hold, Hung);
