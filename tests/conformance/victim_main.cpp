// A host to be killed: opens the store named on its command line, submits ten diamonds and works on them.
// "hold" completes three steps, keeps four more running and waits; "work" completes until it is killed.
// A third argument arms failpoints (core/failpoint.hpp), in builds that have them.
// "decide" answers the first two steps of an approval, the second with a branch; "yield" yields one step with the cursor 7
// and waits.
// Writes "task UUID", "completed STEP", "running STEP" and "yielded STEP" lines, each only once that is durable.

#include <unistd.h>

#include <atomic>
#include <memory>
#include <string>
#include <variant>
#include <vector>

#include "host/core/failpoint.hpp"
#include "host/core/wakeup.hpp"
#include "host/engine/engine.hpp"
#include "tests/conformance/template_text.hpp"
#include "tests/support/eventually.hpp"

namespace {

using namespace tasker::host;
using namespace tasker::host::conformance;
using namespace std::chrono_literals;

// One write a line: two threads speak.
void say(const std::string& key, const Uuid& uuid) {
    const std::string line = key + ' ' + uuid.str() + '\n';
    if (write(STDOUT_FILENO, line.data(), line.size()) < 0) _exit(1);
}

StepExecutionResult done(const StepEvent& event, const std::string& result_json = "{}") {
    StepExecutionResult result;
    result.step_uuid = event.step_uuid;
    result.task_uuid = event.task_uuid;
    result.success = true;
    result.status = "completed";
    result.worker_id = "victim";
    result.result_json = result_json;
    return result;
}

void submit(Engine& engine, const std::string& name, int count) {
    for (int i = 0; i < count; ++i) {
        TaskRequest request;
        request.name = name;
        request.namespace_name = kNamespace;
        request.version = "1.0.0";
        request.initiator = request.source_system = request.reason = "victim";
        const SubmitOutcome outcome = engine.tasks().create(request);
        if (const auto* uuid = std::get_if<Uuid>(&outcome)) say("task", *uuid);
    }
}

std::vector<StepEvent> take(TaskerRuntime& runtime, std::size_t count) {
    std::vector<StepEvent> events;
    static_cast<void>(testing::eventually(20s, [&] {
        for (StepEvent& event : runtime.poll_step_events(count - events.size()))
            events.push_back(std::move(event));
        return events.size() == count;
    }));
    return events;
}

void complete(TaskerRuntime& runtime, const StepEvent& event, std::atomic<std::size_t>& told) {
    runtime.complete_step_event(event.event_id, done(event),
                                [step = event.step_uuid, &told](CompletionVerdict verdict) {
                                    if (verdict == CompletionVerdict::Accepted) say("completed", step);
                                    ++told;
                                });
}

[[noreturn]] void hold() {
    say("holding", {});
    for (;;) pause();
}

void decide(Engine& engine) {
    const auto runtime = engine.attach({"victim", {kNamespace}});
    runtime->set_capacity({1, {{kNamespace, kCallable, "", 1}}});
    std::atomic<std::size_t> told{0};
    complete(*runtime, take(*runtime, 1).at(0), told);
    const StepEvent route = take(*runtime, 1).at(0);
    runtime->complete_step_event(route.event_id, done(route, create_steps({"small"})),
                                 [step = route.step_uuid](CompletionVerdict) { say("completed", step); });
    hold();
}

void yield(Engine& engine) {
    const auto runtime = engine.attach({"victim", {kNamespace}});
    runtime->set_capacity({1, {{kNamespace, kCallable, "", 1}}});
    const StepEvent event = take(*runtime, 1).at(0);
    std::atomic<bool> told{false};
    runtime->yield_step_event(event.event_id, {"7", 70, {}}, [&](CompletionVerdict) {
        say("yielded", event.step_uuid);
        told = true;
    });
    if (!testing::eventually(20s, [&] { return told.load(); })) _exit(3);
    hold();
}

}  // namespace

int main(int argc, char** argv) {
    if (argc != 3 && argc != 4) return 2;
    if (argc == 4) arm_failpoints(argv[3]);
    const SystemClock clock;
    SystemRandom random;
    EngineOptions options;
    options.store = argv[1];
    options.durability = Durability::Process;
    const auto engine = Engine::open(options, clock, random, Logger{});
    engine->set_catalog(std::make_shared<const TemplateCatalog>(
        std::vector<TaskTemplate>{diamond(), approval(), graph("single", {{"only"}})}));
    const std::string mode = argv[2];
    submit(*engine,
           mode == "decide"  ? "approval"
           : mode == "yield" ? "single"
                             : "diamond",
           mode == "decide" || mode == "yield" ? 1 : 10);
    if (mode == "decide") decide(*engine);
    if (mode == "yield") yield(*engine);
    std::atomic<std::size_t> told{0};
    const auto runtime = engine->attach({"victim", {kNamespace}});
    const bool holds = mode == "hold";
    const unsigned slots = holds ? 4 : 8;
    runtime->set_capacity({slots, {{kNamespace, kCallable, "", slots}}});
    if (!holds) {
        for (;;) {
            for (const StepEvent& event : take(*runtime, 1)) complete(*runtime, event, told);
        }
    }
    for (const StepEvent& event : take(*runtime, 3)) complete(*runtime, event, told);
    for (const StepEvent& event : take(*runtime, 4)) say("running", event.step_uuid);
    // The steps that a completion frees are handed out in its transaction, so they may be here before its verdict.
    if (!testing::eventually(20s, [&] { return told == 3; })) return 3;
    hold();
}
