// The examples of sdk/README.md, word for word, and that they do what it says.
#include <string>

#include "support.hpp"

namespace {

// clang-format off
class RouteOrder : public tasker::DecisionHandler {
  public:
    static constexpr std::string_view handler_name = "orders.route";

    tasker::StepHandlerResult call(tasker::StepContext& context) override {
        const auto amount = context.require_input<double>("amount");
        if (amount == 0) return skip_branches("nothing to approve");
        return route_to_steps({amount < 1000 ? "auto_approve" : "manager_approval"}, {{"amount", amount}});
    }
};

using Route = tasker::decision_function<"orders.route_short", [](const tasker::json& amount) {
    return tasker::Decision::route({amount < 1000 ? "auto_approve" : "manager_approval"});
}, tasker::inputs<"amount">>;

using Analyze = tasker::batch_analyzer_function<"csv.analyze", "load", [](const tasker::json& rows) {
    return tasker::BatchConfig{.total_items = rows.get<int>(), .batch_size = 200, .max_batches = 50};
}, tasker::inputs<"rows">>;

class Load : public tasker::BatchWorker {
  public:
    static constexpr std::string_view handler_name = "csv.load";

    tasker::StepHandlerResult call(tasker::StepContext& context) override {
        if (auto nothing = tasker::handle_no_op_worker(context)) return *nothing;
        const tasker::BatchWorkerContext batch(context);
        auto done = static_cast<std::int64_t>(batch.items_processed());
        for (auto row = batch.position(); row < batch.end_cursor(); ++row) {
            // ... load the row ...
            if (++done % 100 == 0 && row + 1 < batch.end_cursor()) return checkpoint_yield(row + 1, done);
        }
        return batch_worker_success({.items_processed = done});
    }
};

using Sum = tasker::aggregator_function<"csv.sum", "analyze", "load_", [](const tasker::AggregationScenario& all) {
    return tasker::aggregate_batch_worker_results(all);
}>;
// clang-format on

}  // namespace

using tasker::testing::StepTest;
using Names = std::vector<std::string>;

TEST_CASE("the README's decisions decide") {
    CHECK(StepTest::of<RouteOrder>().input({{"amount", 5}}).run().decided_steps() == Names{"auto_approve"});
    CHECK(StepTest::of<RouteOrder>().input({{"amount", 0}}).run().decided_steps().empty());
    CHECK(StepTest::of<Route>().input({{"amount", 5000}}).run().decided_steps() == Names{"manager_approval"});
}

TEST_CASE("the README's batches are cut, run with checkpoints and gathered") {
    const auto analyzed = StepTest::of<Analyze>().input({{"rows", 250}}).run();
    REQUIRE(analyzed.batches().size() == 2);
    auto step = StepTest::of<Load>();
    step.batch(analyzed.batches()[0]);
    auto run = step.run();
    int yields = 0;
    for (; run.yielded(); ++yields) run = step.resume(run).run();
    CHECK(yields == 1);
    CHECK(run->result()["items_processed"] == 200);
    const auto sum = StepTest::of<Sum>()
                         .dependency("analyze", analyzed->result())
                         .dependency("load_001", run->result())
                         .run();
    CHECK(sum->result()["total_processed"] == 200);
    CHECK(sum->result()["worker_count"] == 1);
}
