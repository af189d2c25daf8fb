#include <algorithm>
#include <string>
#include <utility>
#include <vector>

#include "host/model/task_template.hpp"
#include "host/templates/step_outline.hpp"
#include "host/templates/template_check.hpp"

namespace tasker::host {

namespace {

using Step = OutlinedStep;

void report_duplicates(const StepOutline& outline, Findings& findings) {
    for (const Step& step : outline.steps()) {
        const Step* first = outline.find(step.name);
        if (first == &step) continue;
        findings.error("DUPLICATE_STEP_NAME", step.at, step.path + ".name",
                       "two steps are named " + shown(step.name) + ": lines " +
                           std::to_string(first->at.line) + " and " + std::to_string(step.at.line) +
                           "; rename one");
    }
}

void report_cycle(const std::vector<Step>& steps, TaskTemplate& graph, Findings& findings) {
    const auto cycle = link_graph(graph);
    if (!cycle) return;
    const auto start = std::find_if(steps.begin(), steps.end(),
                                    [&](const Step& step) { return cycle->starts_with(step.name + " -> "); });
    findings.error("CYCLE_DETECTED", start == steps.end() ? Position{} : start->at,
                   start == steps.end() ? "steps" : start->path + ".dependencies",
                   "dependency cycle: " + shortened(*cycle, 400) + "; remove one of these dependencies");
}

}  // namespace

void check_graph(const YamlTree& tree, Findings& findings) {
    const StepOutline outline(tree);
    const std::vector<Step>& steps = outline.steps();
    report_duplicates(outline, findings);
    const std::vector<std::string> known = outline.names();
    TaskTemplate graph;
    for (const Step& step : steps) {
        StepTemplate node;
        node.name = step.name;
        for (std::size_t i = 0; i < step.dependencies.size(); ++i) {
            const Step::Dependency& dependency = step.dependencies[i];
            const std::string path = step.path + ".dependencies[" + std::to_string(i) + "]";
            if (dependency.name == step.name) {
                findings.error("SELF_DEPENDENCY", dependency.at, path,
                               "dependency cycle: " + shown(step.name) + " depends on itself; remove it");
            } else if (outline.find(dependency.name) == nullptr) {
                findings.error("MISSING_DEP_REF", dependency.at, path,
                               shown(step.name) + " depends on " + shown(dependency.name) +
                                   " which does not exist" + findings.suggest(dependency.name, known));
            } else {
                node.dependencies.push_back(dependency.name);
            }
        }
        // Of steps with one name the first stands for all; the others have been reported.
        if (outline.find(step.name) == &step) graph.steps.push_back(std::move(node));
    }
    report_cycle(steps, graph, findings);
}

}  // namespace tasker::host
