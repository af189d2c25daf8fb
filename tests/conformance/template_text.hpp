#pragma once
// Templates as short expressions: graph("diamond", {{"a"}, {"b", {"a"}}, {"c", {"a"}}, {"d", {"b", "c"}}}).

#include <cstddef>
#include <string>
#include <utility>
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
    std::string extra = {};           // further members, e.g. R"("timeout_seconds":5)"
    std::string initialization = {};  // of the handler; a JSON object; empty: absent
};

struct GraphOptions {
    std::string version = "1.0.0";
    std::string identity = "always_unique";
    std::string namespace_name = kNamespace;
};

inline std::string quoted(const std::string& text) { return '"' + text + '"'; }

inline std::string definition(const Step& step) {
    std::string text = "{\"name\":" + quoted(step.name) +
                       ",\"handler\":{\"callable\":" + quoted(step.callable) +
                       (step.initialization.empty() ? "" : ",\"initialization\":" + step.initialization) +
                       "},\"dependencies\":[";
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
// Steps of the types that make others, or are made.
inline Step decision(const std::string& name, std::vector<std::string> dependencies) {
    return {name, std::move(dependencies), {}, kCallable, R"("type":"decision")"};
}
inline Step convergence(const std::string& name, std::vector<std::string> dependencies) {
    return {name, std::move(dependencies), {}, kCallable, R"("type":"deferred_convergence")"};
}
inline Step batchable(const std::string& name, const std::string& worker,
                      std::vector<std::string> dependencies = {}) {
    return {name,      std::move(dependencies), {},
            kCallable, R"("type":"batchable")", "{\"worker_template_name\":" + quoted(worker) + "}"};
}
inline Step batch_worker(const std::string& name, std::vector<std::string> dependencies,
                         const std::string& retry = {}) {
    return {name,
            std::move(dependencies),
            retry,
            kCallable,
            R"("type":"batch_worker","batch_config":{"batch_size":10,"parallelism":2,"cursor_field":"id",)"
            R"("worker_template":)" +
                quoted(name) + R"(,"failure_strategy":"fail_fast"})",
            R"({"table":"orders"})"};
}
// What such steps answer.
inline std::string create_steps(const std::vector<std::string>& names) {
    std::string text = R"({"decision_point_outcome":{"type":"create_steps","step_names":[)";
    for (std::size_t i = 0; i < names.size(); ++i) text += (i == 0 ? "" : ",") + quoted(names[i]);
    return text + "]}}";
}
inline const char* no_branches() { return R"({"decision_point_outcome":{"type":"no_branches"}})"; }
inline const char* no_batches() { return R"({"batch_processing_outcome":{"type":"no_batches"}})"; }
inline std::string create_batches(const std::string& worker, const std::vector<std::string>& ids,
                                  std::size_t worker_count) {
    std::string text = R"({"batch_processing_outcome":{"type":"create_batches","worker_template_name":)" +
                       quoted(worker) + ",\"worker_count\":" + std::to_string(worker_count) +
                       ",\"total_items\":" + std::to_string(10 * ids.size()) + ",\"cursor_configs\":[";
    for (std::size_t i = 0; i < ids.size(); ++i) {
        text += (i == 0 ? "" : ",") + std::string("{\"batch_id\":") + quoted(ids[i]) +
                ",\"start_cursor\":" + std::to_string(10 * i) +
                ",\"end_cursor\":" + std::to_string(10 * i + 10) + ",\"batch_size\":10}";
    }
    return text + "]}}";
}
inline std::string create_batches(const std::string& worker, const std::vector<std::string>& ids) {
    return create_batches(worker, ids, ids.size());
}
// check -> route -> (small | middle | large) -> join -> mail
inline TaskTemplate approval() {
    return graph("approval", {{"check"},
                              decision("route", {"check"}),
                              {"small", {"route"}},
                              {"middle", {"route"}},
                              {"large", {"route"}},
                              convergence("join", {"small", "middle", "large"}),
                              {"mail", {"join"}}});
}
inline std::string attempts(int max_attempts) {
    return "{\"max_attempts\":" + std::to_string(max_attempts) + "}";
}

}  // namespace tasker::host::conformance
