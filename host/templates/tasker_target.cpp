// How a template fares on a Tasker server (0.1.8), which reads the same files: keys that it parses and never acts upon,
// keys that it does not know, and what the checker of Tasker's SDK reports.
#include <algorithm>
#include <array>
#include <set>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "host/templates/step_outline.hpp"
#include "host/templates/template_check.hpp"

namespace tasker::host {

namespace {

struct Inert {
    std::string_view key, effect;
};
constexpr std::array kInertInTemplate{
    Inert{"input_schema", "it creates tasks with any context"},
    Inert{"environments", "its steps run as they are written, whatever TASKER_ENV says"},
    Inert{"identity_strategy", "every template is 'strict' there, whatever key a request brings"},
};
constexpr std::array kInertInStep{
    Inert{"timeout_seconds", "its workers have one limit for all handlers (handler_timeout_ms, 30 s)"},
};
constexpr std::array kInertInRetry{
    Inert{"backoff", "the delays come from the server's own configuration"},
    Inert{"backoff_base_ms", "the delays come from the server's own configuration"},
    Inert{"max_backoff_ms", "the delays come from the server's own configuration"},
};

class TaskerCheck {
  public:
    TaskerCheck(const YamlTree& tree, TaskerFindings wanted, Findings& findings)
        : tree_(tree), all_(wanted == TaskerFindings::All), findings_(findings) {}

    void run();

  private:
    const YamlMember* given(NodeId map, std::string_view key) const {
        const YamlMember* member = tree_.find(map, key);
        return member == nullptr || tree_[member->value].kind == YamlNode::Kind::Null ? nullptr : member;
    }
    std::string text(NodeId map, std::string_view key) const {
        const YamlMember* member = given(map, key);
        return member == nullptr ? std::string{} : tree_[member->value].text;
    }
    void inert(NodeId map, std::span<const Inert> keys, const std::string& path);
    void step(NodeId id, const std::string& path);
    void checker(NodeId id, const std::string& path);
    void made_late(const StepOutline& outline, const OutlinedStep& step);
    void note(std::string code, Position at, std::string path, std::string message) {
        if (all_) findings_.info(std::move(code), at, std::move(path), std::move(message));
    }
    std::vector<NodeId> steps() const {
        const YamlMember* list = given(tree_.root, "steps");
        return list == nullptr ? std::vector<NodeId>{} : tree_[list->value].items;
    }
    const YamlMember* dependencies(NodeId step) const {
        const YamlMember* list = given(step, "dependencies");
        return list == nullptr ? given(step, "depends_on") : list;
    }

    const YamlTree& tree_;
    const bool all_;
    Findings& findings_;
    std::vector<std::string> ignored_;  // in the order in which they come up
    Position first_;
    std::set<std::string> needed_;  // steps that others depend on
};

void TaskerCheck::inert(NodeId map, std::span<const Inert> keys, const std::string& path) {
    for (const Inert& one : keys) {
        const YamlMember* member = given(map, one.key);
        // The only strategy that a server has.
        if (member == nullptr || (one.key == "identity_strategy" && tree_[member->value].text == "strict"))
            continue;
        if (ignored_.empty()) first_ = member->at;
        const std::string name = (path.ends_with("retry.") ? "retry." : "") + std::string(one.key);
        if (std::find(ignored_.begin(), ignored_.end(), name) == ignored_.end()) ignored_.push_back(name);
        note("TASKER_IGNORES", member->at, path + std::string(one.key),
             "a Tasker server ignores '" + std::string(one.key) + "': " + std::string(one.effect));
    }
}

void TaskerCheck::step(NodeId id, const std::string& path) {
    inert(id, kInertInStep, path);
    if (const YamlMember* retry = given(id, "retry")) {
        inert(retry->value, kInertInRetry, path + "retry.");
        const YamlMember* retryable = given(retry->value, "retryable");
        if (retryable != nullptr && text(retry->value, "retryable") == "false") {
            note("TASKER_DIFFERS", retryable->at, path + "retry.retryable",
                 "on a Tasker server a failure that the handler calls retryable leaves the step waiting for "
                 "a retry that "
                 "never comes; here the step fails");
        }
    }
    if (const YamlMember* handler = given(id, "handler")) {
        for (const std::string_view key : {"method", "resolver"}) {
            const YamlMember* member = given(handler->value, key);
            if (member == nullptr || tree_[member->value].text.empty()) continue;
            note("TASKER_DIFFERS", member->at, path + "handler." + std::string(key),
                 "Tasker's TypeScript and Python workers ignore '" + std::string(key) +
                     "' and look for the callable alone");
        }
    }
}

// The findings of Tasker's own template checker that are matters of taste here.
void TaskerCheck::checker(NodeId id, const std::string& path) {
    const YamlMember* name = given(id, "name");
    const Position at = name == nullptr ? tree_[id].at : tree_[name->value].at;
    const YamlMember* list = dependencies(id);
    const bool alone =
        (list == nullptr || tree_[list->value].items.empty()) && !needed_.contains(text(id, "name"));
    if (alone && steps().size() > 1) {
        note(
            "ORPHAN_STEP", at, path + "name",
            "no step depends on " + shown(text(id, "name")) + " and it depends on none: it runs at any time");
    }
    if (given(id, "result_schema") == nullptr) {
        note("NO_RESULT_SCHEMA", at, path + "name",
             "the step has no result_schema, from which Tasker's generators make types");
    }
}

// Steps that are made at run time, where a server makes them otherwise.
void TaskerCheck::made_late(const StepOutline& outline, const OutlinedStep& step) {
    const auto differs = [&](Position at, const std::string& key, std::string message) {
        note("TASKER_DIFFERS", at, step.path + "." + key, std::move(message));
    };
    if (step.type == StepType::Decision) {
        differs(step.type_at, "type",
                "a Tasker server leaves a decision complete whose outcome is missing, wrong or names unknown "
                "steps, and "
                "runs no branch; here the step fails");
    }
    const OutlinedStep* decision = nullptr;
    const OutlinedStep* early = nullptr;
    const OutlinedStep* late = nullptr;
    for (const auto& dependency : step.dependencies) {
        const OutlinedStep* above = outline.find(dependency.name);
        if (above == nullptr) continue;
        const bool is_late = outline.made_at_run_time(*above);
        if (above->type == StepType::Decision) {
            decision = above;
        } else if (!is_late) {
            early = above;
        }
        if (is_late && above->type != StepType::Decision) late = above;
    }
    const bool waits_for_all = step.type != StepType::DeferredConvergence;
    if (decision != nullptr && early != nullptr && waits_for_all) {
        differs(step.at, "dependencies",
                "a Tasker server loses the branches of " + shown(decision->name) + " when it makes " +
                    shown(step.name) + ", which also depends on the earlier step " + shown(early->name));
    }
    if (outline.has_type(StepType::Decision)) return;
    if (late != nullptr && waits_for_all && step.type != StepType::BatchWorker) {
        differs(step.at, "dependencies",
                "a Tasker server does not wait for " + shown(late->name) +
                    ", which is made at run time: it runs " + shown(step.name) + " at once");
    }
    if (step.type == StepType::DeferredConvergence && late == nullptr) {
        differs(step.type_at, "type",
                "a Tasker server never makes " + shown(step.name) +
                    ", whose dependencies all exist from the start");
    }
}

void TaskerCheck::run() {
    const std::vector<NodeId> all = steps();
    for (const NodeId id : all) {
        if (const YamlMember* list = dependencies(id)) {
            for (const NodeId item : tree_[list->value].items) needed_.insert(tree_[item].text);
        }
    }
    inert(tree_.root, kInertInTemplate, {});
    for (std::size_t i = 0; i < all.size(); ++i) {
        const std::string path = "steps[" + std::to_string(i) + "].";
        step(all[i], path);
        checker(all[i], path);
    }
    if (all_) {
        const StepOutline outline(tree_);
        for (const OutlinedStep& one : outline.steps()) made_late(outline, one);
    }
    if (all_ || ignored_.empty()) return;
    std::string keys;
    for (const std::string& key : ignored_) keys += (keys.empty() ? "" : ", ") + key;
    findings_.info(
        "TASKER_IGNORES", first_, {},
        "a Tasker server ignores some keys of this template: " + keys + " (--target tasker tells where)");
}

}  // namespace

void check_tasker(const YamlTree& tree, TaskerFindings wanted, Findings& findings) {
    TaskerCheck(tree, wanted, findings).run();
}

}  // namespace tasker::host
