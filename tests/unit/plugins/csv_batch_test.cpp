#include <doctest/doctest.h>

#include <optional>
#include <string>
#include <tasker/testing.hpp>

#include "plugins/csv_batch/csv_file.hpp"
#include "plugins/csv_batch/handlers.hpp"
#include "tests/support/temp_dir.hpp"

using tasker::json;
using tasker::testing::StepRun;
using tasker::testing::StepTest;
using namespace csv_batch;

namespace {

// A file of `rows` products in two categories, each of 3 pieces at 1.00.
struct Products {
    tasker::host::testing::TempDir folder;
    std::string path, text{std::string(kHeader) + "\n"};

    explicit Products(int rows, const std::string& more = {}) {
        for (int i = 1; i <= rows; ++i)
            text += "P-" + std::to_string(i) + ",name," + (i % 2 == 0 ? "even" : "odd") + ",100,3\n";
        text += more;
        path = folder.write("products.csv", text).string();
    }
    StepRun analyze(int rows_per_batch = 200) const {
        return StepTest::of<AnalyzeCsv>()
            .input({{"path", path}})
            .config({{"worker_template_name", "process_csv_batch"}, {"rows_per_batch", rows_per_batch}})
            .run();
    }
    // The worker of batch `number`, from 0.
    StepTest worker(std::size_t number, int rows_per_batch = 200,
                    const char* strategy = "continue_on_failure") const {
        const auto analyzed = analyze(rows_per_batch);
        auto step = StepTest::of<ProcessBatch>();
        step.dependency("analyze_csv", analyzed->result())
            .config({{"rows_per_checkpoint", 50}})
            .step_inputs({{"cursor", analyzed.batches()[number]},
                          {"batch_metadata", {{"cursor_field", "byte"}, {"failure_strategy", strategy}}},
                          {"is_no_op", false}});
        return step;
    }
};

json interrupt(const char* batch, int after) {
    return {{"interrupt", {{"batch_id", batch}, {"after_rows", after}}}};
}

std::string fault_of(std::string_view row) {
    std::string fault;
    const auto product = parse_product(row, fault);
    return product ? "category " + product->category : fault;
}

}  // namespace

TEST_CASE("a row is read with and without quotes, and what is wrong with one is said without repeating it") {
    std::string fault;
    const auto product = parse_product(R"(P-1,"Hose, ""20 m""",garden,1299,4)", fault);
    REQUIRE(product);
    CHECK(product->name == R"(Hose, "20 m")");
    CHECK(product->price_cents == 1299);
    CHECK(product->quantity == 4);
    const std::pair<const char*, const char*> rows[] = {
        {"P-1,x,garden,1", "4 fields instead of 5"},
        {"P-1", "1 fields instead of 5"},
        {"P-1,x,garden,1,2,3", "more than 5 fields"},
        {"P-1,x,garden,1.5,2", "price_cents is no integer from 0 on"},
        {"P-1,x,garden,-1,2", "price_cents is no integer from 0 on"},
        {"P-1,x,garden,1,", "quantity is no integer from 0 on"},
        {"P-1,x,garden,1,99999999999999999999", "quantity is no integer from 0 on"},
        {"P-1,x,,1,2", "category is empty"},
        {"P-1,\"x,garden,1,2", "field 2 has quotes that do not enclose it"},
        {"P-1,\"x\"y,garden,1,2", "field 2 has quotes that do not enclose it"},
        {",,c,0,0", "category c"},
    };
    for (const auto& [row, said] : rows) CHECK(fault_of(row) == said);
}

TEST_CASE("a thousand rows are five batches, and each begins where the one before ends") {
    const Products products(1000);
    const auto run = products.analyze();
    const json batches = run.batches();
    REQUIRE(batches.size() == 5);
    CHECK(batches[0]["batch_id"] == "001");
    CHECK(batches[0]["start_cursor"] == kHeader.size() + 1);
    CHECK(batches[4]["batch_id"] == "005");
    CHECK(batches[4]["end_cursor"] == products.text.size());
    for (std::size_t i = 0; i < 5; ++i) {
        CHECK(batches[i]["batch_size"] == 200);
        if (i > 0) CHECK(batches[i]["start_cursor"] == batches[i - 1]["end_cursor"]);
    }
    CHECK(run->result()["total_items"] == 1000);
    CHECK(Products(201).analyze().batches()[1]["batch_size"] == 1);
}

TEST_CASE("a file without rows makes no batches; a missing or another one fails for good") {
    CHECK(Products(0).analyze().batches().empty());
    CHECK(Products(0, "\n\r\n").analyze().batches().empty());
    const tasker::host::testing::TempDir folder;
    auto step = StepTest::of<AnalyzeCsv>().config({{"worker_template_name", "w"}});
    const auto code = [&](const std::string& path) {
        return step.input({{"path", path}}).run()->error_code();
    };
    CHECK(code(folder.write("empty.csv", "").string()) == "");
    CHECK(code(folder.write("other.csv", "root:x:0:0\n").string()) == "BAD_HEADER");
    CHECK(code(folder.path().string()) == "FILE_NOT_FOUND");
    CHECK(code("/dev/zero") == "FILE_NOT_FOUND");
    CHECK(code(folder.write("long.csv", std::string(100'000, 'x')).string()) == "ROW_TOO_LONG");
    CHECK(step.input({{"path", folder.write("secret.csv", "s3cret\n").string()}})
              .run()
              ->error_message()
              .find("s3cret") == std::string::npos);
}

TEST_CASE("a worker adds up its batch and saves every fifty rows") {
    const Products products(1000);
    const auto run = products.worker(1).run();
    const json& result = run->result();
    CHECK(result["items_processed"] == 200);
    CHECK(result["items_succeeded"] == 200);
    CHECK(result["results"]["categories"]["even"] ==
          json{{"products", 100}, {"units", 300}, {"value_cents", 30'000}});
    CHECK(result["results"]["categories"]["odd"] == result["results"]["categories"]["even"]);
    CHECK(result["results"]["resumed_from_row"] == 0);
    REQUIRE(run.checkpoints().size() == 4);
    CHECK(run.checkpoints()[0].items_processed == 50);
    CHECK(run.checkpoints()[3].cursor == result["last_cursor"]);
}

TEST_CASE("a worker that fails half-way goes on from its checkpoint and counts no row twice") {
    const Products products(1000);
    auto step = products.worker(2);
    const json undisturbed = step.run()->result();
    const auto failed = step.input(interrupt("003", 120)).run();
    CHECK(failed->error_code() == "INTERRUPTED");
    CHECK(failed->retryable());
    REQUIRE(failed.checkpoints().size() == 2);
    CHECK(failed.checkpoints()[1].items_processed == 100);

    const auto second = step.attempt(2).resume(failed).run();
    REQUIRE(second->is_success());
    CHECK(second->result()["results"]["resumed_from_row"] == 100);
    CHECK(second->result()["results"]["rows_read"] == 100);
    CHECK(second->result()["items_processed"] == 200);
    CHECK(second->result()["results"]["categories"] == undisturbed["results"]["categories"]);
    CHECK(second->result()["last_cursor"] == undisturbed["last_cursor"]);
    CHECK(second.checkpoints().front().items_processed == 150);
    CHECK(products.worker(1).input(interrupt("003", 120)).run()->is_success());  // another batch
}

TEST_CASE("a worker that is told to stop is released behind a checkpoint") {
    const Products products(200);
    const auto run = products.worker(0).stop(tasker::StopReason::Draining).run();
    CHECK(run.released());
    REQUIRE(run.checkpoints().size() == 1);
    CHECK(run.checkpoints()[0].items_processed == 50);
    CHECK(products.worker(0).resume(run).run()->result()["results"]["resumed_from_row"] == 50);
}

TEST_CASE("a row that cannot be used is told, or fails the batch, as the template's failure strategy says") {
    const Products products(100, "P-x,name,odd,cheap,3\nP-y\n");
    const auto run = products.worker(0).run();
    const json& result = run->result();
    CHECK(run->is_success());
    CHECK(result["items_processed"] == 102);
    CHECK(result["items_failed"] == 2);
    CHECK(result["partial_failure"] == true);
    CHECK(result["errors"][0] == "row 101 of batch 001: price_cents is no integer from 0 on");
    const auto strict = products.worker(0, 200, "fail_fast").run();
    CHECK(strict->error_code() == "BAD_ROW");
    CHECK_FALSE(strict->retryable());
}

TEST_CASE("a file that has changed since it was cut fails the batch; sums that do not fit do, too") {
    const Products products(100);
    auto step = products.worker(0);
    static_cast<void>(products.folder.write("products.csv", products.text + "P-new,name,odd,1,1\n"));
    CHECK(step.run()->error_code() == "FILE_CHANGED");
    const Products huge(0, "P-1,name,odd,9000000000000000000,2\n");
    CHECK(huge.worker(0).run()->error_code() == "TOO_LARGE");
}

TEST_CASE("the totals are those of all batches, and there are some without batches, too") {
    const Products products(500);
    auto aggregate = StepTest::of<AggregateTotals>();
    aggregate.dependency("analyze_csv", products.analyze()->result());
    for (std::size_t i = 0; i < 3; ++i)
        aggregate.dependency("process_csv_batch_00" + std::to_string(i + 1),
                             products.worker(i).run()->result());
    const auto total = aggregate.run();
    CHECK(total->result()["total_processed"] == 500);
    CHECK(total->result()["worker_count"] == 3);
    CHECK(total->result()["categories"]["odd"] ==
          json{{"products", 250}, {"units", 750}, {"value_cents", 75'000}});

    const auto placeholder = StepTest::of<ProcessBatch>().no_op_batch().run();
    CHECK(placeholder->result()["no_op"] == true);
    const auto none = StepTest::of<AggregateTotals>()
                          .dependency("analyze_csv", Products(0).analyze()->result())
                          .dependency("process_csv_batch_000", placeholder->result())
                          .run();
    CHECK(none->result() == json{{"total_processed", 0},
                                 {"total_failed", 0},
                                 {"categories", json::object()},
                                 {"worker_count", 0},
                                 {"scenario", "no_batches"}});
}
