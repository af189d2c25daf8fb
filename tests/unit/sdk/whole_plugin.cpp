// Everything that the SDK has, in one plugin: it only has to compile.
#include <tasker/sdk.hpp>
#include <tasker/testing.hpp>

namespace {

class Handler : public tasker::StepHandler {
  public:
    static constexpr std::string_view handler_name = "whole.handler";
    tasker::StepHandlerResult call(tasker::StepContext& context) override {
        context.logger().info("called", {{"attempt", context.attempt()}});
        return success({{"value", context.require_input<int>("n") + context.get_config_or("k", 1)},
                        {"before", context.get_dependency_field<int>("a", "b", "c").value_or(0)}});
    }
    tasker::StepHandlerResult undo(tasker::StepContext&) { return failure("no"); }
    static constexpr std::array methods{tasker::Method{"undo", &Handler::undo}};
};

using Lambda =
    tasker::function_handler<"whole.lambda", [](const tasker::json& a) { return a; }, tasker::depends<"a">>;

using Route = tasker::decision_function<"whole.route",
                                        [](const tasker::json& amount) {
                                            if (amount.is_null()) return tasker::Decision::skip("no amount");
                                            return tasker::Decision::route(
                                                {amount < 1000 ? "auto_approve" : "manager_approval"});
                                        },
                                        tasker::inputs<"amount">>;

using Analyze = tasker::batch_analyzer_function<"whole.analyze", "load",
                                                [](const tasker::json& rows) {
                                                    return tasker::BatchConfig{.total_items = rows.get<int>(),
                                                                               .batch_size = 200};
                                                },
                                                tasker::inputs<"rows">>;

using Load = tasker::batch_worker_function<"whole.load", [](const tasker::BatchWorkerContext& batch) {
    const auto done = static_cast<std::int64_t>(batch.items_processed());
    if (batch.position() < batch.end_cursor())
        return tasker::StepHandlerResult::checkpoint_yield(batch.position() + 1, done + 1);
    return tasker::BatchWorkerOutcome{.items_processed = done}.to_step_result();
}>;

using Sum =
    tasker::aggregator_function<"whole.sum", "analyze", "load_", [](const tasker::AggregationScenario& all) {
        return tasker::aggregate_batch_worker_results(all);
    }>;

using Reports = tasker::prefix_resolver<"whole.reports", "report.", [](const tasker::AskedCallable& asked) {
    return asked.rest.empty() ? std::nullopt : std::optional<std::string>("whole.load");
}>;

struct Queries : tasker::HandlerResolver {
    static constexpr std::string_view resolver_name = "whole.queries";
    static constexpr std::string_view pattern = "sql\\.(\"?[a-z]+)";
    static constexpr int priority = 40;
    explicit Queries(const tasker::ResolverSetup&) {}
    std::optional<std::string> resolve(const tasker::AskedCallable& asked) override {
        return std::string(asked.groups.at(0));
    }
};

struct Order {
    std::string id;
    std::optional<int> count;
};
TASKER_FIELDS(Order, id, count)

[[maybe_unused]] void run() { tasker::testing::StepTest::of<Handler>().input({{"n", 1}}).run(); }
[[maybe_unused]] Order read(tasker::StepContext& context) { return context.input_as<Order>(); }

}  // namespace

TASKER_PLUGIN("whole.plugin", "1.0.0", Handler, Lambda, Route, Analyze, Load, Sum, Reports, Queries);
