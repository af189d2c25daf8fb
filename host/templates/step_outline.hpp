#pragma once
// The steps of a document as far as their graph goes, each with its places. Tolerates a document that other checks
// complained about: what is no text is left out.

#include <cstddef>
#include <functional>
#include <map>
#include <string>
#include <vector>

#include "host/model/task_template.hpp"
#include "host/templates/findings.hpp"
#include "host/templates/yaml_tree.hpp"

namespace tasker::host {

struct OutlinedStep {
    struct Dependency {
        std::string name;
        Position at;
    };
    NodeId id = 0;
    std::string name;
    Position at;       // of the name
    std::string path;  // "steps[2]"
    std::vector<Dependency> dependencies;
    StepType type = StepType::Standard;
    Position type_at;  // of the name, when the type is not said
};

class StepOutline {
  public:
    explicit StepOutline(const YamlTree& tree);
    StepOutline(const StepOutline&) = delete;
    StepOutline& operator=(const StepOutline&) = delete;

    const std::vector<OutlinedStep>& steps() const { return steps_; }
    // Of several with one name the first; null when there is none.
    const OutlinedStep* find(std::string_view name) const;
    std::vector<std::string> names() const;  // sorted
    std::vector<std::string> names_of_type(StepType type) const;
    bool has_type(StepType type) const;
    // Whether the step comes into being only while the task runs: a batch worker, what hangs below a decision, and what
    // hangs below such a step.
    bool made_at_run_time(const OutlinedStep& step) const;

  private:
    std::vector<OutlinedStep> steps_;
    std::map<std::string, const OutlinedStep*, std::less<>> by_name_;
    mutable std::map<const OutlinedStep*, bool> late_;
};

// The member's value as a text; null when it is absent, empty or none.
const YamlNode* text_member(const YamlTree& tree, NodeId map, std::string_view key);

}  // namespace tasker::host
