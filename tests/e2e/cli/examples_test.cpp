// The shipped examples as their README tells to run them: decisions, batches and events, step by step.

#include <sys/socket.h>
#include <sys/un.h>

#include <array>
#include <set>

#include "tests/e2e/cli/sandbox.hpp"

namespace tasker::host::e2e {

namespace {
using Names = std::set<std::string>;

Names steps_of(const json& task) {
    Names names;
    for (const json& one : task.at("steps")) names.insert(one.at("name"));
    return names;
}

const json& result(const json& task, const std::string& name) {
    return step(task, name).at("results").at("result");
}

json run(const Sandbox& sandbox, const std::string& name, const json& context) {
    return sandbox.document({"task", "run", name, "-c", context.dump()});
}

json request(int amount) {
    return {{"request_id", "R-" + std::to_string(amount)}, {"requester", "ada"}, {"amount", amount}};
}

const std::string kSamples = TASKER_SOURCE_DIR "/templates/samples/";

// A request over the worker's socket; the body of a good answer.
json over_socket(const Sandbox& sandbox, const std::string& method, const std::string& target,
                 const std::string& body = {}) {
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    sandbox.path("state/api.sock").string().copy(address.sun_path, sizeof address.sun_path - 1);
    const testing::OwnedFd fd(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
    REQUIRE(::connect(fd.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0);
    const std::string text = method + " " + target +
                             " HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\nContent-Type: "
                             "application/json\r\nContent-Length: " +
                             std::to_string(body.size()) + "\r\n\r\n" + body;
    REQUIRE(::send(fd.get(), text.data(), text.size(), MSG_NOSIGNAL) == static_cast<ssize_t>(text.size()));
    std::string answer;
    std::array<char, 4096> chunk{};
    for (ssize_t got = 0; (got = ::recv(fd.get(), chunk.data(), chunk.size(), 0)) > 0;)
        answer.append(chunk.data(), static_cast<std::size_t>(got));
    REQUIRE_MESSAGE(answer.starts_with("HTTP/1.1 200"), answer);
    return json::parse(answer.substr(answer.find("\r\n\r\n")));
}

std::vector<std::string> names_of(const json& page) {
    std::vector<std::string> names;
    for (const json& event : page.at("events")) names.push_back(event.at("event_name"));
    return names;
}

const json kOrder{
    {"order_id", "A-1"}, {"customer_id", "C-7"}, {"amount_cents", 6499}, {"items", {"BOOK-1", "LAMP-2"}}};

json order_with(const char* key, const json& wish) {
    json order = kOrder;
    order[key] = wish;
    return order;
}

bool says(const Finished& done, const std::string& text) { return done.err.find(text) != std::string::npos; }
}  // namespace

TEST_CASE("every shipped template finds its handlers, methods and publishers") {
    Sandbox sandbox;
    sandbox.set("TASKER_TEMPLATE_PATH", TASKER_SOURCE_DIR "/templates");
    CHECK(sandbox.document({"handler", "list", "--strict"})["missing"].empty());
}

TEST_CASE("W6: the amount decides who approves, and only their steps are made: 4, 4 and 5 in all") {
    const Sandbox sandbox;
    const Names always{"validate_request", "routing_decision", "finalize_approval"};
    struct Row {
        int amount;
        Names made;
        json approvers;
        const char* path;
    };
    const Row rows[] = {
        {500, {"auto_approve"}, {"auto"}, "auto"},
        {3000, {"manager_approval"}, {"manager"}, "manager"},
        {10000, {"manager_approval", "finance_review"}, {"manager", "finance"}, "manager_and_finance"}};
    for (const Row& row : rows) {
        CAPTURE(row.amount);
        const json task = run(sandbox, "conditional_approval", request(row.amount));
        CHECK(task["status"] == "complete");
        Names expected = row.made;
        expected.insert(always.begin(), always.end());
        CHECK(steps_of(task) == expected);
        CHECK(task["total_steps"] == expected.size());
        CHECK(result(task, "finalize_approval")["approved"] == true);
        CHECK(result(task, "finalize_approval")["approvers"] == row.approvers);
        CHECK(result(task, "finalize_approval")["approval_path"] == row.path);
    }
}

TEST_CASE("W6: a task begins with the steps before the decision; a rejection is a result, no failure") {
    const Sandbox sandbox;
    const json told =
        sandbox.document({"task", "create", "conditional_approval", "-c", request(10000).dump()});
    CHECK(sandbox.document({"task", "get", told["task_uuid"]})["total_steps"] == 2);

    json context = request(10001);
    context["finance"] = {{"approve", false}, {"note", "not this year"}};
    const json task = run(sandbox, "conditional_approval", context);
    CHECK(task["status"] == "complete");
    CHECK(result(task, "finalize_approval")["approved"] == false);
    CHECK(result(task, "finalize_approval")["rejected_by"] == json{"finance"});
    CHECK(result(task, "finance_review")["note"] == "not this year");
    CHECK(sandbox.run({"task", "run", "conditional_approval", "-c", R"({"amount":5})"}).status.code != 0);
}

TEST_CASE("W8: a thousand rows are added up by five workers of two hundred") {
    const Sandbox sandbox;
    const json task = run(sandbox, "csv_batch", {{"path", kSamples + "products.csv"}});
    CHECK(task["status"] == "complete");
    CHECK(steps_of(task) == Names{"analyze_csv", "process_csv_batch_001", "process_csv_batch_002",
                                  "process_csv_batch_003", "process_csv_batch_004", "process_csv_batch_005",
                                  "aggregate_totals"});
    for (const json& one : task["steps"]) {
        if (one["name"].get<std::string>().starts_with("process_"))
            CHECK(one["results"]["result"]["items_processed"] == 200);
    }
    const json& total = result(task, "aggregate_totals");
    CHECK(total["scenario"] == "with_batches");
    CHECK(total["worker_count"] == 5);
    CHECK(total["total_processed"] == 1000);
    CHECK(total["total_failed"] == 0);
    // As any other program adds them up.
    const json expected{{"books", {{"products", 208}, {"units", 6076}, {"value_cents", 61'491'189}}},
                        {"furniture", {{"products", 199}, {"units", 5592}, {"value_cents", 54'865'152}}},
                        {"garden", {{"products", 184}, {"units", 5747}, {"value_cents", 58'180'318}}},
                        {"lighting", {{"products", 231}, {"units", 6730}, {"value_cents", 65'006'877}}},
                        {"tools", {{"products", 178}, {"units", 5223}, {"value_cents", 52'710'882}}}};
    CHECK(total["categories"] == expected);
}

TEST_CASE("W8: a worker that fails half-way goes on from its checkpoint, and the totals are the same") {
    const Sandbox sandbox;
    const json plain = run(sandbox, "csv_batch", {{"path", kSamples + "products.csv"}});
    const json task =
        run(sandbox, "csv_batch",
            {{"path", kSamples + "products.csv"}, {"interrupt", {{"batch_id", "003"}, {"after_rows", 120}}}});
    CHECK(task["status"] == "complete");
    CHECK(step(task, "process_csv_batch_003")["attempts"] == 2);
    CHECK(step(task, "process_csv_batch_002")["attempts"] == 1);
    const json& worker = result(task, "process_csv_batch_003");
    CHECK(worker["items_processed"] == 200);
    CHECK(worker["results"]["resumed_from_row"] == 100);  // checkpoints at 50 and 100, the failure at 120
    CHECK(worker["results"]["rows_read"] == 100);
    CHECK(result(task, "aggregate_totals") == result(plain, "aggregate_totals"));
}

TEST_CASE("W8: an empty file has one placeholder worker and totals of nothing") {
    const Sandbox sandbox;
    const json task = run(sandbox, "csv_batch", {{"path", kSamples + "products_empty.csv"}});
    CHECK(task["status"] == "complete");
    CHECK(steps_of(task) == Names{"analyze_csv", "process_csv_batch_000", "aggregate_totals"});
    CHECK(result(task, "process_csv_batch_000")["no_op"] == true);
    CHECK(result(task, "aggregate_totals")["scenario"] == "no_batches");
    CHECK(result(task, "aggregate_totals")["total_processed"] == 0);
}

TEST_CASE("W12: subscribers in the process hear fast and broadcast events, after failures too") {
    const Sandbox sandbox;
    const auto shown = [&](const json& context) {
        return sandbox.run({"task", "run", "order_events", "-c", context.dump(), "--log-level", "info"});
    };
    const Finished good = shown(kOrder);
    CHECK(good.status.code == 0);
    CHECK_MESSAGE(says(good, "event: order.validated"), good.err);
    CHECK_MESSAGE(says(good, "event: notification.sent"), good.err);
    CHECK_FALSE(says(good, "event: payment.processed"));  // of the durable queue only
    CHECK_FALSE(says(good, "stock was not taken"));

    const Finished retried = shown(order_with("inventory", {{"fail_times", 1}}));
    CHECK(retried.status.code == 0);
    CHECK_MESSAGE(says(retried, "stock was not taken"), retried.err);
    CHECK(says(retried, "event: notification.sent"));
}

TEST_CASE("W12: durable events wait in the queue, shaped by their publisher, until they are acknowledged") {
    const Sandbox sandbox;
    const auto worker = sandbox.worker({"--namespace", "shop"});
    const auto finish = [&](const json& context, int exit) {
        sandbox.document({"task", "create", "order_events", "-n", "shop", "-c", context.dump(), "--wait"},
                         exit);
    };
    const std::string queue = "/v1/domain_events?namespace=shop&after=";
    finish(kOrder, 0);
    const json first = over_socket(sandbox, "GET", queue + "0");
    CHECK(names_of(first) ==
          std::vector<std::string>{"payment.processed", "inventory.updated", "notification.sent"});
    const json& paid = first["events"][0]["event"];
    const std::string transaction = paid["payload"]["payload"]["transaction_id"];
    CHECK(paid["payload"]["payload"] == json{{"order_id", "A-1"},
                                             {"transaction_id", transaction},
                                             {"amount", {{"cents", 6499}, {"currency", "EUR"}}}});
    CHECK(paid["metadata"]["large_payment"] == false);
    const std::string last = std::to_string(first["next_after"].get<std::int64_t>());

    finish(order_with("payment", {{"decline", true}}), 1);
    const json second = over_socket(sandbox, "GET", queue + last);
    CHECK(names_of(second) == std::vector<std::string>{"payment.failed"});
    CHECK(second["events"][0]["event"]["payload"]["payload"]["error_code"] == "PAYMENT_DECLINED");

    const json done = over_socket(sandbox, "POST", "/v1/domain_events/acknowledge",
                                  json{{"namespace", "shop"}, {"up_to", first["next_after"]}}.dump());
    CHECK(done["acknowledged"] == 3);
    CHECK(names_of(over_socket(sandbox, "GET", queue + "0")) == std::vector<std::string>{"payment.failed"});
    stop(*worker);
}

}  // namespace tasker::host::e2e
