// W1-W4: chains, diamonds, trees and joins of numbers.

#include "tests/workflows/flow_world.hpp"

using namespace tasker::host;
using namespace tasker::host::flows;

TEST_CASE("W1: four steps in a row square 6 up to 2,821,109,907,456, each with what the one before it made") {
    FlowWorld world;
    const Uuid task = world.submit("rust_e2e_linear", "mathematical_sequence", {{"even_number", 6}});
    CHECK(world.view(task).total_steps == 4);
    CHECK(world.run(task).state == TaskState::Complete);
    std::int64_t expected = 6, before = 0;
    for (const auto* step : {"linear_step_1", "linear_step_2", "linear_step_3", "linear_step_4"}) {
        expected *= expected;
        CHECK(world.result(task, step)["value"] == expected);
        const StepView view = world.step(task, step);
        CHECK(view.attempts == 1);
        CHECK(*view.processed_ms >= before);
        before = *view.processed_ms;
    }
    CHECK(expected == 2'821'109'907'456);
}

TEST_CASE("W1: an odd number, and a product beyond 64 bits, end the chain where they come up") {
    FlowWorld world;
    const Uuid odd = world.submit("rust_e2e_linear", "mathematical_sequence", {{"even_number", 7}});
    CHECK(world.run(odd).state == TaskState::BlockedByFailures);
    CHECK(world.error(odd, "linear_step_1")["error_type"] == "validation_error");
    CHECK(world.error(odd, "linear_step_1")["message"] == "7 is odd");
    CHECK(world.step(odd, "linear_step_1").attempts == 1);
    CHECK(world.step(odd, "linear_step_2").state == StepState::Pending);

    const Uuid large = world.submit("rust_e2e_linear", "mathematical_sequence", {{"even_number", 1000}});
    CHECK(world.run(large).state == TaskState::BlockedByFailures);
    CHECK(world.result(large, "linear_step_2")["value"] == 1'000'000'000'000);
    CHECK(world.error(large, "linear_step_3")["error_code"] == "OVERFLOW");
}

TEST_CASE("W2: the branches of a diamond run at the same time, and its end sees both") {
    FlowWorld world;
    const Uuid task = world.submit("rust_e2e_diamond", "diamond_pattern", {{"even_number", 6}});
    CHECK(world.run(task).state == TaskState::Complete);  // a branch that is alone fails
    CHECK(world.result(task, "diamond_branch_b")["value"] == 1296);
    const json end = world.result(task, "diamond_end");
    CHECK(end["value"] == 2'821'109'907'456);  // 6 to the 16th
    CHECK(end["joined"] == json{"diamond_branch_b", "diamond_branch_c"});
}

TEST_CASE("W3: a tree of eight steps; its leaves are found by prefix and keep their handler's limit") {
    FlowWorld world({.handler_concurrency = {{"numbers.leaf", 2}}});
    const Uuid task = world.submit("rust_e2e_tree", "hierarchical_tree", {{"even_number", 2}});
    CHECK(world.run(task).total_steps == 8);
    CHECK(world.view(task).state == TaskState::Complete);
    const json end = world.result(task, "tree_final_convergence");
    CHECK(end["value"] == 4'294'967'296);  // 2 to the 32nd
    CHECK(end["joined"] == json{"tree_leaf_d", "tree_leaf_e", "tree_leaf_f", "tree_leaf_g"});
    for (const auto* leaf : {"tree_leaf_d", "tree_leaf_e", "tree_leaf_f", "tree_leaf_g"}) {
        CHECK(world.result(task, leaf)["value"] == 256);
        CHECK(world.result(task, leaf)["at_once"] <= 2);
    }
}

TEST_CASE("W4: joins of several kinds, and every ancestor is seen at the end") {
    FlowWorld world;
    const Uuid task = world.submit("rust_e2e_mixed_dag", "complex_dag", {{"even_number", 2}});
    CHECK(world.run(task).total_steps == 7);
    CHECK(world.view(task).state == TaskState::Complete);
    CHECK(world.result(task, "dag_validate")["value"] == 65'536);
    CHECK(world.result(task, "dag_transform")["value"] == 256);
    CHECK(world.result(task, "dag_analyze")["value"] == 256);
    const json end = world.result(task, "dag_finalize");
    CHECK(end["value"] == 4'294'967'296);
    CHECK(end["seen"] == json{"dag_analyze", "dag_init", "dag_process_left", "dag_process_right",
                              "dag_transform", "dag_validate"});
    CHECK(world.step(task, "dag_finalize").total_parents == 3);
}
