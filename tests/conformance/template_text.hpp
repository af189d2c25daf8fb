#pragma once
// Templates as short expressions: graph("diamond", {{"a"}, {"b", {"a"}}, {"c", {"a"}}, {"d", {"b", "c"}}}).

#include <string>
#include <vector>

#include "host/model/task_template.hpp"

namespace tasker::host::conformance {

inline constexpr const char* kNamespace = "conformance";
inline constexpr const char* kCallable = "work";

struct Step {
    std::string name;
    std::vector<std::string> dependencies = {};
    std::string retry = {};  // a JSON object; empty: absent
    std::string callable = kCallable;
    std::string extra = {};  // further members, e.g. R"("timeout_seconds":5)"
};

struct GraphOptions {
    std::string version = "1.0.0";
    std::string identity = "always_unique";
    std::string namespace_name = kNamespace;
};

inline std::string quoted(const std::string& text) { return '"' + text + '"'; }

inline std::string definition(const Step& step) {
    std::string text = "{\"name\":" + quoted(step.name) +
                       ",\"handler\":{\"callable\":" + quoted(step.callable) + "},\"dependencies\":[";
    for (std::size_t i = 0; i < step.dependencies.size(); ++i) {
        text += (i == 0 ? "" : ",") + quoted(step.dependencies[i]);
    }
    text += "]";
    if (!step.retry.empty()) text += ",\"retry\":" + step.retry;
    if (!step.extra.empty()) text += "," + step.extra;
    return text + "}";
}

inline TaskTemplate graph(const std::string& name, const std::vector<Step>& steps,
                          const GraphOptions& options = {}) {
    std::string text = "{\"name\":" + quoted(name) + ",\"namespace_name\":" + quoted(options.namespace_name) +
                       ",\"version\":" + quoted(options.version) +
                       ",\"identity_strategy\":" + quoted(options.identity) + ",\"steps\":[";
    for (std::size_t i = 0; i < steps.size(); ++i) text += (i == 0 ? "" : ",") + definition(steps[i]);
    return template_from_json(text + "]}");
}

inline TaskTemplate linear4() { return graph("linear", {{"a"}, {"b", {"a"}}, {"c", {"b"}}, {"d", {"c"}}}); }
inline TaskTemplate diamond() {
    return graph("diamond", {{"a"}, {"b", {"a"}}, {"c", {"a"}}, {"d", {"b", "c"}}});
}
inline std::string attempts(int max_attempts) {
    return "{\"max_attempts\":" + std::to_string(max_attempts) + "}";
}

}  // namespace tasker::host::conformance
