#include "host/model/expansion.hpp"

#include <algorithm>
#include <unordered_set>

namespace tasker::host {

namespace {

bool is_lazy(const TaskTemplate& definition, std::size_t index) {
    if (definition.steps[index].type == StepType::BatchWorker) return true;
    return std::ranges::any_of(definition.steps[index].ancestor_ids, [&](std::size_t ancestor) {
        const StepType type = definition.steps[ancestor].type;
        return type == StepType::Decision || type == StepType::BatchWorker;
    });
}

bool opens(StepType type) { return type == StepType::Decision || type == StepType::Batchable; }

class Expander {
  public:
    Expander(const TaskTemplate& definition, std::span<const TaskStep> steps, std::size_t maker)
        : definition_(definition), steps_(steps), maker_(maker), made_by_(steps[maker].template_index) {
        instances_.resize(definition.steps.size());
        wanted_.resize(definition.steps.size());
        for (std::size_t i = 0; i < steps.size(); ++i)
            instances_[steps[i].template_index].push_back(static_cast<std::uint32_t>(i));
    }

    void decide(const DecisionOutcome& outcome) {
        if (outcome.step_names.empty()) return;
        const Segment segment = segment_of(definition_, made_by_);
        std::vector<std::size_t> next;
        for (const std::string& name : outcome.step_names) {
            const std::size_t index = *definition_.find_step(name);
            named_.insert(index);
            if (want(index)) next.push_back(index);
        }
        for (const std::size_t exit : segment.exits) want(exit);
        while (!next.empty()) {
            const std::size_t at = next.back();
            next.pop_back();
            if (type_of(at) == StepType::Decision) continue;
            for (const std::size_t child : definition_.steps[at].dependent_ids) {
                const StepType type = type_of(child);
                if (type == StepType::DeferredConvergence || type == StepType::BatchWorker) continue;
                if (segment.inside[child] && want(child)) next.push_back(child);
            }
        }
        converge();
        make();
    }

    std::optional<InvalidOutcome> batch(std::size_t worker, std::vector<BatchCursor> cursors, bool no_op) {
        std::unordered_set<std::string_view> taken;
        for (const TaskStep& step : steps_) taken.insert(step.name);
        const std::string& prefix = definition_.steps[worker].name;
        // All workers have the same parents.
        NewStep first;
        first.template_index = worker;
        first.no_op = no_op;
        first.parents = parents_of(worker);
        for (BatchCursor& cursor : cursors) {
            NewStep step = first;
            step.name = prefix + "_" + cursor.batch_id;
            if (taken.contains(step.name)) {
                return InvalidOutcome{"batchable step '" + definition_.steps[made_by_].name +
                                      "': the batch '" + cursor.batch_id + "' would be the step '" +
                                      step.name + "', which the task has already"};
            }
            step.cursor_json = std::move(cursor.cursor_json);
            add(std::move(step));
        }
        wanted_[worker] = true;
        // Steps right below a worker are held back like what is below a convergence.
        follow(worker);
        converge();
        make();
        return std::nullopt;
    }

    Expansion take() {
        connect();
        return std::move(expansion_);
    }

  private:
    StepType type_of(std::size_t index) const { return definition_.steps[index].type; }
    bool exists(std::size_t index) const { return !instances_[index].empty(); }
    bool is_new(std::uint32_t ordinal) const { return ordinal >= steps_.size(); }
    bool done(std::uint32_t ordinal) const {
        return ordinal == maker_ || (!is_new(ordinal) && steps_[ordinal].done);
    }

    bool want(std::size_t index) {
        if (wanted_[index]) return false;
        wanted_[index] = true;
        return true;
    }

    // Convergences with a dependency among what is made, and what follows below them, until nothing is added.
    void converge() {
        for (bool again = true; again;) {
            again = false;
            for (std::size_t i = 0; i < wanted_.size(); ++i) {
                if (wanted_[i] || type_of(i) != StepType::DeferredConvergence || !has_wanted_branch(i))
                    continue;
                again = want(i);
                follow(i);
            }
        }
    }

    // A decision listed beside its branches is no branch itself.
    bool has_wanted_branch(std::size_t convergence) const {
        const auto& ids = definition_.steps[convergence].dependency_ids;
        const bool only_decisions =
            std::ranges::all_of(ids, [&](std::size_t id) { return type_of(id) == StepType::Decision; });
        return std::ranges::any_of(ids, [&](std::size_t id) {
            return wanted_[id] && (only_decisions || type_of(id) != StepType::Decision);
        });
    }

    // The steps below `from` whose dependencies are all there. What is below a decision is that decision's affair.
    void follow(std::size_t from) {
        std::vector<std::size_t> next{from};
        while (!next.empty()) {
            const std::size_t at = next.back();
            next.pop_back();
            for (const std::size_t child : definition_.steps[at].dependent_ids) {
                const StepType type = type_of(child);
                if (wanted_[child] || type == StepType::BatchWorker || type == StepType::DeferredConvergence)
                    continue;
                if (!complete(child)) {
                    waiting_.push_back(child);
                    continue;
                }
                want(child);
                if (type != StepType::Decision) next.push_back(child);
            }
        }
        retry_waiting();
    }

    // A step whose last dependency came with a later convergence.
    void retry_waiting() {
        for (std::size_t i = 0; i < waiting_.size(); ++i) {
            const std::size_t child = waiting_[i];
            if (wanted_[child] || !complete(child)) continue;
            want(child);
            if (type_of(child) != StepType::Decision) return follow(child);
            i = static_cast<std::size_t>(-1);  // from the start: it may be what another one waits for
        }
    }

    bool complete(std::size_t index) const {
        return std::ranges::all_of(definition_.steps[index].dependency_ids,
                                   [&](std::size_t id) { return wanted_[id] || exists(id); });
    }

    void add(NewStep step) {
        instances_[step.template_index].push_back(
            static_cast<std::uint32_t>(steps_.size() + expansion_.steps.size()));
        expansion_.steps.push_back(std::move(step));
    }

    // The wanted steps that the task has not, in template order; edges only once all of them have a place.
    void make() {
        const std::size_t first = expansion_.steps.size();
        for (std::size_t i = 0; i < wanted_.size(); ++i) {
            if (!wanted_[i] || exists(i) || type_of(i) == StepType::BatchWorker) continue;
            NewStep step;
            step.template_index = i;
            step.name = definition_.steps[i].name;
            add(std::move(step));
        }
        for (std::size_t i = first; i < expansion_.steps.size(); ++i)
            expansion_.steps[i].parents = parents_of(expansion_.steps[i].template_index);
    }

    // The undecided steps of the task from which a dependency that is not there may still come.
    std::vector<std::uint32_t> gates_of(std::size_t missing) const {
        std::vector<std::uint32_t> gates;
        for (const std::size_t ancestor : definition_.steps[missing].ancestor_ids) {
            if (!opens(type_of(ancestor)) || !reaches(ancestor, missing)) continue;
            for (const std::uint32_t ordinal : instances_[ancestor]) {
                if (!done(ordinal)) gates.push_back(ordinal);
            }
        }
        return gates;
    }

    // A batchable step makes what is below its workers only; every other step below it was there before.
    bool reaches(std::size_t opener, std::size_t missing) const {
        if (type_of(opener) == StepType::Decision) return true;
        const auto from_worker = [&](std::size_t id) {
            return type_of(id) == StepType::BatchWorker &&
                   std::ranges::binary_search(definition_.steps[id].ancestor_ids, opener);
        };
        return from_worker(missing) ||
               std::ranges::any_of(definition_.steps[missing].ancestor_ids, from_worker);
    }

    std::vector<std::uint32_t> parents_of(std::size_t index) const {
        const StepTemplate& step = definition_.steps[index];
        const auto self = static_cast<std::uint32_t>(maker_);
        const bool converges = step.type == StepType::DeferredConvergence;
        std::vector<std::uint32_t> parents;
        if (step.type == StepType::BatchWorker) parents.push_back(self);
        for (const std::size_t dependency : step.dependency_ids) {
            // The step that makes it is behind it anyway: a convergence waits for branches.
            if (converges && dependency == made_by_) continue;
            const auto& there = instances_[dependency];
            if (!there.empty()) {
                parents.insert(parents.end(), there.begin(), there.end());
                continue;
            }
            if (step.type == StepType::BatchWorker) continue;
            const auto gates = gates_of(dependency);
            parents.insert(parents.end(), gates.begin(), gates.end());
            if (gates.empty() && !converges) parents.push_back(self);
        }
        if (parents.empty()) parents.push_back(self);
        std::ranges::sort(parents);
        parents.erase(std::unique(parents.begin(), parents.end()), parents.end());
        return parents;
    }

    // Steps that were there before and depend on what is new.
    void connect() {
        for (std::size_t i = 0; i < steps_.size(); ++i) {
            const TaskStep& step = steps_[i];
            if (type_of(step.template_index) == StepType::BatchWorker || i == maker_) continue;
            std::vector<std::uint32_t> parents = late_parents(step.template_index);
            std::ranges::sort(parents);
            parents.erase(std::unique(parents.begin(), parents.end()), parents.end());
            auto& edges = step.pending ? expansion_.edges : expansion_.ignored;
            for (const std::uint32_t parent : parents) {
                if (!std::ranges::binary_search(step.parents, parent))
                    edges.push_back({parent, static_cast<std::uint32_t>(i)});
            }
        }
    }

    std::vector<std::uint32_t> late_parents(std::size_t index) const {
        std::vector<std::uint32_t> parents;
        const auto keep = [&](std::uint32_t ordinal) {
            if (is_new(ordinal)) parents.push_back(ordinal);
        };
        for (const std::size_t dependency : definition_.steps[index].dependency_ids) {
            std::ranges::for_each(instances_[dependency], keep);
            if (!exists(dependency)) std::ranges::for_each(gates_of(dependency), keep);
            if (dependency == made_by_ && named_.contains(index))
                parents.push_back(static_cast<std::uint32_t>(maker_));
        }
        return parents;
    }

    const TaskTemplate& definition_;
    const std::span<const TaskStep> steps_;
    const std::size_t maker_, made_by_;
    std::vector<std::vector<std::uint32_t>> instances_;  // of each template step: the task's and the new ones
    std::vector<bool> wanted_;
    std::unordered_set<std::size_t> named_;
    std::vector<std::size_t> waiting_;
    Expansion expansion_;
};

}  // namespace

std::vector<std::size_t> initial_steps(const TaskTemplate& definition) {
    std::vector<std::size_t> initial;
    for (std::size_t i = 0; i < definition.steps.size(); ++i) {
        if (!is_lazy(definition, i)) initial.push_back(i);
    }
    return initial;
}

bool makes_steps(const TaskTemplate& definition) {
    return std::ranges::any_of(definition.steps, [](const StepTemplate& step) {
        return opens(step.type) || step.type == StepType::BatchWorker;
    });
}

Parsed<Expansion> expand(const TaskTemplate& definition, std::span<const TaskStep> steps, std::size_t ordinal,
                         const MakingOutcome& outcome) {
    Expander expander(definition, steps, ordinal);
    if (const auto* decision = std::get_if<DecisionOutcome>(&outcome)) expander.decide(*decision);
    if (const auto* batch = std::get_if<BatchOutcome>(&outcome)) {
        const auto worker = batch_worker_of(definition, steps[ordinal].template_index, *batch);
        if (const auto* wrong = std::get_if<InvalidOutcome>(&worker)) return *wrong;
        auto cursors = batch->no_batches ? std::vector<BatchCursor>{no_op_cursor()} : batch->cursors;
        if (auto wrong = expander.batch(std::get<std::size_t>(worker), std::move(cursors), batch->no_batches))
            return std::move(*wrong);
    }
    return expander.take();
}

}  // namespace tasker::host
