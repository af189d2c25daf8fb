// W6-W9: decisions, convergences and batches.

#include <algorithm>
#include <fstream>

#include "tests/workflows/flow_world.hpp"

using namespace tasker::host;
using namespace tasker::host::flows;

TEST_CASE("W6: the amount decides who approves, and the last step waits for those who were asked") {
    struct Row {
        int amount;
        Names approvals;
        int steps;
    };
    const std::vector<Row> rows{{500, {"auto_approve"}, 4},
                                {3000, {"manager_approval"}, 4},
                                {10000, {"finance_review", "manager_approval"}, 5}};
    FlowWorld world;
    std::vector<Uuid> tasks;
    for (const Row& row : rows) {
        tasks.push_back(world.submit("conditional_approval", "approval_routing", {{"amount", row.amount}}));
        CHECK(world.step_names(tasks.back()) == Names{"routing_decision", "validate_request"});
    }
    for (std::size_t i = 0; i < rows.size(); ++i) {
        CAPTURE(rows[i].amount);
        CHECK(world.run(tasks[i]).state == TaskState::Complete);
        CHECK(world.view(tasks[i]).total_steps == rows[i].steps);
        const json end = world.result(tasks[i], "finalize_approval");
        CHECK(end["approvals"].get<Names>() == rows[i].approvals);
        CHECK(end["why"] == rows[i].amount);
        CHECK(world.step(tasks[i], "finalize_approval").total_parents ==
              static_cast<int>(rows[i].approvals.size()));
        auto decided =
            world.result(tasks[i], "routing_decision")["decision_point_outcome"]["step_names"].get<Names>();
        std::sort(decided.begin(), decided.end());
        CHECK(decided == rows[i].approvals);
    }
}

TEST_CASE("W7: a diamond, a decision and batches of two; only the chosen aggregator is made") {
    FlowWorld world;
    const Uuid even = world.submit("combined_workflow_test", "diamond_decision_batch_processor",
                                   {{"numbers", {2, 4, 6, 8, 10, 11, 13}}});
    const Uuid odd = world.submit("combined_workflow_test", "diamond_decision_batch_processor",
                                  {{"numbers", {1, 2, 3, 5, 7}}});
    CHECK(world.view(even).total_steps == 4);
    CHECK(world.run(even).state == TaskState::Complete);
    CHECK(world.run(odd).state == TaskState::Complete);
    CHECK(world.step_names(even) == Names{"aggregate_even_results", "branch_evens", "branch_odds",
                                          "diamond_start", "even_batch_analyzer", "process_even_batch_001",
                                          "process_even_batch_002", "process_even_batch_003",
                                          "routing_decision"});
    const json sums = world.result(even, "aggregate_even_results");
    CHECK(sums["sum"] == 4 + 16 + 36 + 64 + 100);
    CHECK(sums["total_processed"] == 5);
    CHECK(sums["batch_count"] == 3);
    CHECK(sums["strategies"] == json{"fail_fast", "fail_fast", "fail_fast"});
    CHECK(world.step_names(odd).size() == 8);
    CHECK(world.result(odd, "aggregate_odd_results")["sum"] == 1 + 9 + 25 + 49);
    CHECK(world.step(even, "process_even_batch_003").template_step_name == "process_even_batch");
}

TEST_CASE("W8: a thousand rows of CSV are five batches, and the totals are those of the file") {
    FlowWorld world;
    const auto path = world.folder() / "products.csv";
    std::map<std::string, std::int64_t> cents;
    {
        std::ofstream file(path);
        file << "id,category,price\n";
        const Names categories{"books", "games", "music"};
        for (std::size_t i = 0; i < 1000; ++i) {
            const auto price = static_cast<std::int64_t>(100 + 7 * i);
            file << i << ',' << categories[i % 3] << ',' << price << '\n';
            cents[categories[i % 3]] += price;
        }
    }
    const Uuid task =
        world.submit("csv_processing", "csv_product_inventory_analyzer", {{"csv_path", path.string()}});
    CHECK(world.view(task).total_steps == 1);
    CHECK(world.run(task).state == TaskState::Complete);
    CHECK(world.view(task).total_steps == 7);
    const json all = world.result(task, "aggregate_csv_results");
    CHECK(all["scenario"] == "with_batches");
    CHECK(all["worker_count"] == 5);
    CHECK(all["total_processed"] == 1000);
    CHECK(all["success_rate"] == 1.0);
    CHECK(all["cents"].get<std::map<std::string, std::int64_t>>() == cents);
    CHECK(json::parse(world.step(task, "process_csv_batch_005").inputs_json)["cursor"] ==
          json{{"batch_id", "005"}, {"start_cursor", 800}, {"end_cursor", 1000}, {"batch_size", 200}});
}

TEST_CASE("W8: a CSV file without rows is one placeholder and an aggregation of no batches") {
    FlowWorld world;
    const auto path = world.folder() / "products_empty.csv";
    std::ofstream(path) << "id,category,price\n";
    const Uuid task =
        world.submit("csv_processing", "csv_product_inventory_analyzer", {{"csv_path", path.string()}});
    CHECK(world.run(task).state == TaskState::Complete);
    CHECK(world.step_names(task) == Names{"aggregate_csv_results", "analyze_csv", "process_csv_batch_000"});
    CHECK(world.result(task, "process_csv_batch_000")["no_op"] == true);
    CHECK(world.result(task, "aggregate_csv_results") == json{{"scenario", "no_batches"},
                                                              {"worker_count", 0},
                                                              {"total_processed", 0},
                                                              {"cents", json::object()}});
}

TEST_CASE("W9: batches grow so that ten are enough and every record is in one; few records make none") {
    FlowWorld world;
    struct Row {
        std::int64_t records;
        int batches;
    };
    for (const Row& row : {Row{1000, 1}, Row{1001, 2}, Row{25'003, 10}}) {
        CAPTURE(row.records);
        const Uuid task =
            world.submit("data_processing", "large_dataset_processor", {{"records", row.records}});
        CHECK(world.run(task).state == TaskState::Complete);
        CHECK(world.view(task).total_steps == row.batches + 2);
        const json all = world.result(task, "aggregate_dataset");
        CHECK(all["worker_count"] == row.batches);
        CHECK(all["total_processed"] == row.records);
        CHECK(all["sum"] == row.records * (row.records - 1) / 2);
    }
    const Uuid small = world.submit("data_processing", "large_dataset_processor", {{"records", 99}});
    CHECK(world.run(small).state == TaskState::Complete);
    CHECK(world.result(small, "analyze_dataset")["reason"] == "the data set is small");
    CHECK(world.result(small, "aggregate_dataset") ==
          json{{"scenario", "no_batches"}, {"worker_count", 0}, {"sum", 0}});
}
