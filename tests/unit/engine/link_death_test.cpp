// What a SIGKILL leaves: of the worker's process, of the engine's.

#include <doctest/doctest.h>

#include <csignal>

#include "tests/support/child_process.hpp"
#include "tests/unit/engine/link_fixture.hpp"

using namespace tasker::host;
using namespace tasker::host::testing;
using namespace std::chrono_literals;

namespace {
using Events = std::vector<std::string>;

ChildOptions victim(std::vector<std::string> arguments) {
    ChildOptions options;
    options.argv = {TASKER_BINARY_DIR "/tests/link_victim"};
    options.argv.insert(options.argv.end(), arguments.begin(), arguments.end());
    return options;
}
}  // namespace

TEST_CASE("over the link: the death of a worker's process returns its steps at once, uncharged") {
    LinkFixture f;
    std::vector<Uuid> tasks;
    for (int i = 0; i < 5; ++i) tasks.push_back(f.submit_single());
    ChildProcess worker(victim({"worker", f.link.socket.string(), "5"}));
    REQUIRE_MESSAGE(worker.wait_for_out("running", 60s), worker.err());
    REQUIRE(f.server->workers().size() == 1);
    CHECK(f.server->workers().front().pid == worker.pid());

    // Nobody takes over a session of another process.
    RawPeer thief = f.peer(f.server->workers().front().session_uuid);
    thief.send_payload(thief.head(FrameType::Hello), RawPeer::hello_message(0));
    CHECK(refused_from(thief.take(FrameType::Refused).payload).code == RefusalCode::Session);

    worker.signal(SIGKILL);
    REQUIRE(worker.wait(30s) == ExitStatus{-1, SIGKILL});
    // The clock stands still: this is not the window's end.
    REQUIRE(eventually(30s, [&] { return f.server->workers().empty(); }));
    f.attach_client(10);
    for (const StepEvent& event : f.next_events(5)) {
        CHECK(event.task_sequence_step.workflow_step.attempts == 0);
        CHECK(f.succeed(event) == CompletionVerdict::Accepted);
    }
    for (const Uuid& task : tasks) {
        CHECK(f.history(task) == Events{"worker_lost", "succeeded"});
        CHECK(f.step(task, "a").attempts == 1);
    }
}

TEST_CASE("over the link: a worker that crashed tells by its flight recorder in which step") {
    LinkFixture f;
    f.options.flight_folder = f.link.flight_folder = f.folder / "flight";
    f.restart();
    std::vector<Uuid> tasks;
    for (int i = 0; i < 3; ++i) tasks.push_back(f.submit_single());
    ChildProcess worker(victim({"crash", f.link.socket.string(), "3", f.link.flight_folder.string()}));
    REQUIRE(worker.wait(60s) == ExitStatus{-1, SIGKILL});
    REQUIRE(eventually(30s, [&] { return f.server->workers().empty(); }));
    int crashes = 0;
    for (const Uuid& task : tasks) {
        const StepView step = f.step(task, "a");
        CHECK(step.state == StepState::Enqueued);
        CHECK(step.attempts == 0);
        crashes += step.crashes;
        CHECK(f.history(task) == Events{step.crashes == 1 ? "crashed" : "worker_lost"});
    }
    CHECK(crashes == 1);
    CHECK(std::filesystem::is_empty(f.link.flight_folder));
}

TEST_CASE("over the link: a handler that closes every descriptor loses nothing and has nothing run twice") {
    LinkFixture f;
    std::vector<Uuid> tasks;
    for (int i = 0; i < 5; ++i) tasks.push_back(f.submit_single());
    ChildProcess worker(victim({"careless", f.link.socket.string(), "5"}));
    const auto ended = worker.wait(100s);
    REQUIRE(ended.has_value());
    CHECK_MESSAGE(ended->code == 0, worker.err());
    for (const Uuid& task : tasks) CHECK(f.history(task) == Events{"succeeded"});
}

TEST_CASE("over the link: a killed engine with 50 steps running loses none, runs none twice, charges none") {
    const TempDir folder;
    const SystemClock clock;
    SystemRandom random;
    const std::string store = folder / "tasker.db";
    const std::string socket = folder / "engine.sock";
    const auto start = [&] {
        auto engine = std::make_unique<ChildProcess>(victim({"engine", store, socket, "50"}));
        REQUIRE_MESSAGE(engine->wait_for_out("ready", 60s), engine->err());
        return engine;
    };
    auto engine = start();
    EngineClientOptions options;
    options.socket = socket;
    options.worker_id = "w1";
    options.namespaces = {"ns"};
    options.session_uuid = UuidGenerator(clock, random).next();
    options.patience_ms = 60'000;
    EngineClient client(options, clock, Logger());
    REQUIRE(client.wait_attached(60'000));
    client.set_capacity({50, {{"ns", "ns.work", "", 50}}});
    std::vector<StepEvent> running;
    REQUIRE(eventually(60s, [&] {
        for (StepEvent& event : client.poll_step_events(50)) running.push_back(std::move(event));
        return running.size() == 50;
    }));
    std::vector<PendingAnswer> answers;
    // Some are recorded, some on the way, some made while there is no engine, some after its start.
    for (std::size_t i = 0; i < 10; ++i) answers.emplace_back(client, running[i]);
    CHECK(answers.back().wait().has_value());
    for (std::size_t i = 10; i < 20; ++i) answers.emplace_back(client, running[i]);
    engine->signal(SIGKILL);
    REQUIRE(engine->wait(30s) == ExitStatus{-1, SIGKILL});
    for (std::size_t i = 20; i < 30; ++i) answers.emplace_back(client, running[i]);
    engine = start();
    for (std::size_t i = 30; i < 50; ++i) answers.emplace_back(client, running[i]);
    for (const PendingAnswer& answer : answers) {
        CHECK(eventually(60s, [&] { return answer.given(); }));
        CHECK(answer.wait() == CompletionVerdict::Accepted);
    }
    CHECK(client.poll_step_events(10).empty());
    CHECK(client.stop() == 0);
    engine->signal(SIGKILL);
    REQUIRE(engine->wait(30s) == ExitStatus{-1, SIGKILL});

    EngineOptions reopened;
    reopened.store = store;
    const auto reader = Engine::open(reopened, clock, random, Logger());
    CHECK(reader->check().empty());
    TaskFilter filter;
    filter.per_page = 100;
    const TaskPage page = reader->tasks().list(filter);
    CHECK(page.tasks.size() == 50);
    for (const auto& listed : page.tasks) {
        const TaskView task = reader->tasks().get(listed.task_uuid).value();
        CHECK(task.state == TaskState::Complete);
        CHECK(task.steps.at(0).attempts == 1);
        CHECK(reader->tasks().step_audit(task.task_uuid, task.steps.at(0).step_uuid).size() == 1);
    }
}
