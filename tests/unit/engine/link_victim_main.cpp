// A process to be killed while it holds one end of a link.
// "engine STORE SOCKET COUNT": opens the store with a reattach window of ten minutes, submits COUNT tasks if it has none,
// serves the socket, writes "ready" and waits.
// "careless SOCKET COUNT": attaches, starts COUNT steps, closes every descriptor it did not open itself, answers the steps,
// and ends by itself, with 0 when all answers were accepted.
// "worker SOCKET COUNT": attaches, starts COUNT steps, writes "running" and waits.
// "crash SOCKET COUNT FLIGHTS": the same with a flight recorder in that folder, in which the first step runs, and dies of
// a crash in it.

#include <fcntl.h>
#include <unistd.h>

#include <atomic>
#include <chrono>
#include <csignal>
#include <cstdlib>
#include <string>

#include "host/core/flight_recorder.hpp"
#include "host/core/wakeup.hpp"
#include "host/engine/link_server.hpp"
#include "host/runtime/link/engine_client.hpp"
#include "tests/unit/engine/engine_fixture.hpp"

using namespace tasker::host;
using namespace tasker::host::testing;
using namespace std::chrono_literals;

namespace {
void say(const std::string& line) {
    const std::string text = line + '\n';
    if (write(STDOUT_FILENO, text.data(), text.size()) < 0) _exit(1);
}

void wait_for_ever(const Clock& clock) {
    Wakeup never(clock);
    while (true) never.wait_until(kNever, {});
}

int engine(const Clock& clock, Random& random, char** arguments) {
    EngineOptions options;
    options.store = arguments[0];
    options.reattach_window_ms = 600'000;
    const auto opened = Engine::open(options, clock, random, Logger());
    opened->set_catalog(std::make_shared<const TemplateCatalog>(
        std::vector<TaskTemplate>{make_template("single", {{"a", {}}})}));
    for (int i = opened->info().tasks > 0 ? 0 : std::atoi(arguments[2]); i > 0; --i) {
        const auto wanted = request("single", R"({"n":)" + std::to_string(i) + "}");
        if (std::holds_alternative<Refused>(opened->tasks().create(wanted))) return 1;
    }
    LinkOptions link;
    link.socket = arguments[1];
    const LinkServer server(*opened, link, clock, Logger());
    say("ready");
    wait_for_ever(clock);
    return 0;
}

int worker(const Clock& clock, Random& random, char** arguments, bool careless, const char* flights) {
    EngineClientOptions options;
    options.socket = arguments[0];
    options.worker_id = "victim";
    options.namespaces = {"ns"};
    options.session_uuid = UuidGenerator(clock, random).next();
    EngineClient client(options, clock, Logger());
    const auto count = static_cast<std::size_t>(std::atoi(arguments[1]));
    client.set_capacity({100, {{"ns", "ns.work", "", 100}}});
    std::vector<StepEvent> running;
    static_cast<void>(eventually(60s, [&] {
        for (StepEvent& event : client.poll_step_events(count - running.size()))
            running.push_back(std::move(event));
        return running.size() == count;
    }));
    if (flights != nullptr) {
        FlightRecorderOptions flight;
        flight.file = std::filesystem::path(flights) / options.session_uuid.str();
        const auto recorder = std::make_shared<FlightRecorder>(flight);
        FlightSeat seat(recorder);
        const StepEvent& event = running.front();
        seat.begin(
            {"victim", "ns.work", "a", event.task_uuid, event.step_uuid, clock.unix_ms(), event.claimed_ms});
        recorder->record_end({SIGSEGV, 0x10});
        say("running");
        ::kill(::getpid(), SIGKILL);
    }
    if (!careless) {
        say("running");
        wait_for_ever(clock);
    }
    ::close_range(3, ~0U, 0);
    std::atomic<std::size_t> accepted{0};
    for (const StepEvent& event : running) {
        client.complete_step_event(event.event_id, success(event), [&](CompletionVerdict verdict) {
            if (verdict == CompletionVerdict::Accepted) ++accepted;
        });
    }
    static_cast<void>(eventually(60s, [&] { return accepted == count; }));
    static_cast<void>(client.stop());
    return accepted == count ? 0 : 1;
}
}  // namespace

int main(int count, char** arguments) {
    const SystemClock clock;
    SystemRandom random;
    const std::string what = count > 1 ? arguments[1] : "";
    if (what == "engine" && count == 5) return engine(clock, random, arguments + 2);
    if (what == "worker" && count == 4) return worker(clock, random, arguments + 2, false, nullptr);
    if (what == "careless" && count == 4) return worker(clock, random, arguments + 2, true, nullptr);
    if (what == "crash" && count == 5) return worker(clock, random, arguments + 2, false, arguments[4]);
    return 2;
}
