// Cases of the embedded engine: registration, priorities, time-outs, identity strategies, pinned templates.

#include <algorithm>
#include <atomic>
#include <future>
#include <string>
#include <vector>

#include "host/model/retry.hpp"
#include "host/model/template_merge.hpp"
#include "host/model/wire.hpp"
#include "host/templates/template_loader.hpp"
#include "tests/conformance/embedded_deployment.hpp"
#include "tests/conformance/runtime_suite.hpp"
#include "tests/support/eventually.hpp"
#include "tests/support/temp_dir.hpp"

namespace tasker::host::conformance {

using namespace std::chrono_literals;

namespace {

EmbeddedDeployment& embedded(World& world) { return static_cast<EmbeddedDeployment&>(world.deployment()); }

std::string yaml(const std::string& steps) {
    return "name: t\nnamespace_name: conformance\nversion: 1.0.0\nsteps:\n" + steps;
}
std::string step_yaml(const std::string& name, const std::string& dependencies) {
    return "  - name: " + name + "\n    handler:\n      callable: work\n    dependencies: [" + dependencies +
           "]\n";
}

// Whether the loader refuses the steps with a message that holds all of these.
void check_refused(const std::string& steps, const std::vector<std::string>& parts) {
    const LoadedTemplates loaded = parse_template(yaml(steps), "t.yaml", {});
    CHECK(loaded.has_errors());
    CHECK(loaded.catalog.all().empty());
    std::string all;
    for (const Diagnostic& diagnostic : loaded.diagnostics) all += diagnostic.str() + "\n";
    for (const std::string& part : parts) {
        CAPTURE(all);
        CAPTURE(part);
        CHECK(all.find(part) != std::string::npos);
    }
}

void restart(World& world) {
    world.detach();
    embedded(world).restart();
    world.attach("next-worker", capacity(100));
}

WorldOptions timeouts(std::int64_t default_ms) {
    WorldOptions options;
    options.deployment.default_step_timeout_ms = default_ms;
    return options;
}

}  // namespace

TEST_CASE(
    "E11: a cycle, a self-dependency, an unknown dependency and a duplicate name are refused with the path "
    "named") {
    check_refused(step_yaml("a", "c") + step_yaml("b", "a") + step_yaml("c", "b"),
                  {"t.yaml:", "a -> ", "CYCLE_DETECTED"});
    check_refused(step_yaml("a", "a"), {"t.yaml:8", "'a' depends on itself"});
    check_refused(step_yaml("alpha", "") + step_yaml("b", "alhpa"), {"t.yaml:12", "'alhpa'", "'alpha'"});
    check_refused(step_yaml("a", "") + step_yaml("a", ""), {"t.yaml:", "'a'"});
}

TEST_CASE("E11: a sound template of the same shape is accepted") {
    CHECK_FALSE(parse_template(yaml(step_yaml("a", "") + step_yaml("b", "a")), "t.yaml", {}).has_errors());
}

// A gate on the writer: the callback of one result holds it while the next two arrive, so that they share a transaction.
TEST_CASE("E2: both parents of a join completed in one transaction enqueue it once") {
    World world({diamond(), graph("single", {{"only", {}}})});
    const Uuid task = world.submit("diamond");
    world.pass("a");
    const StepEvent b = world.take("b");
    const StepEvent c = world.take("c");
    world.submit("single");
    const StepEvent gate = world.take("only");
    std::promise<void> held, open;
    world.runtime().complete_step_event(gate.event_id, success(gate), [&](CompletionVerdict) {
        held.set_value();
        open.get_future().wait();
    });
    held.get_future().wait();
    std::atomic<int> accepted = 0;
    const auto count = [&](CompletionVerdict verdict) {
        accepted += verdict == CompletionVerdict::Accepted ? 1 : 0;
    };
    world.runtime().complete_step_event(b.event_id, success(b), count);
    world.runtime().complete_step_event(c.event_id, success(c), count);
    world.runtime().complete_step_event(c.event_id, success(c), count);  // E4: the same twice in that batch
    open.set_value();
    const StepEvent d = world.take("d");
    CHECK(world.quiet());
    CHECK(world.step(task, "d").attempts == 1);
    CHECK(world.step(task, "d").completed_parents == 2);
    CHECK(accepted == 2);
    world.succeed(d);
    CHECK(world.state(task) == TaskState::Complete);
}

TEST_CASE("E68: a submission that is only checked stores nothing") {
    World world({graph("single", {{"only", {}}}, {.identity = "strict"})});
    const TaskRequest wanted = world.request("single");
    CHECK_FALSE(world.client().check(wanted).has_value());
    CHECK_FALSE(world.client().check(wanted).has_value());
    CHECK(world.client().list({}).total == 0);
    world.submit(wanted);
    CHECK(world.client().check(wanted).value().why == Refusal::Duplicate);
    TaskRequest wrong = world.request("single");
    wrong.context_json = "[]";
    CHECK(world.client().check(wrong).value().why == Refusal::Invalid);
    wrong.name = "absent";
    CHECK(world.client().check(wrong).value().why == Refusal::NotFound);
    CHECK(world.client().list({}).total == 1);
}

TEST_CASE("E13: a higher priority is claimed first, equal priorities in the order of submission") {
    World world({graph("single", {{"only"}})}, {.capacity = capacity(0)});
    std::vector<Uuid> tasks;
    for (const int priority : {0, 10, 0, 10, -5, 10}) {
        TaskRequest request = world.request("single");
        request.priority = priority;
        tasks.push_back(world.submit(request));
    }
    // One at a time, so that the claim order shows.
    world.runtime().set_capacity(capacity(1));
    std::vector<Uuid> order;
    for (std::size_t i = 0; i < tasks.size(); ++i) {
        const StepEvent event = world.take("only");
        order.push_back(event.task_uuid);
        world.succeed(event);
    }
    CHECK(order == std::vector<Uuid>{tasks[1], tasks[3], tasks[5], tasks[0], tasks[2], tasks[4]});
}

TEST_CASE("E18: an envelope without metadata.retryable counts as permanent, whatever its error says") {
    const EnvelopeSummary silent = summarise_envelope(
        R"({"success":false,"status":"failed","result":{},"metadata":{},"error":{"message":"m","retryable":true}})");
    CHECK_FALSE(silent.metadata_retryable);
}

TEST_CASE("E19: a step that the template calls not retryable fails for good at a retryable failure") {
    World world({graph("single", {{"only", {}, R"({"retryable":false,"max_attempts":5})"}})});
    const Uuid task = world.submit("single");
    world.fail(world.take("only"));
    CHECK(world.step(task, "only").state == StepState::Error);
    CHECK(world.state(task) == TaskState::BlockedByFailures);
}

TEST_CASE("E22: linear, fibonacci and none give their own delays, capped by the template") {
    const auto delays = [](const std::string& retry) {
        World world({graph("single", {{"only", {}, retry}})});
        const Uuid task = world.submit("single");
        std::vector<std::int64_t> out;
        for (int attempt = 1; attempt <= 5; ++attempt) {
            world.fail(world.take("only"));
            out.push_back(world.delay_of(task, "only"));
            world.advance(out.back());
        }
        return out;
    };
    using Delays = std::vector<std::int64_t>;
    CHECK(delays(R"({"max_attempts":9,"backoff":"linear","backoff_base_ms":500})") ==
          Delays{500, 1000, 1500, 2000, 2500});
    CHECK(delays(R"({"max_attempts":9,"backoff":"fibonacci","backoff_base_ms":500})") ==
          Delays{500, 1000, 1500, 2500, 4000});
    CHECK(
        delays(R"({"max_attempts":9,"backoff":"exponential","backoff_base_ms":100,"max_backoff_ms":1000})") ==
        Delays{200, 400, 800, 1000, 1000});
}

TEST_CASE("E22: without backoff the retry comes at once") {
    World world({graph("single", {{"only", {}, R"({"max_attempts":3,"backoff":"none"})"}})});
    const Uuid task = world.submit("single");
    world.fail(world.take("only"));
    world.fail(world.take("only"));
    world.pass("only");
    CHECK(world.state(task) == TaskState::Complete);
    CHECK(world.step(task, "only").attempts == 3);
}

TEST_CASE("E22: a step without a retry section is capped at thirty seconds") {
    CHECK(RetryPolicy{}.max_ms == 30'000);
    World world({graph("single", {{"only"}})});
    const Uuid task = world.submit("single");
    for (int attempt = 1; attempt <= 2; ++attempt) {
        world.fail(world.take("only"));
        CHECK(world.delay_of(task, "only") == (attempt == 1 ? 2000 : 4000));
        world.advance(world.delay_of(task, "only"));
    }
}

TEST_CASE("E23: the Retry-After header may be seconds or a date, in the future and at most an hour") {
    const std::int64_t now = 1'790'000'000'000;  // Mon, 21 Sep 2026 14:13:20 GMT
    CHECK(retry_after_ms("7", now) == 7000);
    CHECK(retry_after_ms("99999", now) == 3'600'000);
    CHECK(retry_after_ms("Mon, 21 Sep 2026 14:14:20 GMT", now) == 60'000);
    CHECK_FALSE(retry_after_ms("Mon, 21 Sep 2026 14:12:20 GMT", now).has_value());
    CHECK_FALSE(retry_after_ms("soon", now).has_value());
    CHECK_FALSE(retry_after_ms("-7", now).has_value());
}

TEST_CASE(
    "E28: the engine fails a step whose worker says nothing at the deadline and its backstop, not before") {
    World world({graph("single", {{"only", {}, {}, kCallable, R"("timeout_seconds":5)"}})});
    const Uuid task = world.submit("single");
    const StepEvent event = world.take("only");
    CHECK(event.timeout_ms == 5000);
    world.advance(19'999);
    CHECK(world.quiet());
    CHECK(world.step(task, "only").state == StepState::InProgress);
    world.advance(1);
    CHECK(testing::eventually(10s,
                              [&] { return world.step(task, "only").state == StepState::WaitingForRetry; }));
    const std::string envelope = world.step(task, "only").results_json;
    CHECK(envelope.find(R"("error_type":"handler_timeout")") != std::string::npos);
    CHECK(envelope.find(R"("error_code":"HANDLER_TIMEOUT")") != std::string::npos);
    CHECK(envelope.find(R"("retryable":true)") != std::string::npos);
    std::vector<Revocation> revocations = world.runtime().take_revocations();
    REQUIRE(revocations.size() == 1);
    CHECK(revocations[0].why == Revocation::Why::TimedOut);
    CHECK(revocations[0].event_id == event.event_id);
    CHECK(world.answer(event, success(event)) == CompletionVerdict::Superseded);
    CHECK(world.step(task, "only").attempts == 1);
    world.advance(world.delay_of(task, "only"));
    world.pass("only");
    CHECK(world.state(task) == TaskState::Complete);
}

TEST_CASE("E28: a step without timeout_seconds has the default, and none at all when that is 0") {
    World limited({graph("single", {{"only"}})}, timeouts(7000));
    static_cast<void>(limited.submit("single"));
    CHECK(limited.take("only").timeout_ms == 7000);
    World unlimited({graph("single", {{"only"}})}, timeouts(0));
    const Uuid task = unlimited.submit("single");
    CHECK(unlimited.take("only").timeout_ms == 0);
    unlimited.advance(80'000'000);
    CHECK(unlimited.quiet());
    CHECK(unlimited.step(task, "only").state == StepState::InProgress);
}

TEST_CASE("E28: heartbeats keep a step alive past its timeout, and silence after them ends it") {
    World world({graph("single", {{"only", {}, {}, kCallable, R"("timeout_seconds":5)"}})});
    const Uuid task = world.submit("single");
    const StepEvent event = world.take("only");
    for (int i = 0; i < 15; ++i) {
        world.advance(4000);
        CHECK(world.runtime().heartbeat(event.event_id));
    }
    CHECK(world.quiet());
    CHECK(world.step(task, "only").state == StepState::InProgress);
    world.advance(20'000);
    CHECK(testing::eventually(10s,
                              [&] { return world.step(task, "only").state == StepState::WaitingForRetry; }));
    CHECK_FALSE(world.runtime().heartbeat(event.event_id));
}

TEST_CASE("E29: a callable that nobody offers for a day fails its step") {
    World world({graph("foreign", {{"theirs", {}, {}, "nobody.offers_this"}})});
    const Uuid task = world.submit("foreign");
    CHECK(world.quiet());
    world.advance(86'399'000);
    CHECK(world.quiet());
    CHECK(world.step(task, "theirs").state == StepState::Enqueued);
    world.advance(2000);
    CHECK(testing::eventually(10s, [&] { return world.step(task, "theirs").state != StepState::Enqueued; }));
    const std::string envelope = world.step(task, "theirs").results_json;
    CHECK(envelope.find("Handler not found: nobody.offers_this") != std::string::npos);
    CHECK(envelope.find("HANDLER_NOT_FOUND") != std::string::npos);
}

TEST_CASE("E30: the retry of a blocked task does not come") {
    // Un-blocking needs the manual step actions, which no client offers yet.
    World world({graph("pair", {{"flaky"}, {"bad", {}, attempts(1)}})});
    const Uuid task = world.submit("pair");
    world.fail(world.take("flaky"));
    world.fail(world.take("bad"));
    CHECK(world.state(task) == TaskState::BlockedByFailures);
    world.advance(3'600'000);
    CHECK(world.quiet());
    CHECK(world.step(task, "flaky").state == StepState::WaitingForRetry);
    restart(world);
    world.advance(3'600'000);
    CHECK(world.quiet());
    CHECK(world.step(task, "flaky").state == StepState::WaitingForRetry);
}

TEST_CASE("E59: an idempotency key beats the context and is its template's own") {
    World world({graph("single", {{"only"}}, {.identity = "strict"}),
                 graph("other", {{"only"}}, {.identity = "strict"}),
                 graph("single", {{"only"}}, {.version = "2.0.0", .identity = "strict"})});
    TaskRequest request = world.request("single");
    const Uuid first = world.submit(request);
    request.idempotency_key = "order-7";
    const Uuid keyed = world.submit(request);
    CHECK(keyed != first);
    CHECK(world.refused(request).why == Refusal::Duplicate);
    TaskRequest other_context = world.request("single");
    other_context.idempotency_key = "order-7";
    CHECK(world.refused(other_context).why == Refusal::Duplicate);
    TaskRequest elsewhere = world.request("other");
    elsewhere.idempotency_key = "order-7";
    static_cast<void>(world.submit(elsewhere));
    TaskRequest next_version = request;
    next_version.version = "2.0.0";
    static_cast<void>(world.submit(next_version));
    CHECK(world.client().find_by_idempotency_key(kNamespace, "single", "1.0.0", "order-7") == keyed);
    CHECK_FALSE(world.client().find_by_idempotency_key(kNamespace, "single", "1.0.0", "order-8").has_value());
}

TEST_CASE("E60: always_unique takes the same context twice, unless a key says otherwise") {
    World world({graph("single", {{"only"}}, {.identity = "always_unique"})});
    TaskRequest request = world.request("single");
    CHECK(world.submit(request) != world.submit(request));
    request.idempotency_key = "k";
    static_cast<void>(world.submit(request));
    CHECK(world.refused(request).why == Refusal::Duplicate);
}

TEST_CASE("E60: caller_provided needs a key") {
    World world({graph("single", {{"only"}}, {.identity = "caller_provided"})});
    TaskRequest request = world.request("single");
    const Refused refused = world.refused(request);
    CHECK(refused.why == Refusal::Invalid);
    CHECK((refused.message + refused.hint).find("key") != std::string::npos);
    request.idempotency_key = "k";
    static_cast<void>(world.submit(request));
    CHECK(world.refused(request).why == Refusal::Duplicate);
}

TEST_CASE("E63: duplicates are known after the store was opened again") {
    World world({graph("single", {{"only"}}, {.identity = "strict"})});
    const TaskRequest request = world.request("single");
    const Uuid task = world.submit(request);
    restart(world);
    CHECK(world.refused(request).why == Refusal::Duplicate);
    CHECK(world.state(task) == TaskState::StepsInProcess);
}

TEST_CASE("E65: a task runs the definition it was submitted with, new ones the new definition") {
    World world({graph("changing", {{"a"}, {"b", {"a"}}, {"c", {"b"}}})});
    const Uuid old_task = world.submit("changing");
    world.deployment().set_templates({graph("changing", {{"x"}}), graph("canary", {{"canary"}})});
    const Uuid new_task = world.submit("changing");
    world.pass("x");
    CHECK(world.state(new_task) == TaskState::Complete);
    world.pass("a");
    // Also when the definition has to be read back.
    restart(world);
    world.pass("b");
    world.pass("c");
    CHECK(world.state(old_task) == TaskState::Complete);
    CHECK(world.task(old_task).total_steps == 3);
    CHECK(world.task(new_task).total_steps == 1);
}

TEST_CASE(
    "E66: a template file that became broken is reported, its old definition stays current, and what runs "
    "goes on") {
    testing::TempDir folder;
    folder.write("good.yaml",
                 "name: good\nnamespace_name: conformance\nversion: 1.0.0\nsteps:\n" + step_yaml("only", ""));
    folder.write("other.yaml", "name: other\nnamespace_name: conformance\nversion: 1.0.0\nsteps:\n" +
                                   step_yaml("mine", ""));
    const LoadedTemplates before = load_templates({folder.path()}, {});
    REQUIRE_FALSE(before.has_errors());
    World world(std::vector<TaskTemplate>{});
    EmbeddedDeployment& deployment = embedded(world);
    deployment.engine().set_catalog(std::make_shared<const TemplateCatalog>(before.catalog));
    const Uuid task = world.submit("good");

    folder.write("good.yaml", "name: good\nsteps: [\n");
    const LoadedTemplates after = load_templates({folder.path()}, {});
    CHECK(after.has_errors());
    CHECK(after.failed == 1);
    const bool named =
        std::any_of(after.diagnostics.begin(), after.diagnostics.end(), [](const Diagnostic& diagnostic) {
            return diagnostic.severity == Severity::Error &&
                   diagnostic.str().find("good.yaml:") != std::string::npos;
        });
    CHECK(named);
    CHECK(after.catalog.all().size() == 1);
    // As a worker does when it reads them again: the old definition stays current while its file is broken.
    const TemplateChanges merged =
        merged_templates(before.catalog, after.catalog, [](const auto&) { return false; });
    CHECK(merged.kept == std::vector<std::string>{"conformance/good/1.0.0"});
    deployment.engine().set_catalog(std::make_shared<const TemplateCatalog>(merged.catalog));
    const Uuid again = world.submit("good");
    static_cast<void>(world.submit("other"));
    world.pass("only");
    world.pass("only");
    CHECK(world.state(task) == TaskState::Complete);
    CHECK(world.state(again) == TaskState::Complete);
}

TEST_CASE("E: a step that was claimed and not polled for ten seconds is told as starving") {
    World world({graph("single", {{"only"}})});
    static_cast<void>(world.submit("single"));
    REQUIRE(testing::eventually(10s, [&] { return world.runtime().status().claimed == 1; }));
    CHECK(world.runtime().check_starvation_warnings().starving.empty());
    CHECK(world.runtime().check_starvation_warnings().pending == 1);
    world.advance(10'001);
    const StarvationReport report = world.runtime().check_starvation_warnings();
    REQUIRE(report.starving.size() == 1);
    CHECK(report.oldest_pending_ms >= 10'000);
    CHECK(world.take("only").event_id == report.starving[0]);
    CHECK(world.runtime().check_starvation_warnings().pending == 0);
}

TEST_CASE("E: the engine's own check finds nothing wrong after a mixed run") {
    World world({diamond(), graph("single", {{"only"}})});
    const Uuid whole = world.submit("diamond");
    static_cast<void>(world.run_to_end(whole));
    const Uuid failed = world.submit("single");
    world.fail(world.take("only"), {.retryable = false});
    const Uuid waiting = world.submit("single");
    world.fail(world.take("only"));
    const Uuid cancelled = world.submit("diamond");
    static_cast<void>(world.take("a"));
    static_cast<void>(world.client().cancel(cancelled));
    CHECK(embedded(world).engine().check().empty());
    const StoreInfo info = embedded(world).engine().info();
    CHECK(info.tasks == 4);
    CHECK(info.open_tasks == 2);
    CHECK(info.waiting_steps == 1);
    CHECK(world.state(failed) == TaskState::BlockedByFailures);
    CHECK(world.state(waiting) == TaskState::WaitingForDependencies);
}

}  // namespace tasker::host::conformance
