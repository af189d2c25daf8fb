#pragma once
// The one task template of the chaos test, as the driver writes it and as the checker knows it.

#include <array>
#include <string>
#include <string_view>
#include <vector>

namespace tasker::chaos {

struct GraphStep {
    std::string_view name;
    std::string_view callable;
    std::vector<std::size_t> parents;  // indices into kSteps
};

// start -> left, right -> join -> last
inline const std::vector<GraphStep>& graph() {
    static const std::vector<GraphStep> kGraph{
        {"start", "chaos.work", {}},     {"left", "chaos.flaky", {0}}, {"right", "chaos.work", {0}},
        {"join", "chaos.flaky", {1, 2}}, {"last", "chaos.work", {3}},
    };
    return kGraph;
}
inline constexpr int kMaxAttempts = 3;

inline std::string template_yaml() {
    std::string text =
        "name: chaos\nnamespace_name: chaos\nversion: 1.0.0\nidentity_strategy: strict\nsteps:\n";
    for (const GraphStep& step : graph()) {
        text += "  - name: " + std::string(step.name) +
                "\n    handler:\n      callable: " + std::string(step.callable) + "\n    dependencies: [";
        for (std::size_t i = 0; i < step.parents.size(); ++i) {
            text += (i == 0 ? "" : ", ") + std::string(graph()[step.parents[i]].name);
        }
        text +=
            "]\n    retry:\n      max_attempts: " + std::to_string(kMaxAttempts) + "\n      backoff: none\n";
    }
    return text;
}

}  // namespace tasker::chaos
