#include "tests/simulation/plan.hpp"

#include <string>

namespace tasker::host::simulation {

namespace {
using Parents = std::vector<std::vector<std::size_t>>;

Parents linear(std::size_t count) {
    Parents parents(count);
    for (std::size_t i = 1; i < count; ++i) parents[i] = {i - 1};
    return parents;
}

Parents wide(std::size_t width) {
    Parents parents(width + 2);
    for (std::size_t i = 1; i <= width; ++i) {
        parents[i] = {0};
        parents.back().push_back(i);
    }
    return parents;
}

Parents tree(std::size_t count) {
    Parents parents(count);
    for (std::size_t i = 1; i < count; ++i) parents[i] = {(i - 1) / 2};
    return parents;
}

Parents mixed(Dice& dice, std::size_t count) {
    Parents parents(count);
    for (std::size_t i = 1; i < count; ++i) {
        for (std::size_t before = 0; before < i; ++before) {
            if (dice.chance(350)) parents[i].push_back(before);
        }
    }
    return parents;
}

Parents graph(Dice& dice, std::size_t kind) {
    switch (kind) {
        case 0:
            return linear(1);
        case 1:
            return linear(2 + dice.below(5));
        case 2:
            return {{}, {0}, {0}, {1, 2}};
        case 3:
            return wide(2 + dice.below(8));
        case 4:
            return tree(3 + dice.below(6));
        default:
            return mixed(dice, 4 + dice.below(6));
    }
}

std::string retry_of(Dice& dice) {
    static constexpr const char* kBackoffs[] = {"none", "linear", "exponential", "fibonacci"};
    std::string json = R"({"retryable":)";
    json += dice.chance(900) ? "true" : "false";
    json += R"(,"max_attempts":)" + std::to_string(1 + dice.below(5));
    json += R"(,"backoff":")" + std::string(dice.pick(kBackoffs));
    json += R"(","backoff_base_ms":)" + std::to_string(dice.between(1, 4000));
    return json + R"(,"max_backoff_ms":)" + std::to_string(dice.between(1, 30'000)) + "}";
}

std::string step_named(Dice& dice, const std::string& name, const std::string& needs,
                       const std::string& more) {
    return R"({"name":")" + name + R"(","handler":{"callable":")" + dice.pick(kCallables) +
           R"(","initialization":{"worker_template_name":"work"}},"dependencies":[)" + needs +
           R"(],"retry":)" + retry_of(dice) + R"(,"timeout_seconds":null)" + more + "}";
}

std::string template_named(const std::string& name, const std::string& steps) {
    return R"({"name":")" + name +
           R"(","namespace_name":"sim","version":"1","identity_strategy":"always_unique",)" + R"("steps":[)" +
           steps + "]}";
}

// A decision takes some of three branches, which meet again.
TaskTemplate decision(Dice& dice) {
    std::string steps = step_named(dice, "start", "", "") + "," +
                        step_named(dice, "route", R"("start")", R"(,"type":"decision")");
    for (const char* branch : kBranches) steps += "," + step_named(dice, branch, R"("route")", "");
    steps += "," + step_named(dice, "join", R"("b0","b1","b2")", R"(,"type":"deferred_convergence")");
    return template_from_json(template_named("decide", steps));
}

TaskTemplate batch(Dice& dice) {
    const std::string config =
        R"(,"batch_config":{"batch_size":10,"parallelism":2,"cursor_field":"id","worker_template":"work",)"
        R"("failure_strategy":"fail_fast"})";
    const std::string steps = step_named(dice, "cut", "", R"(,"type":"batchable")" + config) + "," +
                              step_named(dice, "work", R"("cut")", R"(,"type":"batch_worker")" + config) +
                              "," +
                              step_named(dice, "join", R"("work")", R"(,"type":"deferred_convergence")");
    return template_from_json(template_named("cut", steps));
}

std::string step_of(Dice& dice, std::size_t index, const std::vector<std::size_t>& parents) {
    std::string json = R"({"name":"s)" + std::to_string(index) + R"(","handler":{"callable":")";
    json += dice.pick(kCallables);
    json += R"("},"dependencies":[)";
    for (std::size_t i = 0; i < parents.size(); ++i)
        json += (i == 0 ? R"("s)" : R"(,"s)") + std::to_string(parents[i]) + '"';
    json += R"(],"retry":)" + retry_of(dice) + R"(,"timeout_seconds":)";
    json += dice.chance(300) ? std::to_string(dice.between(1, 60)) : "null";
    return json + "}";
}
}  // namespace

std::vector<TaskTemplate> make_plan(Dice& dice) {
    static constexpr const char* kIdentities[] = {"strict", "caller_provided", "always_unique"};
    std::vector<TaskTemplate> plan;
    const std::size_t count = 4 + dice.below(5);
    for (std::size_t t = 0; t < count; ++t) {
        const Parents parents = graph(dice, t < 6 ? t : dice.below(6));
        std::string json = R"({"name":"t)" + std::to_string(t) + R"(","namespace_name":")";
        json += dice.pick(kNamespaces);
        json += R"(","version":"1","identity_strategy":")" + std::string(dice.pick(kIdentities)) +
                R"(","steps":[)";
        for (std::size_t i = 0; i < parents.size(); ++i)
            json += (i == 0 ? "" : ",") + step_of(dice, i, parents[i]);
        plan.push_back(template_from_json(json + "]}"));
    }
    plan.push_back(decision(dice));
    plan.push_back(batch(dice));
    plan.push_back(template_from_json(
        R"({"name":"probe","namespace_name":"probe","version":"1","identity_strategy":"always_unique",)"
        R"("steps":[{"name":"s0","handler":{"callable":"sim.probe"},"dependencies":[],"timeout_seconds":null}]})"));
    return plan;
}

}  // namespace tasker::host::simulation
