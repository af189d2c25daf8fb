// tasker-ctl 0.1.8 looks after tasks: manual actions on steps, and the dead letter queue.

#include "tests/e2e/clients/ctl.hpp"

namespace tasker::host::e2e {

namespace {
// A task whose first step has failed for good; gives the step's UUID.
std::string failed_step(Ctl& ctl, const std::string& uuid) {
    ctl.sandbox().run({"task", "wait", uuid});
    const json task = ctl.task(uuid);
    REQUIRE(step(task, "square")["current_state"] == "error");
    return step(task, "square")["workflow_step_uuid"];
}
}  // namespace

TEST_CASE(
    "tasker-ctl: a failed step is reset, then completed by hand, and the task goes on with the result") {
    const auto program = client(kTasker);
    if (!program) return;
    Ctl ctl(*program);
    const std::string uuid = ctl.create("examples", "linear_workflow", R"({"number":"six"})");
    const std::string square = failed_step(ctl, uuid);
    const std::string reset = ctl.run({"task", "reset-step", uuid, square, "-r", "try again", "-b", "ann"});
    has(reset, "Step reset successfully!");
    has(reset, "New state: ");
    // It fails again, as its input is what it was.
    CHECK(eventually(kPatience, [&] { return step(ctl.task(uuid), "square")["current_state"] == "error"; }));
    failed_step(ctl, uuid);
    const std::string completed =
        ctl.run({"task", "complete-step", uuid, square, "-r", "counted by hand", "-b", "bob", "--result",
                 R"({"value":36})", "--metadata", R"({"by":"hand"})"});
    has(completed, "Step completed manually with results!");
    has(completed, "New state: complete");
    const json done = ctl.sandbox().document({"task", "wait", uuid});
    CHECK(done["status"] == "complete");
    const std::string audit = ctl.run({"task", "step-audit", uuid, square});
    has(audit, "-> complete");
    const json records = ctl.sandbox().document({"task", "step-audit", uuid, "square"});
    CHECK(records[0]["actor"] == "bob");
    CHECK(records[0]["note"] == "counted by hand");
    has(ctl.run({"task", "reset-step", uuid, square, "-r", "no"}, 1), "HTTP 400");
    ctl.stop_worker();
}

TEST_CASE("tasker-ctl: a failed step is resolved without a result") {
    const auto program = client(kTasker);
    if (!program) return;
    Ctl ctl(*program);
    const std::string uuid = ctl.create("examples", "linear_workflow", R"({"number":"seven"})");
    const std::string square = failed_step(ctl, uuid);
    const std::string resolved = ctl.run({"task", "resolve-step", uuid, square, "-r", "not needed"});
    has(resolved, "Step resolved manually!");
    has(resolved, "New state: resolved_manually");
    has(ctl.run({"task", "resolve-step", uuid, kUnknownTask, "-r", "x"}, 1), "HTTP 404");
    ctl.stop_worker();
}

TEST_CASE("tasker-ctl: the dead letter queue is read while it is empty") {
    const auto program = client(kTasker);
    if (!program) return;
    Ctl ctl(*program);
    has(ctl.run({"dlq", "list"}), "Found 0 DLQ entries");
    has(ctl.run({"dlq", "stats"}), "DLQ Statistics by Reason:");
    has(ctl.run({"dlq", "get", kUnknownTask}, 1), "HTTP 404");
    has(ctl.run({"dlq", "update", kUnknownTask, "-s", "manually_resolved"}, 1), "HTTP 404");
    ctl.stop_worker();
}

}  // namespace tasker::host::e2e
