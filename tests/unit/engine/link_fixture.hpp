#pragma once
// An engine with its socket, clients and raw peers on it, all under one clock that moves when told.

#include <atomic>
#include <chrono>
#include <memory>
#include <optional>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

#include "host/engine/link_server.hpp"
#include "host/runtime/link/engine_client.hpp"
#include "tests/unit/engine/engine_fixture.hpp"
#include "tests/unit/engine/raw_peer.hpp"

namespace tasker::host::testing {

// No machine is so slow that a window of this clock runs out by itself.
inline constexpr std::int64_t kWindowMs = 3'600'000;

struct LinkFixture : EngineFixture {
    LinkOptions link;
    UuidGenerator uuids{clock, random};
    std::unique_ptr<LinkServer> server;
    EngineClient* client = nullptr;  // the fixture's runtime, when it is one

    LinkFixture() {
        options.reattach_window_ms = link.reattach_window_ms = link.hello_within_ms = kWindowMs;
        link.ask_every_ms = 0;
        options.default_step_timeout_ms = 0;
        options.durability = Durability::Process;
        link.socket = folder / "engine.sock";
        start();
    }
    ~LinkFixture() {
        runtime.reset();
        shut_down();
    }
    LinkFixture(const LinkFixture&) = delete;
    LinkFixture& operator=(const LinkFixture&) = delete;

    void start() {
        open({linear_template(), make_template("single", {{"a", {}}})});
        server = std::make_unique<LinkServer>(*engine, link, clock, Logger());
    }
    // The engine and its socket end; whoever is attached is left alone.
    void shut_down() {
        if (server) server->stop();
        server.reset();
        engine.reset();
    }
    void restart() {
        shut_down();
        start();
    }
    std::unique_ptr<EngineClient> connect(const std::string& worker_id = "w1", std::int64_t generation = 7) {
        EngineClientOptions wanted;
        wanted.socket = link.socket;
        wanted.worker_id = worker_id;
        wanted.namespaces = {"ns"};
        wanted.session_uuid = uuids.next();
        wanted.generation = generation;
        wanted.token = link.token;
        wanted.patience_ms = kWindowMs;
        return std::make_unique<EngineClient>(std::move(wanted), clock, Logger());
    }
    static bool attached(EngineClient& of) {
        return eventually(std::chrono::seconds{10}, [&] { return of.wait_attached(0); });
    }
    EngineClient& attach_client(unsigned slots = 16) {
        auto made = connect();
        client = made.get();
        if (!attached(*client)) throw std::runtime_error("not attached: " + client->status().error);
        client->set_capacity({slots, {{"ns", "ns.work", "", 1000}}});
        runtime = std::move(made);
        return *client;
    }
    RawPeer peer(const Uuid& session) { return {link.socket, session}; }
    // Until no worker is attached, and until one is.
    bool nobody_attached() {
        return eventually(std::chrono::seconds{10}, [&] {
            for (const LinkedWorker& worker : server->workers()) {
                if (worker.connected) return false;
            }
            return true;
        });
    }
    bool all_back_attached() {
        return eventually(std::chrono::seconds{10}, [&] {
            clock.advance(1);  // the client waits a little before it tries again
            return client->wait_attached(0);
        });
    }
    Uuid submit_single() { return submit(request("single", R"({"n":)" + std::to_string(++singles) + "}")); }
    std::vector<std::string> history(const Uuid& task) {
        std::vector<std::string> events;
        for (const StepAuditRecord& record :
             engine->tasks().step_audit(task, view(task).steps.at(0).step_uuid))
            events.push_back(record.event);
        return events;
    }
    int singles = 0;
};

// JSON of about that many bytes.
inline std::string long_json(std::size_t bytes) {
    std::string json = R"({"big":[)";
    while (json.size() + 10'010 < bytes) json += '"' + std::string(10'000, 'x') + "\",";
    return json + "0]}";
}

// A result on its way: its verdict, once it came.
class PendingAnswer {
  public:
    PendingAnswer(TaskerRuntime& runtime, const StepEvent& event) {
        runtime.complete_step_event(
            event.event_id, success(event),
            [state = state_](CompletionVerdict verdict) { *state = static_cast<int>(verdict); });
    }
    bool given() const { return *state_ >= 0; }
    std::optional<CompletionVerdict> wait() const {
        if (!eventually(std::chrono::seconds{10}, [&] { return given(); })) return std::nullopt;
        return static_cast<CompletionVerdict>(state_->load());
    }

  private:
    std::shared_ptr<std::atomic<int>> state_ = std::make_shared<std::atomic<int>>(-1);
};

}  // namespace tasker::host::testing
