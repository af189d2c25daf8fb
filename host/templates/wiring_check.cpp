// Decisions, batches and what waits for them: each has to name the others rightly, or the task would stop half way.
#include <algorithm>
#include <map>
#include <string>
#include <vector>

#include "host/templates/step_outline.hpp"
#include "host/templates/template_check.hpp"
#include "host/templates/yaml_scalar.hpp"

namespace tasker::host {

namespace {

using Kind = YamlNode::Kind;

class WiringCheck {
  public:
    WiringCheck(const YamlTree& tree, Findings& findings)
        : tree_(tree),
          outline_(tree),
          workers_(outline_.names_of_type(StepType::BatchWorker)),
          findings_(findings) {}

    void run() {
        for (const OutlinedStep& step : outline_.steps()) {
            switch (step.type) {
                case StepType::Decision:
                    decision(step);
                    break;
                case StepType::Batchable:
                    batchable(step);
                    break;
                case StepType::BatchWorker:
                    batch_worker(step);
                    break;
                default:
                    break;
            }
            unused_config(step);
            below_worker(step);
            events(step);
        }
        for (const OutlinedStep& step : outline_.steps()) {
            if (step.type == StepType::DeferredConvergence) convergence(step);
            if (step.type == StepType::BatchWorker && !batchables_.contains(step.name)) unused_worker(step);
        }
    }

  private:
    // The member when it is there and not null.
    const YamlMember* given(NodeId map, std::string_view key) const {
        const YamlMember* member = tree_.find(map, key);
        return member == nullptr || tree_[member->value].kind == Kind::Null ? nullptr : member;
    }
    static bool depends_on(const OutlinedStep& step, std::string_view name) {
        return std::any_of(step.dependencies.begin(), step.dependencies.end(),
                           [&](const auto& dependency) { return dependency.name == name; });
    }

    void decision(const OutlinedStep& step) {
        if (!step.dependencies.empty()) return;
        findings_.error("DECISION_WITHOUT_DEPENDENCY", step.type_at, step.path + ".dependencies",
                        "the decision step " + shown(step.name) +
                            " needs a dependency: the step whose result it decides upon");
    }

    // The batch_worker step that is named here; null, and said, when it is none.
    const OutlinedStep* worker_named(const YamlNode& name, const std::string& path) {
        const OutlinedStep* worker = outline_.find(name.text);
        if (worker == nullptr) {
            findings_.error("UNKNOWN_WORKER_TEMPLATE", name.at, path,
                            "there is no step " + shown(name.text) + findings_.suggest(name.text, workers_));
            return nullptr;
        }
        if (worker->type == StepType::BatchWorker) return worker;
        findings_.error("WORKER_TEMPLATE_TYPE", name.at, path,
                        shown(name.text) + " (line " + std::to_string(worker->at.line) +
                            ") is a step of type '" + std::string(tasker::host::name(worker->type)) +
                            "', and only a batch_worker can run batches");
        return nullptr;
    }

    void batchable(const OutlinedStep& step) {
        const YamlMember* handler = given(step.id, "handler");
        const YamlMember* initialization =
            handler == nullptr ? nullptr : given(handler->value, "initialization");
        const YamlMember* name =
            initialization == nullptr ? nullptr : given(initialization->value, "worker_template_name");
        const std::string path = step.path + ".handler.initialization.worker_template_name";
        if (name == nullptr) {
            const Position at = initialization != nullptr ? initialization->at
                                : handler != nullptr      ? handler->at
                                                          : step.at;
            findings_.error(
                "BATCHABLE_WITHOUT_WORKER", at, path,
                "the batchable step " + shown(step.name) +
                    " must name its batch_worker step in handler.initialization.worker_template_name" +
                    (workers_.size() == 1 ? ": " + workers_.front() : ""));
            return;
        }
        const YamlNode& node = tree_[name->value];
        if (node.kind != Kind::Scalar || scalar_value(node).kind != ScalarValue::Kind::Text) {
            findings_.error("WRONG_TYPE", node.at, path,
                            "worker_template_name must be the name of a step, but is " + described(node));
            return;
        }
        const OutlinedStep* worker = worker_named(node, path);
        if (worker == nullptr) return;
        batchables_[worker->name].push_back(step.name);
        if (depends_on(*worker, step.name)) return;
        findings_.error("WORKER_NOT_AFTER_BATCHABLE", worker->at, worker->path + ".dependencies",
                        "the batch worker " + shown(worker->name) + " must depend on " + shown(step.name) +
                            ", whose batches it runs");
    }

    void batch_worker(const OutlinedStep& step) {
        const YamlMember* config = given(step.id, "batch_config");
        if (config == nullptr) {
            findings_.error("BATCH_WORKER_WITHOUT_CONFIG", step.type_at, step.path + ".batch_config",
                            "the batch worker " + shown(step.name) + " needs batch_config");
            return;
        }
        const YamlNode* name = text_member(tree_, config->value, "worker_template");
        if (name == nullptr) return;  // the schema said so
        const std::string path = step.path + ".batch_config.worker_template";
        const OutlinedStep* worker = worker_named(*name, path);
        if (worker == nullptr || worker == &step) return;
        findings_.error("WORKER_TEMPLATE_TYPE", name->at, path,
                        "worker_template names another batch worker; write " + shown(step.name));
    }

    void unused_config(const OutlinedStep& step) {
        const YamlMember* config = given(step.id, "batch_config");
        if (config == nullptr || step.type == StepType::BatchWorker) return;
        const std::string path = step.path + ".batch_config";
        if (step.type == StepType::Batchable) {
            if (const YamlNode* name = text_member(tree_, config->value, "worker_template"))
                worker_named(*name, path + ".worker_template");
        }
        findings_.warning("BATCH_CONFIG_UNUSED", config->at, path,
                          "only the batch_config of a batch_worker step is looked at, and " +
                              shown(step.name) + " is '" + std::string(tasker::host::name(step.type)) +
                              "'; move it");
    }

    void unused_worker(const OutlinedStep& step) {
        findings_.warning(
            "UNUSED_BATCH_WORKER", step.at, step.path + ".name",
            "no batchable step names " + shown(step.name) + " as its worker_template_name, so it never runs");
    }

    void below_worker(const OutlinedStep& step) {
        if (step.type == StepType::DeferredConvergence) return;
        for (std::size_t i = 0; i < step.dependencies.size(); ++i) {
            const auto& dependency = step.dependencies[i];
            const OutlinedStep* above = outline_.find(dependency.name);
            if (above == nullptr || above == &step || above->type != StepType::BatchWorker) continue;
            findings_.error(
                "DEPENDS_ON_BATCH_WORKER", dependency.at,
                step.path + ".dependencies[" + std::to_string(i) + "]",
                shown(step.name) + " cannot wait for the batch worker " + shown(above->name) +
                    ", of which as many are made as there are batches; give it type: "
                    "deferred_convergence, or let it depend on the step that gathers the results");
        }
    }

    void convergence(const OutlinedStep& step) {
        for (const auto& [worker, batchables] : batchables_) {
            if (depends_on(step, worker)) continue;
            for (const std::string& one : batchables) {
                if (!depends_on(step, one) || waits_for_worker_of(step, one)) continue;
                findings_.warning("AGGREGATOR_WITHOUT_WORKER", step.at, step.path + ".dependencies",
                                  shown(step.name) + " waits for " + shown(one) +
                                      " and not for its batches; add " + shown(worker) +
                                      " to its dependencies");
                return;
            }
        }
        const bool waits =
            std::any_of(step.dependencies.begin(), step.dependencies.end(), [&](const auto& one) {
                const OutlinedStep* above = outline_.find(one.name);
                return above != nullptr &&
                       (above->type == StepType::Decision || outline_.made_at_run_time(*above));
            });
        if (waits) return;
        findings_.warning(
            "CONVERGENCE_OF_NOTHING_LATE", step.type_at, step.path + ".dependencies",
            shown(step.name) +
                " is a deferred_convergence, and none of its dependencies is made at run time: it waits "
                "for all of them, like a standard step");
    }

    bool waits_for_worker_of(const OutlinedStep& step, const std::string& batchable) const {
        return std::any_of(batchables_.begin(), batchables_.end(), [&](const auto& entry) {
            const auto& [worker, of] = entry;
            return depends_on(step, worker) && std::find(of.begin(), of.end(), batchable) != of.end();
        });
    }

    void events(const OutlinedStep& step) {
        const YamlMember* list = given(step.id, "publishes_events");
        if (list == nullptr) return;
        std::map<std::string, int> lines;
        const auto& items = tree_[list->value].items;
        for (std::size_t i = 0; i < items.size(); ++i) {
            const YamlNode* name = text_member(tree_, items[i], "name");
            if (name == nullptr) continue;
            const auto [first, fresh] = lines.emplace(name->text, name->at.line);
            if (fresh) continue;
            findings_.warning("DUPLICATE_EVENT", name->at,
                              step.path + ".publishes_events[" + std::to_string(i) + "].name",
                              "the event " + shown(name->text) + " is declared twice: lines " +
                                  std::to_string(first->second) + " and " + std::to_string(name->at.line) +
                                  "; only the later one counts");
        }
    }

    const YamlTree& tree_;
    const StepOutline outline_;
    const std::vector<std::string> workers_;
    Findings& findings_;
    std::map<std::string, std::vector<std::string>> batchables_;  // by the worker that they name
};

}  // namespace

void check_wiring(const YamlTree& tree, Findings& findings) { WiringCheck(tree, findings).run(); }

}  // namespace tasker::host
