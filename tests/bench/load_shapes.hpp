#pragma once
// What the benchmarks run and how they tell it.

#include <algorithm>
#include <string>
#include <vector>

#include "host/model/task_template.hpp"

namespace tasker::host::bench {

// 0 of none.
inline double quantile(std::vector<double> values, double at) {
    std::ranges::sort(values);
    return values[std::min(values.size() - 1,
                           static_cast<std::size_t>(at * static_cast<double>(values.size())))];
}

// One step after the other.
inline TaskTemplate chain(const std::string& name, int steps) {
    std::string json = R"({"name":")" + name + R"(","namespace_name":"bench","version":"1.0.0","steps":[)";
    for (int i = 0; i < steps; ++i) {
        json += std::string(i == 0 ? "" : ",") + R"({"name":"step_)" + std::to_string(i) +
                R"(","handler":{"callable":"bench.noop"},"dependencies":[)" +
                (i == 0 ? "" : "\"step_" + std::to_string(i - 1) + "\"") + "]}";
    }
    return template_from_json(json + "]}");
}

}  // namespace tasker::host::bench
