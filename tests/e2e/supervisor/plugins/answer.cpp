// Answers with the number that it was built with, so that a test sees which build ran. A context with "hold" makes it wait
// until the file of that name exists.

#include <poll.h>

#include <cstdlib>
#include <filesystem>
#include <stdexcept>
#include <string>
#include <tasker/sdk.hpp>

#ifdef ANSWER_DIES
namespace {
[[gnu::constructor]] void die() { std::abort(); }
}  // namespace
#endif

using Answer = tasker::function_handler<"answer.give", [](tasker::StepContext& context) {
#ifdef ANSWER_CRASHES
    std::abort();
#endif
#ifdef ANSWER_FAILS
    throw std::runtime_error("no answer");
#endif
    const std::string hold = context.get_input_or("hold", std::string{});
    while (!hold.empty() && !std::filesystem::exists(hold)) ::poll(nullptr, 0, 2);
    return tasker::json{{"answer", ANSWER}};
}>;

TASKER_PLUGIN("answer", "1.0.0", Answer);
