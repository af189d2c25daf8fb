#include "host/model/expansion.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <map>
#include <random>
#include <set>
#include <string>

#include "tests/conformance/template_text.hpp"

using namespace tasker::host;
using namespace tasker::host::conformance;

namespace {
using Names = std::vector<std::string>;

// A task as the rules see it, run by a test.
class Run {
  public:
    explicit Run(TaskTemplate definition) : definition_(std::move(definition)) {
        for (const std::size_t index : initial_steps(definition_)) {
            Step step;
            step.index = index;
            step.name = definition_.steps[index].name;
            steps_.push_back(std::move(step));
        }
        for (Step& step : steps_) {
            for (const std::string& name : definition_.steps[step.index].dependencies)
                step.parents.push_back(static_cast<std::uint32_t>(place(name)));
            std::ranges::sort(step.parents);
        }
        begin();
    }

    const TaskTemplate& definition() const { return definition_; }
    std::size_t size() const { return steps_.size(); }
    std::size_t place(const std::string& name) const {
        const auto found = std::ranges::find(steps_, name, &Step::name);
        REQUIRE_MESSAGE(found != steps_.end(), name);
        return static_cast<std::size_t>(found - steps_.begin());
    }
    bool has(const std::string& name) const {
        return std::ranges::find(steps_, name, &Step::name) != steps_.end();
    }
    bool began(const std::string& name) const { return steps_[place(name)].began; }
    Names parents(const std::string& name) const {
        Names names;
        for (const std::uint32_t parent : steps_[place(name)].parents) names.push_back(steps_[parent].name);
        std::ranges::sort(names);
        return names;
    }
    Names names() const {
        Names all;
        for (const auto& step : steps_) all.push_back(step.name);
        std::ranges::sort(all);
        return all;
    }
    std::vector<std::size_t> running() const {
        std::vector<std::size_t> found;
        for (std::size_t i = 0; i < steps_.size(); ++i) {
            if (steps_[i].began && !steps_[i].done) found.push_back(i);
        }
        return found;
    }
    bool all_done() const {
        return std::ranges::all_of(steps_, [](const Step& step) { return step.done; });
    }
    std::size_t index_of(std::size_t ordinal) const { return steps_[ordinal].index; }

    Expansion finish(const std::string& name, const std::string& result = "{}") {
        const std::size_t ordinal = place(name);
        const auto outcome = parse_outcome(definition_, steps_[ordinal].index, result);
        if (const auto* invalid = std::get_if<InvalidOutcome>(&outcome)) FAIL(invalid->message);
        return finish(ordinal, std::get<MakingOutcome>(outcome));
    }

    Expansion finish(std::size_t ordinal, const MakingOutcome& outcome) {
        std::vector<TaskStep> seen;
        for (const Step& step : steps_)
            seen.push_back({step.index, step.name, step.parents, !step.began, step.done});
        const auto expanded = expand(definition_, seen, ordinal, outcome);
        if (const auto* invalid = std::get_if<InvalidOutcome>(&expanded)) FAIL(invalid->message);
        const auto& expansion = std::get<Expansion>(expanded);
        steps_[ordinal].done = true;
        for (const NewStep& made : expansion.steps) {
            Step step;
            step.index = made.template_index;
            step.name = made.name;
            step.parents = made.parents;
            steps_.push_back(std::move(step));
        }
        for (const NewEdge& edge : expansion.edges) {
            auto& parents = steps_[edge.child].parents;
            CHECK_FALSE(steps_[edge.child].began);
            parents.insert(std::ranges::upper_bound(parents, edge.parent), edge.parent);
        }
        check();
        begin();
        return expansion;
    }

  private:
    struct Step {
        std::size_t index = 0;
        std::string name;
        std::vector<std::uint32_t> parents;
        bool began = false, done = false;
    };

    // As the engine does: what waits for nothing is ready at once.
    void begin() {
        for (Step& step : steps_) {
            step.began = step.began || std::ranges::all_of(step.parents, [&](std::uint32_t parent) {
                             return steps_[parent].done;
                         });
        }
    }

    void check() const {
        std::set<std::string> names;
        for (const Step& step : steps_) {
            CHECK_MESSAGE(names.insert(step.name).second, step.name);
            CHECK(std::ranges::is_sorted(step.parents));
            CHECK(std::ranges::adjacent_find(step.parents) == step.parents.end());
            CHECK(step.name.size() <= kMaxStepNameBytes);
            for (const std::uint32_t parent : step.parents) {
                REQUIRE(parent < steps_.size());
                // Edges go down the template only, so they make no cycle. A worker is below whoever asks for it.
                if (definition_.steps[step.index].type == StepType::BatchWorker) continue;
                const auto& above = definition_.steps[step.index].ancestor_ids;
                CHECK(std::ranges::binary_search(above, steps_[parent].index));
            }
            // A step that has begun began after every dependency that there is.
            for (const std::size_t dependency : definition_.steps[step.index].dependency_ids) {
                for (const Step& other : steps_) {
                    if (other.index == dependency && step.began)
                        CHECK_MESSAGE(other.done, step.name << " began before " << other.name);
                }
            }
        }
    }

    TaskTemplate definition_;
    std::vector<Step> steps_;
};

TaskTemplate random_template(std::mt19937& random) {
    const auto below = [&](std::size_t limit) { return static_cast<std::size_t>(random() % limit); };
    const std::size_t count = 4 + below(11);
    TaskTemplate definition;
    std::vector<std::size_t> batchables;
    for (std::size_t i = 0; i < count; ++i) {
        StepTemplate step;
        step.name = "s" + std::to_string(i);
        std::set<std::size_t> parents;
        for (std::size_t d = below(4); d > 0 && i > 0; --d) parents.insert(below(i));
        const std::size_t dice = below(10);
        if (!parents.empty() && dice < 2) step.type = StepType::Decision;
        if (!parents.empty() && (dice == 2 || dice == 3)) step.type = StepType::DeferredConvergence;
        if (dice == 4) step.type = StepType::Batchable;
        if ((dice == 5 || dice == 6) && !batchables.empty()) {
            step.type = StepType::BatchWorker;
            step.batch = BatchConfig{};
            parents = {batchables[below(batchables.size())]};
        }
        if (step.type == StepType::Batchable) batchables.push_back(i);
        for (const std::size_t parent : parents) step.dependencies.push_back("s" + std::to_string(parent));
        definition.steps.push_back(std::move(step));
    }
    std::shuffle(definition.steps.begin(), definition.steps.end(), random);
    REQUIRE_FALSE(link_graph(definition).has_value());
    return definition;
}

MakingOutcome random_outcome(const TaskTemplate& definition, std::size_t index, std::mt19937& random) {
    const StepTemplate& step = definition.steps[index];
    if (step.type == StepType::Decision) {
        const Segment segment = segment_of(definition, index);
        DecisionOutcome outcome;
        for (std::size_t i = 0; i < definition.steps.size(); ++i) {
            if (segment.inside[i] && definition.steps[i].type != StepType::BatchWorker && random() % 2 == 0)
                outcome.step_names.push_back(definition.steps[i].name);
        }
        std::shuffle(outcome.step_names.begin(), outcome.step_names.end(), random);
        return outcome;
    }
    if (step.type == StepType::Batchable) {
        for (const std::size_t child : step.dependent_ids) {
            if (definition.steps[child].type != StepType::BatchWorker) continue;
            BatchOutcome outcome;
            outcome.worker_template_name = definition.steps[child].name;
            for (std::size_t i = 1 + random() % 3; i > 0; --i)
                outcome.cursors.push_back({std::to_string(i), "{}"});
            return outcome;
        }
    }
    return {};
}
}  // namespace

TEST_CASE("expansion: what is not lazy is there from the start, with all it depends on") {
    CHECK(initial_steps(approval()) == std::vector<std::size_t>{0, 1});
    CHECK(makes_steps(approval()));
    CHECK_FALSE(makes_steps(diamond()));
    CHECK(initial_steps(diamond()).size() == 4);
    // A convergence below nothing lazy is a step like any other, whatever else the template has.
    const auto mixed = graph("mixed", {{"a"},
                                       {"b"},
                                       convergence("early", {"a", "b"}),
                                       decision("route", {"a"}),
                                       {"branch", {"route"}},
                                       batchable("cut", "W"),
                                       batch_worker("W", {"cut"}),
                                       {"below_worker", {"W"}},
                                       {"below_both", {"below_worker", "a"}}});
    CHECK(initial_steps(mixed) == std::vector<std::size_t>{0, 1, 2, 3, 5});
}

TEST_CASE("expansion: one branch of three, the convergence over it, and what follows") {
    Run run(approval());
    run.finish("check");
    run.finish("route", create_steps({"middle"}));
    CHECK(run.names() == Names{"check", "join", "mail", "middle", "route"});
    CHECK(run.parents("join") == Names{"middle"});
    CHECK(run.parents("middle") == Names{"route"});
    CHECK(run.parents("mail") == Names{"join"});
}

TEST_CASE("expansion: no branches make nothing") {
    Run run(approval());
    run.finish("check");
    CHECK(run.finish("route", no_branches()).steps.empty());
    CHECK(run.all_done());
}

TEST_CASE("expansion: a convergence that lists its decision waits for the branches alone") {
    Run run(graph("listed",
                  {{"start"}, decision("d", {"start"}), {"a", {"d"}}, convergence("join", {"d", "a"})}));
    run.finish("start");
    run.finish("d", create_steps({"a"}));
    CHECK(run.parents("join") == Names{"a"});
}

TEST_CASE(
    "expansion: a branch takes along what is below it, with the decision in place of what was not chosen") {
    Run run(graph("taken", {{"start"},
                            decision("d", {"start"}),
                            {"a", {"d"}},
                            {"b", {"d"}},
                            {"after_both", {"a", "b"}},
                            {"after_b", {"b"}}}));
    run.finish("start");
    run.finish("d", create_steps({"a"}));
    CHECK(run.names() == Names{"a", "after_both", "d", "start"});
    CHECK(run.parents("after_both") == Names{"a", "d"});
}

TEST_CASE("expansion: an existing step is connected to, not replaced by the decision") {
    Run run(graph("existing", {{"start"}, {"load"}, decision("d", {"start"}), {"a", {"d", "load"}}}));
    run.finish("start");
    run.finish("d", create_steps({"a"}));
    CHECK(run.parents("a") == Names{"d", "load"});
    CHECK_FALSE(run.began("a"));
}

TEST_CASE("expansion: workers, every convergence over them, and chains of those") {
    Run run(graph("batch", {batchable("cut", "W"),
                            batch_worker("W", {"cut"}),
                            convergence("sum", {"W"}),
                            convergence("audit", {"cut", "W"}),
                            {"report", {"sum"}},
                            convergence("end", {"report", "audit"}),
                            {"direct", {"W"}}}));
    CHECK(run.names() == Names{"cut"});
    const Expansion expansion = run.finish("cut", create_batches("W", {"1", "2"}));
    CHECK(expansion.steps[0].name == "W_1");
    CHECK(expansion.steps[0].cursor_json.find(R"("batch_id":"1")") != std::string::npos);
    CHECK(run.names() == Names{"W_1", "W_2", "audit", "cut", "direct", "end", "report", "sum"});
    CHECK(run.parents("W_2") == Names{"cut"});
    CHECK(run.parents("sum") == Names{"W_1", "W_2"});
    CHECK(run.parents("audit") == Names{"W_1", "W_2"});
    CHECK(run.parents("direct") == Names{"W_1", "W_2"});
    CHECK(run.parents("end") == Names{"audit", "report"});
}

TEST_CASE("expansion: no batches make one worker without work") {
    Run run(graph("batch", {batchable("cut", "W"), batch_worker("W", {"cut"}), convergence("sum", {"W"})}));
    const Expansion expansion = run.finish("cut", no_batches());
    REQUIRE(expansion.steps.size() == 2);
    CHECK(expansion.steps[0].name == "W_000");
    CHECK(expansion.steps[0].no_op);
    CHECK(run.parents("sum") == Names{"W_000"});
}

TEST_CASE("expansion: two batchable steps may share a worker, but not a batch") {
    const auto definition = graph("two", {batchable("cut", "W"), batchable("slice", "W"),
                                          batch_worker("W", {}), convergence("sum", {"W"})});
    Run run(definition);
    run.finish("cut", create_batches("W", {"1"}));
    const std::vector<TaskStep> steps{
        {0, "cut", {}, false, true}, {1, "slice", {}, false, false}, {2, "W_1", {}, true, false}};
    const auto outcome = parse_outcome(definition, 1, create_batches("W", {"1"}));
    const auto expanded = expand(definition, steps, 1, std::get<MakingOutcome>(outcome));
    REQUIRE(std::holds_alternative<InvalidOutcome>(expanded));
    CHECK(std::get<InvalidOutcome>(expanded).message.find("'W_1', which the task has already") !=
          std::string::npos);
}

TEST_CASE("expansion: a convergence over two batches waits for the one that is not cut yet") {
    Run run(graph("two", {batchable("cut", "V"), batchable("slice", "W"), batch_worker("V", {"cut"}),
                          batch_worker("W", {"slice"}), convergence("sum", {"V", "W"})}));
    run.finish("cut", create_batches("V", {"1"}));
    CHECK(run.parents("sum") == Names{"V_1", "slice"});
    run.finish("V_1");
    CHECK_FALSE(run.began("sum"));
    run.finish("slice", create_batches("W", {"1", "2"}));
    CHECK(run.parents("sum") == Names{"V_1", "W_1", "W_2", "slice"});
    CHECK_FALSE(run.began("sum"));
}

TEST_CASE("expansion: a batch of ten thousand is linear") {
    Run run(graph("batch", {batchable("cut", "W"), batch_worker("W", {"cut"}), convergence("sum", {"W"})}));
    std::vector<TaskStep> steps{{0, "cut", {}, false, false}};
    BatchOutcome outcome;
    outcome.worker_template_name = "W";
    for (int i = 0; i < 10'000; ++i) outcome.cursors.push_back({std::to_string(i), "{}"});
    const auto expanded = expand(run.definition(), steps, 0, outcome);
    const auto& expansion = std::get<Expansion>(expanded);
    REQUIRE(expansion.steps.size() == 10'001);
    CHECK(expansion.steps.back().parents.size() == 10'000);
}

// Whatever the template and whatever is decided: each step that exists runs in the end, after all it depends on.
TEST_CASE("expansion: any task of any template runs to its end in the order of its dependencies") {
    for (unsigned seed = 1; seed <= 3000; ++seed) {
        CAPTURE(seed);
        std::mt19937 random(seed);
        Run run(random_template(random));
        while (!run.running().empty()) {
            const auto running = run.running();
            const std::size_t ordinal = running[random() % running.size()];
            const auto expansion =
                run.finish(ordinal, random_outcome(run.definition(), run.index_of(ordinal), random));
            CHECK(expansion.ignored.empty());
        }
        CHECK(run.all_done());
    }
}
