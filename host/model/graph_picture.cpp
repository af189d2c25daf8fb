#include "host/model/graph_picture.hpp"

#include <algorithm>
#include <array>
#include <map>
#include <tuple>
#include <utility>

#include "host/model/states.hpp"

namespace tasker::host {

namespace {

void add_parent(GraphNode& node, std::size_t parent) {
    if (std::find(node.parents.begin(), node.parents.end(), parent) == node.parents.end())
        node.parents.push_back(parent);
}

// The batch worker template whose instance the step is; null when it is none.
const StepTemplate* worker_of(const TaskTemplate& task_template, const std::string& name) {
    const StepTemplate* best = nullptr;
    for (const StepTemplate& step : task_template.steps) {
        if (step.type != StepType::BatchWorker || !name.starts_with(step.name + "_")) continue;
        if (best == nullptr || step.name.size() > best->name.size()) best = &step;
    }
    return best;
}

// Puts what a task has over what its template says.
class TaskPicture {
  public:
    TaskPicture(std::string title, const std::vector<MadeStep>& steps, const TaskTemplate* task_template)
        : steps_(steps), template_(task_template) {
        out_.title = std::move(title);
    }

    GraphPicture draw() {
        for (const MadeStep& step : steps_) made(step);
        if (template_ != nullptr) {
            for (const StepTemplate& step : template_->steps) not_made(step);
        }
        for (std::size_t i = 0; i < steps_.size(); ++i) {
            for (const std::string& name : steps_[i].dependencies) connect(i, name);
        }
        for (const auto& [node, step] : waiting_) {
            for (const std::string& name : step->dependencies) connect(node, name);
        }
        return std::move(out_);
    }

  private:
    void made(const MadeStep& step) {
        GraphNode node;
        node.name = step.name;
        // It becomes the name of a class in some formats.
        node.state = step_state(step.state) ? step.state : "unknown";
        if (step.attempts > 1)
            node.detail =
                "attempt " + std::to_string(step.attempts) + "/" + std::to_string(step.max_attempts);
        if (template_ != nullptr) {
            const auto index = template_->find_step(step.name);
            const StepTemplate* known = index ? &template_->steps[*index] : worker_of(*template_, step.name);
            if (known != nullptr) {
                node.type = known->type;
                node.callable = known->handler.callable;
                if (!index) stands_for_[known->name].push_back(out_.nodes.size());
            }
        }
        stands_for_[step.name].push_back(out_.nodes.size());
        out_.nodes.push_back(std::move(node));
    }

    void not_made(const StepTemplate& step) {
        if (stands_for_.contains(step.name)) return;
        const std::size_t at = out_.nodes.size();
        GraphNode node;
        node.name = step.name;
        node.type = step.type;
        node.callable = step.handler.callable;
        node.state = kNotMade;
        out_.nodes.push_back(std::move(node));
        late_names_.emplace(step.name, at);
        waiting_.emplace_back(at, &step);
    }

    void connect(std::size_t node, const std::string& name) {
        if (const auto made = stands_for_.find(name); made != stands_for_.end()) {
            for (const std::size_t parent : made->second) {
                if (parent != node) add_parent(out_.nodes[node], parent);
            }
        } else if (const auto late = late_names_.find(name); late != late_names_.end()) {
            add_parent(out_.nodes[node], late->second);
        }
    }

    const std::vector<MadeStep>& steps_;
    const TaskTemplate* const template_;
    GraphPicture out_;
    std::map<std::string, std::vector<std::size_t>> stands_for_;  // a name, or a worker's template
    std::map<std::string, std::size_t> late_names_;
    std::vector<std::pair<std::size_t, const StepTemplate*>> waiting_;
};

}  // namespace

GraphPicture picture_of(const TaskTemplate& task_template) {
    GraphPicture out;
    out.title = task_template.id();
    for (const StepTemplate& step : task_template.steps) {
        GraphNode node;
        node.name = step.name;
        node.type = step.type;
        node.callable = step.handler.callable;
        node.parents = step.dependency_ids;
        out.nodes.push_back(std::move(node));
    }
    return out;
}

GraphPicture picture_of(std::string title, const std::vector<MadeStep>& steps,
                        const TaskTemplate* task_template) {
    return TaskPicture(std::move(title), steps, task_template).draw();
}

GraphPicture condensed(GraphPicture picture, std::size_t most) {
    if (picture.nodes.size() <= most) return picture;
    constexpr std::size_t kWorthMerging = 3;
    const std::size_t count = picture.nodes.size();
    std::vector<std::vector<std::size_t>> children(count);
    for (std::size_t i = 0; i < count; ++i) {
        std::sort(picture.nodes[i].parents.begin(), picture.nodes[i].parents.end());
        for (const std::size_t parent : picture.nodes[i].parents) children[parent].push_back(i);
    }
    std::map<
        std::tuple<StepType, std::string, std::string, std::vector<std::size_t>, std::vector<std::size_t>>,
        std::vector<std::size_t>>
        alike;
    for (std::size_t i = 0; i < count; ++i) {
        const GraphNode& node = picture.nodes[i];
        alike[{node.type, node.state, node.callable, node.parents, children[i]}].push_back(i);
    }
    std::vector<std::size_t> stands_at(count);
    for (std::size_t i = 0; i < count; ++i) stands_at[i] = i;
    for (const auto& [what, members] : alike) {
        if (members.size() < kWorthMerging) continue;
        GraphNode& first = picture.nodes[members.front()];
        first.merged = members.size();
        first.name += " to " + picture.nodes[members.back()].name;
        first.detail.clear();
        for (const std::size_t member : members) stands_at[member] = members.front();
    }
    GraphPicture out{.title = std::move(picture.title), .nodes = {}};
    std::vector<std::size_t> place(count);
    for (std::size_t i = 0; i < count; ++i) {
        if (stands_at[i] != i) continue;
        place[i] = out.nodes.size();
        out.nodes.push_back(std::move(picture.nodes[i]));
    }
    for (GraphNode& node : out.nodes) {
        std::vector<std::size_t> parents = std::move(node.parents);
        node.parents.clear();
        for (const std::size_t parent : parents) add_parent(node, place[stands_at[parent]]);
    }
    return out;
}

std::vector<std::size_t> layers_of(const GraphPicture& picture) {
    const std::size_t count = picture.nodes.size();
    std::vector<std::size_t> layer(count, 0), missing(count, 0), order;
    std::vector<std::vector<std::size_t>> children(count);
    for (std::size_t i = 0; i < count; ++i) {
        missing[i] = picture.nodes[i].parents.size();
        for (const std::size_t parent : picture.nodes[i].parents) children[parent].push_back(i);
        if (missing[i] == 0) order.push_back(i);
    }
    for (std::size_t next = 0; next < order.size(); ++next) {
        for (const std::size_t child : children[order[next]]) {
            layer[child] = std::max(layer[child], layer[order[next]] + 1);
            if (--missing[child] == 0) order.push_back(child);
        }
    }
    for (std::size_t i = 0; i < count; ++i) {
        if (missing[i] > 0) layer[i] = 0;
    }
    return layer;
}

StateColours colours_of(std::string_view state) {
    constexpr StateColours kNeutral{"#f3f4f6", "#6b7280"};
    constexpr StateColours kAbsent{"#ffffff", "#9ca3af"};
    if (state == kNotMade) return kAbsent;
    const auto known = step_state(state);
    if (!known) return kNeutral;
    switch (*known) {
        case StepState::Pending:
            return kNeutral;
        case StepState::Enqueued:
            return {"#e0f2fe", "#0284c7"};
        case StepState::InProgress:
        case StepState::EnqueuedForOrchestration:
        case StepState::EnqueuedAsErrorForOrchestration:
            return {"#dbeafe", "#2563eb"};
        case StepState::WaitingForRetry:
            return {"#fef3c7", "#d97706"};
        case StepState::Complete:
            return {"#dcfce7", "#16a34a"};
        case StepState::ResolvedManually:
            return {"#ccfbf1", "#0d9488"};
        case StepState::Error:
            return {"#fee2e2", "#dc2626"};
        case StepState::Cancelled:
            return {"#e5e7eb", "#4b5563"};
    }
    return kNeutral;
}

}  // namespace tasker::host
