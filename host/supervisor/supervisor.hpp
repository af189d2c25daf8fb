#pragma once
// Keeps an engine process and one worker process a namespace alive, and replaces workers without a gap (host/model/slot).
// It loads no plugin and opens no store. One thread: the caller waits on wait_for() until due_ms(), then calls turn().

#include <poll.h>

#include <cstdint>
#include <deque>
#include <filesystem>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "host/core/clock.hpp"
#include "host/core/error.hpp"
#include "host/core/owned_fd.hpp"
#include "host/core/random.hpp"
#include "host/core/uuid.hpp"
#include "host/core/wakeup.hpp"
#include "host/logging/logger.hpp"
#include "host/model/flight_report.hpp"
#include "host/model/slot.hpp"
#include "host/supervisor/child_process.hpp"
#include "host/supervisor/handover.hpp"
#include "host/supervisor/manifest_store.hpp"

namespace tasker::host {

struct WorkerLaunch {
    std::string namespace_name;
    Generation generation = 0;
    std::filesystem::path manifest;  // what to load; empty: what lies in the folders
    bool whole = false;              // all of it or nothing: another process goes on when it cannot
    Uuid session;                    // at the engine, and the name of its flight recorder
};

struct SupervisorOptions {
    ChildProgram engine;
    std::function<ChildProgram(const WorkerLaunch&)> worker;
    std::filesystem::path generations;   // the folder of the manifests
    std::filesystem::path flights = {};  // the folder of the flight recorders; empty: there are none
    // Told of a plugin whose handler crashed a new generation while the old one still stood by, and that the old one does
    // not have.
    std::function<void(const ManifestPlugin& plugin, const std::string& why)> blamed = {};
    SlotOptions slot = {};
    std::int64_t engine_ready_ms = 60'000, engine_stop_ms = 30'000;
    // So many namespaces at a time try a new process beside the old one; the others wait for their turn. One that only ends
    // does not count.
    std::size_t max_overlaps = 1;
    // A worker that uses more is replaced by a new one of the same making; 0: no limit.
    std::uint64_t max_memory_bytes = 0;
    std::size_t max_open_files = 0;
    std::int64_t look_every_ms = 1000;  // at what workers use
    // A worker, or the engine, that has said Alive before and says nothing for so long is killed: it was stopped, or its main
    // thread hangs.
    // 0: never.
    std::int64_t silence_ms = 30'000;
    std::int64_t deaf_after_ms = 1000;  // a worker without a channel that has not ended by then has closed it
    std::int64_t spare_for_ms =
        10'000;                   // a worker this young is not looked at: it would only be replaced again
    int engine_refused_code = 7;  // exit code of an engine whose store must not be touched
};

// A worker as operators see it.
struct WorkerReport {
    int pid = 0;
    Generation generation = 0;
    bool claims = false;
    std::int64_t uptime_ms = 0;
    std::uint64_t accepted = 0, errors = 0;
};

// A namespace as they see it.
struct SlotReport {
    std::string namespace_name;
    SlotState state = SlotState::Idle;
    std::optional<WorkerReport> current, candidate;
    Generation last_good = 0;
    Generation waiting = 0;            // a newer generation whose turn has not come
    bool paused = false;               // an operator's pause: nobody claims, whatever the state
    bool stopped = false;              // drained: nothing is started until an operator says so
    std::int64_t next_start_ms = 0;    // back-off: how long until then
    std::vector<std::string> history;  // the last things that happened, oldest first
};

// A rollback to a generation that is not known, or not any more.
class NoSuchGeneration : public Error {
    using Error::Error;
};

class Supervisor {
  public:
    enum class End : std::uint8_t { Running, Done, HandedBack, StoreRefused, EngineFailed };
    // Told when the generation was committed (true), or given up, and why.
    using Outcome = std::function<void(bool committed, const std::string& why)>;

    Supervisor(SupervisorOptions options, const Clock& clock, Random& random, Logger log);
    ~Supervisor();
    Supervisor(const Supervisor&) = delete;
    Supervisor& operator=(const Supervisor&) = delete;

    // One more namespace, made of `first`; before start(), its worker waits for the engine. Nothing when it is there.
    void serve(const std::string& namespace_name, GenerationManifest first = {});
    // The engine; the workers follow once it is ready. Throws Error when it cannot be started at all.
    void start();
    // A new generation of `made` (neither chosen nor loaded: of what its process finds in the folders). `told` hears of
    // every end that this takes, also that a newer one came or the namespace was stopped. False when there is no such
    // namespace.
    bool restart(const std::string& namespace_name, const std::string& why, Outcome told = {},
                 GenerationManifest made = {});
    bool serves(const std::string& namespace_name) const { return find(namespace_name) != nullptr; }
    // What the newest generation of the namespace is made of; nothing when that is not known.
    std::optional<GenerationManifest> newest(const std::string& namespace_name) const;
    // For people: a change that is not taken up, and why.
    void refuse(const std::string& namespace_name, const std::string& why);
    // A new generation of what an earlier one was made of; 0: of the newest older one that is something else than what runs.
    // Gives its number, 0 when there is no such namespace. Throws NoSuchGeneration when it is not known. It stays, also over
    // a start of the supervisor, until the folders hold something else than now (stands_instead()) or a restart.
    Generation roll_back(const std::string& namespace_name, Generation to, Outcome told = {});
    // Whether this is a rollback, and the folders hold what they held then: it stands.
    bool stands_instead(const GenerationManifest& newest, const GenerationManifest& folders) const;
    // Stops one namespace until it is resumed or restarted by an operator. False when there is none.
    bool drain(const std::string& namespace_name);
    // Its workers claim nothing until it is resumed, but stay, also those that take their place. False when there is none.
    bool pause(const std::string& namespace_name);
    // Starts one that was drained, or crashed too often; a pause stays. False when there is none.
    bool start_stopped(const std::string& namespace_name);
    // The same, and ends a pause.
    bool resume(const std::string& namespace_name);
    // All workers drain, then the engine ends. The second call: at once.
    void stop();

    // Nothing is on its way: no change, no start, no stop.
    bool at_rest() const;
    // At rest only: what the program needs that takes this one's place in the same process. The children's channels survive
    // an exec from then on; keep(false) takes that back.
    Handover handover() const;
    void keep(bool over_exec) const;
    // Instead of start(): the children of the program that was here before. Throws Error when they cannot be watched.
    void take_over(const Handover& from);

    void wait_for(std::vector<pollfd>& on) const;
    std::int64_t due_ms() const;
    void turn();
    End end() const { return end_; }

    std::vector<SlotReport> report() const;
    int engine_pid() const { return engine_ ? engine_->pid() : 0; }
    bool engine_ready() const { return engine_ready_; }

  private:
    struct Worker {
        std::unique_ptr<ChildProcess> process;
        Generation generation = 0;
        std::uint64_t accepted = 0, errors = 0;  // as it said last
        std::string failure;                     // why it cannot start, in its own words
        bool claimed = false;                    // it was told to: it may hold steps
        bool recycled = false;                   // its successor is on the way
        std::int64_t deaf_at_ms = kNever;        // when it counts as one that closed its channel
        std::int64_t heard_ms = kNever;          // when it said something last; kNever: it never said Alive
        Uuid session;
        OwnedFd flight;  // its recorder, open from READY on: the engine may remove it before it is read
    };
    struct Namespace {
        std::string name;
        GenerationManifest first;  // until the engine is ready
        Slot slot;
        std::map<SlotProcessId, Worker> workers;
        Generation newest = 0;
        Generation queued = 0;  // a change that waits because enough others are going on
        bool paused = false;
        std::map<Generation, Outcome> waiting;
        std::deque<std::string> history;
    };

    Namespace* find(const std::string& name) const;
    Generation older(const Namespace& ns) const;
    void begin_change(Namespace& ns, GenerationManifest manifest, Outcome told);
    void hand_over(Namespace& ns, Generation generation);
    void take_turns();
    std::size_t overlaps() const;
    std::int64_t engine_silent_at_ms() const;
    void settle_overtaken(Namespace& ns);
    void settle_all(Namespace& ns, const std::string& why);
    void feed(Namespace& ns, const SlotEvent& event);
    void carry_out(Namespace& ns, const SlotAction& action);
    void spawn(Namespace& ns, const SlotAction& action);
    static std::optional<FlightReport> flight_of(const Worker& gone);
    void blame(const Namespace& ns, SlotProcessId id, const Worker& gone, const FlightReport& report) const;
    void settle(Namespace& ns, Generation generation, bool committed, const std::string& why);
    void recycle(Namespace& ns, Worker& worker, const std::string& why);
    void look_at_usage();
    std::int64_t silent_at_ms(const Worker& worker) const;
    void end_the_silent();
    void tell_deaf(Namespace& ns, SlotProcessId id, ControlMessage::Kind kind);
    void replace_the_deaf();
    bool has_limits() const { return options_.max_memory_bytes > 0 || options_.max_open_files > 0; }
    void remember(Namespace& ns, const std::string& text) const;
    void note(Namespace& ns, LogLevel level, const std::string& what, Generation generation);
    void listen(Namespace& ns);
    void hear(Namespace& ns, SlotProcessId id, const ControlMessage& message);
    void heard_ready(Namespace& ns, const Worker& worker, const ControlMessage& message);

    void start_engine();
    void listen_to_engine();
    void engine_ended(const ChildEnd& how);
    void start_workers();
    void stop_engine_when_alone();

    const SupervisorOptions options_;
    const Clock& clock_;
    Random& random_;
    const Logger log_;
    const ManifestStore manifests_;
    UuidGenerator sessions_;
    std::vector<std::unique_ptr<Namespace>> namespaces_;
    std::unique_ptr<ChildProcess> engine_;
    bool engine_ready_ = false, engine_was_ready_ = false, engine_stopping_ = false;
    std::string engine_failure_;
    int engine_failures_ = 0;
    std::int64_t engine_due_ms_ = kNever;    // of what it was told, or of its next start
    std::int64_t engine_heard_ms_ = kNever;  // when it said something last; kNever: it never said Alive
    std::int64_t usage_due_ms_ = 0;
    int stops_ = 0;
    bool killed_ = false;  // a process had to be killed while everything ended
    End end_ = End::Running;
};

}  // namespace tasker::host
