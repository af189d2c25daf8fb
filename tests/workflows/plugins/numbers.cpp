// Handlers of the workflows that calculate (W1-W4), that fail on purpose (W14-W18) and that do nothing (W13, W19, W20, W31).

#include <atomic>
#include <cstdint>
#include <string>
#include <vector>

#include "meeting.hpp"

namespace {
using tasker::json;
using tasker::StepContext;

std::int64_t times(std::int64_t a, std::int64_t b) {
    std::int64_t product = 0;
    if (__builtin_mul_overflow(a, b, &product)) {
        throw tasker::PermanentError(std::to_string(a) + " times " + std::to_string(b) + " is beyond 64 bits",
                                     "OVERFLOW");
    }
    return product;
}

std::int64_t value_of(const StepContext& context, const std::string& step) {
    return context.require_dependency_field<std::int64_t>(step, "value");
}

// The task's even number, or the value of the step that the template names.
using Square = tasker::function_handler<"numbers.square", [](StepContext& context) {
    const auto from = context.get_config<std::string>("of");
    const std::int64_t value =
        from ? value_of(context, *from) : context.require_input<std::int64_t>("even_number");
    if (value % 2 != 0) throw tasker::ValidationError(std::to_string(value) + " is odd", "ODD_NUMBER");
    flows::meet(context, "branches");
    return json{{"value", times(value, value)}};
}>;

// The product of the steps that the template names, one by one or by what their names begin with; squared on request.
using Join = tasker::function_handler<"numbers.join", [](StepContext& context) {
    std::int64_t product = 1;
    json joined = json::array();
    for (const auto& step : context.get_config_or("of", std::vector<std::string>{})) {
        product = times(product, value_of(context, step));
        joined.push_back(step);
    }
    if (const auto prefix = context.get_config<std::string>("prefix")) {
        for (const auto& [step, result] : context.get_all_dependency_results(*prefix)) {
            product = times(product, result.at("value").get<std::int64_t>());
            joined.push_back(step);
        }
    }
    flows::meet(context, "joins");
    if (context.get_config_or("square", false)) product = times(product, product);
    return json{{"value", product}, {"joined", joined}, {"seen", context.get_dependency_result_keys()}};
}>;

// How many of them ran at the same time, at most.
std::atomic<int> leaves_running = 0, most_leaves = 0;
class LeafRuns {
  public:
    LeafRuns() {
        const int now = ++leaves_running;
        int most = most_leaves;
        while (now > most && !most_leaves.compare_exchange_weak(most, now)) continue;
    }
    ~LeafRuns() { --leaves_running; }
    LeafRuns(const LeafRuns&) = delete;
    LeafRuns& operator=(const LeafRuns&) = delete;
};
using Leaf = tasker::function_handler<"numbers.leaf", [](StepContext& context) {
    const LeafRuns running;
    const std::int64_t value = value_of(context, context.require_config<std::string>("of"));
    return json{{"value", times(value, value)}, {"at_once", most_leaves.load()}};
}>;

using Nothing = tasker::function_handler<"flows.nothing", [] { return json{{"ok", true}}; }>;
using Permanent = tasker::function_handler<"flows.permanent", []() -> json {
    throw tasker::PermanentError("this cannot work", "NO_WAY", {{"asked", true}});
}>;

// Fails as often as the template says, and tells which attempt it is.
using Failing = tasker::function_handler<"flows.failing", [](StepContext& context) {
    const json told{{"retry_count", context.retry_count()},
                    {"is_retry", context.is_retry()},
                    {"is_last_retry", context.is_last_retry()},
                    {"max_retries", context.max_retries()}};
    const auto fail_times = context.get_config_or<std::uint32_t>("fail_times", 1'000'000);
    if (context.retry_count() < fail_times)
        throw tasker::RetryableError("attempt " + std::to_string(context.attempt()) + " fails", {},
                                     "TRY_AGAIN", told);
    return told;
}>;

}  // namespace

TASKER_PLUGIN("org.example.flows.numbers", "1.0.0", Square, Join, Leaf, Nothing, Permanent, Failing);
