#include <doctest/doctest.h>

#include <set>

#include "host/core/guarded.hpp"
#include "host/core/named_thread.hpp"
#include "tests/unit/engine/link_fixture.hpp"

using namespace tasker::host;
using namespace tasker::host::testing;
using namespace std::chrono_literals;

namespace {
using Events = std::vector<std::string>;
}

TEST_CASE("over the link: the engine knows its workers") {
    LinkFixture f;
    f.attach_client();
    REQUIRE(f.server->workers().size() == 1);
    const LinkedWorker worker = f.server->workers().front();
    CHECK(worker.worker_id == "w1");
    CHECK(worker.namespaces == std::vector<std::string>{"ns"});
    CHECK(worker.generation == 7);
    CHECK(worker.pid == getpid());
    CHECK(worker.connected);
    CHECK(f.runtime->stop() == 0);
    CHECK(eventually(10s, [&] { return f.server->workers().empty(); }));
}

TEST_CASE(
    "over the link: the newest generation that offered itself claims, the one before again when that has "
    "ended") {
    LinkFixture f;
    // Whose templates hold for new submissions: a worker that was overtaken does not bring the old ones back.
    Guarded<std::vector<std::size_t>> offered;
    f.link.on_catalog = [&](const std::vector<std::string>&, const std::vector<TaskTemplate>& all) {
        offered.with([&](auto& sizes) { sizes.push_back(all.size()); });
    };
    f.restart();
    const Capacity some{4, {{"ns", "ns.work", "", 1000}}};
    const std::vector<std::string> templates{linear_template().definition_json};
    auto old = f.connect("old", 7), fresh = f.connect("new", 8);
    REQUIRE(f.attached(*old));
    REQUIRE(f.attached(*fresh));
    old->offer_templates(templates);
    old->set_capacity(some);
    const auto claims = [&](EngineClient& who) {
        f.submit_single();
        std::vector<StepEvent> events;
        REQUIRE(eventually(10s, [&] { return !(events = who.poll_step_events(10)).empty(); }));
        return events.front();
    };
    const StepEvent running = claims(*old);
    // It stands by: nothing changes.
    fresh->set_capacity(some);
    PendingAnswer first(*old, claims(*old));
    CHECK(first.wait() == CompletionVerdict::Accepted);
    // The old one was not told to pause, and claims nothing all the same; what it runs is its own.
    fresh->offer_templates({templates[0], make_template("single", {{"a", {}}}).definition_json});
    for (int i = 0; i < 3; ++i) PendingAnswer(*fresh, claims(*fresh)).wait();
    CHECK(old->poll_step_events(10).empty());
    PendingAnswer late(*old, running);
    CHECK(late.wait() == CompletionVerdict::Accepted);
    old->offer_templates(templates);  // again, as after a lost connection
    old->set_capacity(some);
    PendingAnswer(*fresh, claims(*fresh)).wait();
    CHECK(old->poll_step_events(10).empty());
    CHECK(offered.with([](const auto& sizes) { return sizes; }) == std::vector<std::size_t>{1, 2});
    CHECK(fresh->stop() == 0);
    PendingAnswer back(*old, claims(*old));
    CHECK(back.wait() == CompletionVerdict::Accepted);
}

TEST_CASE("over the link: a lost connection loses nothing, runs nothing twice and charges nothing") {
    LinkFixture f;
    f.attach_client(50);
    std::vector<Uuid> tasks;
    for (int i = 0; i < 50; ++i) tasks.push_back(f.submit_single());
    REQUIRE(eventually(10s, [&] { return f.runtime->status().claimed == 50; }));
    auto running = f.runtime->poll_step_events(30);  // the other 20 wait in the client
    REQUIRE(running.size() == 30);
    std::vector<PendingAnswer> answers;
    for (int round = 0; round < 3; ++round) {
        f.server->disconnect_all();
        REQUIRE(eventually(10s, [&] { return !f.client->wait_attached(0); }));
        // Answered while there is no connection.
        for (int i = 0; i < 10; ++i)
            answers.emplace_back(*f.runtime, running[static_cast<std::size_t>(round * 10 + i)]);
        CHECK_FALSE(answers.back().given());
        CHECK(f.runtime->status().core_status == "unavailable");
        REQUIRE(f.all_back_attached());
    }
    auto rest = f.runtime->poll_step_events(100);
    CHECK(rest.size() == 20);
    for (const StepEvent& event : rest) answers.emplace_back(*f.runtime, event);
    for (const PendingAnswer& answer : answers) CHECK(answer.wait() == CompletionVerdict::Accepted);
    for (const Uuid& task : tasks) CHECK(f.history(task) == Events{"succeeded"});
    CHECK(f.runtime->poll_step_events(100).empty());
    CHECK(f.runtime->take_revocations().empty());
}

TEST_CASE("over the link: a result that is sent again is already recorded") {
    LinkFixture f;
    const Uuid session = f.uuids.next();
    const Uuid task = f.submit_single();
    auto first = std::make_unique<RawPeer>(f.peer(session));
    CHECK(first->hello(1).gone.empty());
    const RawMessage step = first->take(FrameType::Step);
    StepExecutionResult result;
    result.success = true;
    result.status = "completed";
    const auto sent = first->head(FrameType::Result, step.head.event, step.head.fence, 5);
    first->send_payload(sent, result);
    REQUIRE(first->verdict(5) == CompletionVerdict::Accepted);
    HeldClaim held{step.head.event, f.view(task).steps.at(0).step_uuid, step.head.fence, true};

    SUBCASE("over a second connection") {}
    SUBCASE("after a start of the engine") { f.restart(); }
    first.reset();
    RawPeer second = f.peer(session);
    CHECK(second.hello(1, {held}).gone == std::vector<Uuid>{held.event_id});
    second.send_payload(sent, result);
    CHECK(second.verdict(5) == CompletionVerdict::AlreadyRecorded);
    CHECK(f.history(task) == Events{"succeeded"});
}

TEST_CASE("over the link: what a worker does not list goes back uncharged, what it lists stays") {
    LinkFixture f;
    const Uuid session = f.uuids.next();
    const Uuid kept_task = f.submit_single();
    const Uuid lost_task = f.submit_single();
    auto first = std::make_unique<RawPeer>(f.peer(session));
    first->hello(2);
    const RawMessage kept = first->take(FrameType::Step);
    first->take(FrameType::Step);
    first.reset();
    RawPeer second = f.peer(session);
    const HeldClaim held{kept.head.event, f.view(kept_task).steps.at(0).step_uuid, kept.head.fence, true};
    CHECK(second.hello(0, {held}).gone.empty());
    CHECK(eventually(10s, [&] { return f.history(lost_task) == Events{"handed_back"}; }));
    CHECK(f.step(lost_task, "a").state == StepState::Enqueued);
    CHECK(f.step(lost_task, "a").attempts == 0);
    CHECK(f.step(kept_task, "a").state == StepState::InProgress);
    second.send_payload(second.head(FrameType::Result, held.event_id, held.fence + 1, 8),
                        StepExecutionResult{});
    CHECK_MESSAGE(second.verdict(8) == CompletionVerdict::Superseded, "under a fence that is not its own");
    StepExecutionResult result;
    result.success = true;
    result.status = "completed";
    second.send_payload(second.head(FrameType::Result, held.event_id, held.fence, 9), result);
    CHECK(second.verdict(9) == CompletionVerdict::Accepted);
}

TEST_CASE("over the link: a worker that does not come back in time has lost its steps") {
    LinkFixture f;
    const Uuid session = f.uuids.next();
    const Uuid task = f.submit_single();
    auto first = std::make_unique<RawPeer>(f.peer(session));
    first->hello(1);
    const RawMessage step = first->take(FrameType::Step);
    first->send_payload(first->head(FrameType::Started), std::vector<Uuid>{step.head.event});
    const HeldClaim held{step.head.event, f.view(task).steps.at(0).step_uuid, step.head.fence, true};
    first.reset();
    REQUIRE(f.nobody_attached());
    f.clock.advance(kWindowMs - 1);
    f.flush();
    CHECK(f.step(task, "a").state == StepState::InProgress);
    f.clock.advance(1);
    CHECK(eventually(10s, [&] { return f.server->workers().empty(); }));
    CHECK(f.step(task, "a").state == StepState::Enqueued);
    CHECK(f.step(task, "a").attempts == 0);

    RawPeer late = f.peer(session);
    CHECK(late.hello(0, {held}).gone == std::vector<Uuid>{held.event_id});
    late.send_payload(late.head(FrameType::Result, held.event_id, held.fence, 3), StepExecutionResult{});
    CHECK(late.verdict(3) == CompletionVerdict::Superseded);
}

TEST_CASE("over the link: steps that were handed out and not started go back when the worker drains") {
    LinkFixture f;
    f.attach_client(4);
    std::vector<Uuid> tasks;
    for (int i = 0; i < 4; ++i) tasks.push_back(f.submit_single());
    REQUIRE(eventually(10s, [&] { return f.runtime->status().claimed == 4; }));
    const auto running = f.runtime->poll_step_events(1);
    f.runtime->transition_to_graceful_shutdown();
    CHECK(f.runtime->poll_step_events(10).empty());
    CHECK(f.runtime->status().core_status == "draining");
    CHECK(eventually(10s, [&] {
        int ready = 0;
        for (const Uuid& task : tasks) ready += f.step(task, "a").state == StepState::Enqueued ? 1 : 0;
        return ready == 3;
    }));
    CHECK(f.succeed(running.front()) == CompletionVerdict::Accepted);
    for (const Uuid& task : tasks) CHECK(f.step(task, "a").attempts <= 1);
}

TEST_CASE("over the link: a step that never started has no deadline") {
    LinkFixture f;
    f.options.default_step_timeout_ms = 1000;
    f.restart();
    f.attach_client(2);
    const Uuid waiting = f.submit_single();
    REQUIRE(eventually(10s, [&] { return f.runtime->status().claimed == 1; }));
    f.clock.advance(100'000);
    f.flush();
    CHECK(f.step(waiting, "a").state == StepState::InProgress);
    const StepEvent event = f.next_event();
    // That it started is known once the engine was heard after it.
    CHECK(f.runtime->heartbeat(event.event_id));
    f.clock.advance(100'000);
    CHECK(eventually(10s, [&] { return f.history(waiting) == Events{"timed_out"}; }));
    std::vector<Revocation> revoked;
    CHECK(eventually(10s, [&] {
        revoked = f.runtime->take_revocations();
        return !revoked.empty();
    }));
    CHECK(revoked.front().event_id == event.event_id);
    CHECK(revoked.front().why == Revocation::Why::TimedOut);
}

TEST_CASE("over the link: texts of many frames, both ways") {
    LinkFixture f;
    f.attach_client();
    const std::string big = long_json(1'040'000);
    const Uuid task = f.submit(request("linear", big));
    for (const char* name : {"a", "b", "c", "d"}) {
        const StepEvent event = f.next_event();
        CHECK(event.task_sequence_step.workflow_step.name == name);
        CHECK(*event.task_sequence_step.task->context_json == big);
        REQUIRE(f.complete(event.event_id, success(event, big)) == CompletionVerdict::Accepted);
    }
    CHECK(f.view(task).state == TaskState::Complete);
}

TEST_CASE("over the link: a checkpoint that is asked for while the engine is away is saved when it is back") {
    LinkFixture f;
    f.attach_client(1);
    const Uuid task = f.submit_single();
    const StepEvent event = f.next_event();
    f.shut_down();
    REQUIRE(eventually(10s, [&] { return !f.client->wait_attached(0); }));
    std::atomic<int> saved{-1};
    NamedThread handler("handler", [&](const std::stop_token&) {
        saved = f.runtime->save_checkpoint(event.event_id, {"17", 3, ""}) ? 1 : 0;
    });
    f.start();
    REQUIRE(f.all_back_attached());
    CHECK(eventually(10s, [&] { return saved.load() == 1; }));
    handler.join();
    std::atomic<int> verdict{-1};
    f.runtime->yield_step_event(event.event_id, {"18", 4, ""},
                                [&](CompletionVerdict given) { verdict = static_cast<int>(given); });
    REQUIRE(eventually(10s, [&] { return verdict == static_cast<int>(CompletionVerdict::Accepted); }));
    const StepEvent again = f.next_event();
    REQUIRE(again.task_sequence_step.workflow_step.checkpoint_json);
    CHECK(again.task_sequence_step.workflow_step.checkpoint_json->find("17") != std::string::npos);
    CHECK(f.succeed(again) == CompletionVerdict::Accepted);
    CHECK(f.history(task) == Events{"yielded", "succeeded"});
}

TEST_CASE("over the link: an engine that is away fails a checkpoint once the patience is over") {
    LinkFixture f;
    f.attach_client(1);
    f.submit_single();
    const StepEvent event = f.next_event();
    f.shut_down();
    REQUIRE(eventually(10s, [&] { return !f.client->wait_attached(0); }));
    f.clock.advance(kWindowMs);
    CHECK_THROWS_AS(f.runtime->save_checkpoint(event.event_id, {"17", 3, ""}), StoreUnavailable);
    CHECK(f.runtime->stop() == 1);
}

TEST_CASE("over the link: templates of a worker reach the engine, again after its start") {
    LinkFixture f;
    Guarded<std::vector<std::string>> seen;
    f.link.on_catalog = [&](const std::vector<std::string>& namespaces, std::vector<TaskTemplate> templates) {
        seen.with([&](auto& names) {
            for (const TaskTemplate& each : templates) names.push_back(namespaces.at(0) + ": " + each.id());
        });
    };
    f.restart();
    EngineClient& client = f.attach_client();
    const auto count = [&] { return seen.with([](const auto& names) { return names.size(); }); };
    client.offer_templates({linear_template().definition_json});
    REQUIRE(eventually(10s, [&] { return count() == 1; }));
    f.restart();
    REQUIRE(f.all_back_attached());
    REQUIRE(eventually(10s, [&] { return count() == 2; }));
    CHECK(seen.with([](const auto& names) { return names; }) ==
          std::vector<std::string>{"ns: ns/linear/1.0.0", "ns: ns/linear/1.0.0"});
    f.runtime.reset();
    f.shut_down();
}
