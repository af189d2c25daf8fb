// Cases 58-63 and 67: submission, identity, limits.

#include <string>
#include <variant>
#include <vector>

#include "tests/conformance/runtime_suite.hpp"

namespace tasker::host::conformance {

namespace {

TaskTemplate strict(const std::string& name) { return graph(name, {{"only"}}, {.identity = "strict"}); }

TaskRequest with_context(const World& world, const std::string& name, std::string context) {
    TaskRequest request = world.request(name);
    request.context_json = std::move(context);
    return request;
}

std::int64_t stored_tasks(World& world) { return world.client().list({}).total; }

}  // namespace

TEST_CASE(
    "S58: the same context with its keys in another order is a duplicate, and its task is not revealed") {
    World world({strict("single")});
    const Uuid first = world.submit(with_context(world, "single", R"({"a":1,"b":{"c":2,"d":[1,2]}})"));
    const Refused refused =
        world.refused(with_context(world, "single", R"({ "b": {"d":[1,2], "c":2}, "a":1 })"));
    CHECK(refused.why == Refusal::Duplicate);
    CHECK(refused.message.find(first.str()) == std::string::npos);
    CHECK(refused.hint.find(first.str()) == std::string::npos);
    CHECK(stored_tasks(world) == 1);
}

TEST_CASE("S58: a context that differs in a value, or in the order of a list, is another task") {
    World world({strict("single")});
    static_cast<void>(world.submit(with_context(world, "single", R"({"a":[1,2]})")));
    static_cast<void>(world.submit(with_context(world, "single", R"({"a":[2,1]})")));
    static_cast<void>(world.submit(with_context(world, "single", R"({"a":[1,2,3]})")));
    CHECK(stored_tasks(world) == 3);
}

TEST_CASE("S58: the same context for another template is another task") {
    World world({strict("single"), strict("other")});
    static_cast<void>(world.submit(with_context(world, "single", R"({"a":1})")));
    static_cast<void>(world.submit(with_context(world, "other", R"({"a":1})")));
    CHECK(stored_tasks(world) == 2);
}

TEST_CASE("S61: an unknown version, name or namespace is not found, and no other version is taken instead") {
    World world({linear4()});
    TaskRequest request = world.request("linear");
    request.version = "1.0.1";
    const Refused refused = world.refused(request);
    CHECK(refused.why == Refusal::NotFound);
    CHECK(refused.message.find("1.0.1") != std::string::npos);
    CHECK(world.refused(world.request("linaer")).why == Refusal::NotFound);
    request = world.request("linear");
    request.namespace_name = "elsewhere";
    CHECK(world.refused(request).why == Refusal::NotFound);
    CHECK(stored_tasks(world) == 0);
}

TEST_CASE("S61: empty name, namespace or version is invalid") {
    World world({linear4()});
    for (auto member : {&TaskRequest::name, &TaskRequest::namespace_name, &TaskRequest::version}) {
        TaskRequest request = world.request("linear");
        request.*member = "";
        CHECK(world.refused(request).why == Refusal::Invalid);
    }
    CHECK(stored_tasks(world) == 0);
}

TEST_CASE("S62: a context outside of the limits is refused and nothing is stored") {
    World world({linear4()});
    std::string deep = "1", many_keys, long_list = "[1";
    for (int i = 0; i < 11; ++i) deep = "{\"d\":" + deep + "}";
    for (int i = 0; i < 1001; ++i) many_keys += (i == 0 ? "{" : ",") + quoted("k" + std::to_string(i)) + ":1";
    for (int i = 0; i < 1000; ++i) long_list += ",1";
    std::string megabyte = "{\"k\":[";
    for (int i = 0; i < 120; ++i) megabyte += (i == 0 ? "" : ",") + quoted(std::string(9000, 'x'));
    const std::vector<std::pair<std::string, std::string>> contexts{
        {"a list", "[1]"},
        {"a string", "\"text\""},
        {"null", "null"},
        {"not JSON", "{\"a\":"},
        {"nothing", ""},
        {"depth 11", deep},
        {"1001 keys", many_keys + "}"},
        {"1001 items", "{\"a\":" + long_list + "]}"},
        {"over 1 MiB", megabyte + "]}"},
        {"a string of 10001 bytes", "{\"a\":\"" + std::string(10'001, 'x') + "\"}"},
        {"a key of 10001 bytes", "{\"" + std::string(10'001, 'x') + "\":1}"},
        {"a NUL character", "{\"a\":\"\\u0000\"}"},
        {"bad UTF-8", "{\"a\":\"\xff\"}"},
    };
    for (const auto& [what, context] : contexts) {
        CAPTURE(what);
        CHECK(world.refused(with_context(world, "linear", context)).why == Refusal::Invalid);
    }
    CHECK(stored_tasks(world) == 0);
}

TEST_CASE("S62: a context exactly at the limits is accepted") {
    World world({linear4()});
    std::string deep = "1", keys;
    for (int i = 0; i < 9; ++i) deep = "{\"d\":" + deep + "}";
    for (int i = 0; i < 1000; ++i) keys += (i == 0 ? "{" : ",") + quoted("k" + std::to_string(i)) + ":1";
    static_cast<void>(world.submit(with_context(world, "linear", deep)));
    static_cast<void>(world.submit(with_context(world, "linear", keys + "}")));
    static_cast<void>(
        world.submit(with_context(world, "linear", "{\"a\":\"" + std::string(10'000, 'x') + "\"}")));
    CHECK(stored_tasks(world) == 3);
}

TEST_CASE("S63: a duplicate of a finished task is still a duplicate") {
    World world({strict("single")});
    const Uuid task = world.submit(with_context(world, "single", R"({"a":1})"));
    world.pass("only");
    CHECK(world.state(task) == TaskState::Complete);
    CHECK(world.refused(with_context(world, "single", R"({"a":1})")).why == Refusal::Duplicate);
}

TEST_CASE("S63: a duplicate of a cancelled task, and of a failed one, is still a duplicate") {
    World world({strict("single")});
    const Uuid cancelled = world.submit(with_context(world, "single", R"({"a":1})"));
    CHECK_FALSE(world.client().cancel(cancelled).has_value());
    CHECK(world.refused(with_context(world, "single", R"({"a":1})")).why == Refusal::Duplicate);
    const Uuid failed = world.submit(with_context(world, "single", R"({"a":2})"));
    StepEvent event = world.take("only");
    while (event.task_uuid != failed) event = world.take("only");
    world.fail(event, {.retryable = false});
    CHECK(world.refused(with_context(world, "single", R"({"a":2})")).why == Refusal::Duplicate);
}

TEST_CASE("S67: correlation ids reach the handler, the task document and the audit") {
    World world({linear4()});
    TaskRequest request = world.request("linear");
    request.correlation_id = Uuid::parse("0192f000-1111-7222-8333-444455556666");
    request.parent_correlation_id = Uuid::parse("0192f000-aaaa-7bbb-8ccc-ddddeeeeffff");
    const Uuid task = world.submit(request);
    const StepEvent event = world.take("a");
    CHECK(event.correlation_id == *request.correlation_id);
    CHECK(event.task_sequence_step.task->correlation_id == *request.correlation_id);
    CHECK(event.task_sequence_step.task->parent_correlation_id == request.parent_correlation_id);
    world.succeed(event);
    CHECK(world.task(task).correlation_id == *request.correlation_id);
    CHECK(world.task(task).parent_correlation_id == request.parent_correlation_id);
    const auto audit = world.client().step_audit(task, event.step_uuid);
    REQUIRE_FALSE(audit.empty());
    for (const StepAuditRecord& record : audit) CHECK(record.correlation_id == request.correlation_id->str());
}

TEST_CASE("S67: a task that names no correlation id gets its own") {
    World world({linear4()});
    const Uuid one = world.submit("linear");
    const Uuid two = world.submit("linear");
    CHECK_FALSE(world.task(one).correlation_id.is_nil());
    CHECK(world.task(one).correlation_id != world.task(two).correlation_id);
    CHECK_FALSE(world.task(one).parent_correlation_id.has_value());
}

TEST_CASE("S: what was submitted is what the handler and the task document tell") {
    World world({linear4()});
    TaskRequest request = world.request("linear");
    request.context_json = R"({"text":"ünïcode \" quoted","list":[1,2.5,null,true]})";
    request.priority = 7;
    request.tags = {"one", "two"};
    const Uuid task = world.submit(request);
    const StepEvent event = world.take("a");
    const TaskInfo& told = *event.task_sequence_step.task;
    CHECK(*told.context_json == request.context_json);
    CHECK(told.priority == 7);
    CHECK(told.initiator == "conformance");
    CHECK(told.source_system == "suite");
    CHECK(told.reason == "a case");
    CHECK(told.tags_json == R"(["one","two"])");
    const TaskView view = world.task(task);
    CHECK(view.context_json == request.context_json);
    CHECK(view.priority == 7);
    CHECK(view.namespace_name == kNamespace);
    CHECK(view.version == "1.0.0");
}

TEST_CASE("S: one bad request of a batch does not touch the others") {
    World world({linear4(), strict("single")});
    std::vector<TaskRequest> requests{world.request("linear"),
                                      world.request("nowhere"),
                                      with_context(world, "single", R"({"a":1})"),
                                      with_context(world, "single", R"({"a":1})"),
                                      with_context(world, "linear", "[]"),
                                      world.request("linear")};
    const auto outcomes = world.client().create_batch(requests);
    REQUIRE(outcomes.size() == requests.size());
    CHECK(std::holds_alternative<Uuid>(outcomes[0]));
    REQUIRE(std::holds_alternative<Refused>(outcomes[1]));
    CHECK(std::get<Refused>(outcomes[1]).why == Refusal::NotFound);
    CHECK(std::holds_alternative<Uuid>(outcomes[2]));
    REQUIRE(std::holds_alternative<Refused>(outcomes[3]));
    CHECK(std::get<Refused>(outcomes[3]).why == Refusal::Duplicate);
    REQUIRE(std::holds_alternative<Refused>(outcomes[4]));
    CHECK(std::get<Refused>(outcomes[4]).why == Refusal::Invalid);
    REQUIRE(std::holds_alternative<Uuid>(outcomes[5]));
    CHECK(std::get<Uuid>(outcomes[0]) != std::get<Uuid>(outcomes[5]));
    CHECK(stored_tasks(world) == 3);
}

TEST_CASE("S: lists are newest first, paged, and filtered by state") {
    World world({linear4()}, {.capacity = capacity(0)});
    std::vector<Uuid> tasks;
    for (int i = 0; i < 5; ++i) {
        tasks.push_back(world.submit("linear"));
        world.advance(10);
    }
    static_cast<void>(world.client().cancel(tasks[1]));
    TaskFilter filter;
    filter.per_page = 2;
    const TaskPage first = world.client().list(filter);
    CHECK(first.total == 5);
    REQUIRE(first.tasks.size() == 2);
    CHECK(first.tasks[0].task_uuid == tasks[4]);
    CHECK(first.tasks[1].task_uuid == tasks[3]);
    filter.page = 3;
    const TaskPage last = world.client().list(filter);
    REQUIRE(last.tasks.size() == 1);
    CHECK(last.tasks[0].task_uuid == tasks[0]);
    TaskFilter cancelled;
    cancelled.state = TaskState::Cancelled;
    const TaskPage only = world.client().list(cancelled);
    REQUIRE(only.tasks.size() == 1);
    CHECK(only.tasks[0].task_uuid == tasks[1]);
    TaskFilter open;
    open.only_open = true;
    CHECK(world.client().list(open).total == 4);
    TaskFilter elsewhere;
    elsewhere.namespace_name = "elsewhere";
    CHECK(world.client().list(elsewhere).total == 0);
}

TEST_CASE("S: an unknown task is nothing, and has no audit") {
    World world({linear4()});
    const Uuid unknown = *Uuid::parse("0192f000-1111-7222-8333-444455556666");
    CHECK_FALSE(world.client().get(unknown).has_value());
    CHECK(world.client().step_audit(unknown, unknown).empty());
    const auto refused = world.client().cancel(unknown);
    REQUIRE(refused.has_value());
    CHECK(refused->why == Refusal::NotFound);
}

}  // namespace tasker::host::conformance
