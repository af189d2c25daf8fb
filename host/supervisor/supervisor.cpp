#include "host/supervisor/supervisor.hpp"

#include <signal.h>
#include <unistd.h>

#include <algorithm>
#include <utility>

#include "host/core/error.hpp"
#include "host/core/flight_file.hpp"
#include "host/model/flight_report.hpp"

namespace tasker::host {

namespace {
using Message = ControlMessage::Kind;
constexpr std::size_t kHistory = 5;

double fraction(Random& random) { return static_cast<double>(random.next() >> 11U) * 0x1.0p-53; }
}  // namespace

Supervisor::Supervisor(SupervisorOptions options, const Clock& clock, Random& random, Logger log)
    : options_(std::move(options)),
      clock_(clock),
      random_(random),
      log_(std::move(log)),
      manifests_(options_.generations),
      sessions_(clock_, random_) {}

Supervisor::~Supervisor() = default;

Supervisor::Namespace* Supervisor::find(const std::string& name) const {
    const auto found = std::ranges::find_if(namespaces_, [&](const auto& ns) { return ns->name == name; });
    return found == namespaces_.end() ? nullptr : found->get();
}

void Supervisor::serve(const std::string& namespace_name, GenerationManifest first) {
    if (find(namespace_name) != nullptr || stops_ > 0) return;
    auto ns = std::make_unique<Namespace>();
    ns->name = namespace_name;
    ns->newest = manifests_.newest(namespace_name);
    // Only what can be started again counts.
    const Generation good = manifests_.good(namespace_name);
    if (const auto manifest = manifests_.load(namespace_name, good); manifest && manifest->loaded)
        ns->slot.last_good = good;
    ns->first = std::move(first);
    const auto before = manifests_.load(namespace_name, ns->newest);
    if (before && stands_instead(*before, ns->first)) ns->first = *before;
    ns->first.why = ns->first.instead_of != 0 ? "start, still rolled back" : "start";
    namespaces_.push_back(std::move(ns));
    if (engine_was_ready_)
        begin_change(*namespaces_.back(), std::exchange(namespaces_.back()->first, {}), {});
}

void Supervisor::start() {
    if (stops_ == 0) start_engine();
}

void Supervisor::start_workers() {
    for (const auto& ns : namespaces_) begin_change(*ns, std::exchange(ns->first, {}), {});
}

bool Supervisor::restart(const std::string& namespace_name, const std::string& why, Outcome told,
                         GenerationManifest made) {
    Namespace* ns = find(namespace_name);
    if (ns == nullptr) return false;
    made.why = why;
    made.loaded = false;
    begin_change(*ns, std::move(made), std::move(told));
    return true;
}

std::optional<GenerationManifest> Supervisor::newest(const std::string& namespace_name) const {
    const Namespace* ns = find(namespace_name);
    if (ns == nullptr) return std::nullopt;
    // One that was given up is not what the others are compared with: its fault may have been elsewhere.
    const Slot& slot = ns->slot;
    const Generation running = ns->queued != 0     ? ns->queued
                               : slot.pending != 0 ? slot.pending
                               : slot.candidate    ? slot.candidate->generation
                               : slot.current      ? slot.current->generation
                                                   : ns->newest;
    return manifests_.load(namespace_name, running);
}

void Supervisor::refuse(const std::string& namespace_name, const std::string& why) {
    Namespace* ns = find(namespace_name);
    if (ns != nullptr) note(*ns, LogLevel::Error, "a change is refused: " + why, 0);
}

bool Supervisor::drain(const std::string& namespace_name) {
    Namespace* ns = find(namespace_name);
    if (ns == nullptr) return false;
    feed(*ns, {SlotEvent::Kind::Stop});
    settle_all(*ns, "the namespace was stopped");
    return true;
}

void Supervisor::begin_change(Namespace& ns, GenerationManifest manifest, Outcome told) {
    manifest.namespace_name = ns.name;
    manifest.generation = ++ns.newest;
    manifest.made_ms = clock_.unix_ms();
    manifests_.save(manifest);
    if (told) ns.waiting.emplace(manifest.generation, std::move(told));
    note(ns, LogLevel::Info, "is made: " + manifest.why, manifest.generation);
    hand_over(ns, manifest.generation);
}

void Supervisor::feed(Namespace& ns, const SlotEvent& event) {
    const SlotState before = ns.slot.state;
    const auto actions = advance(ns.slot, event, clock_.steady_ms(), options_.slot, fraction(random_));
    if (ns.slot.state != before) {
        log_.debug("Namespace " + ns.name + ": " + std::string(name(before)) + " -> " +
                       std::string(name(ns.slot.state)),
                   {{"component", "supervisor"}, {"operation", "slot"}, {"namespace", ns.name}});
    }
    for (const SlotAction& action : actions) carry_out(ns, action);
    settle_overtaken(ns);
}

void Supervisor::carry_out(Namespace& ns, const SlotAction& action) {
    using Kind = SlotAction::Kind;
    const auto tell = [&](Message kind) {
        const auto worker = ns.workers.find(action.process);
        // One that does not hear is found by its silence.
        if (worker == ns.workers.end()) return;
        worker->second.claimed = worker->second.claimed || kind == Message::Activate;
        if (worker->second.process->channel().closed()) return tell_deaf(ns, action.process, kind);
        worker->second.process->channel().send({kind});
    };
    switch (action.kind) {
        case Kind::Spawn:
            return spawn(ns, action);
        case Kind::Activate:
            return tell(Message::Activate);
        case Kind::Pause:
            return tell(Message::Pause);
        case Kind::Resume:
            return tell(Message::Resume);
        case Kind::Drain:
            return tell(Message::Drain);
        case Kind::AskToStop:
            note(ns, LogLevel::Warn, "does not end in time, its handlers are asked to stop",
                 action.generation);
            return tell(Message::AskToStop);
        case Kind::Kill: {
            note(ns, LogLevel::Warn, "is killed: " + action.why, action.generation);
            const auto worker = ns.workers.find(action.process);
            if (worker == ns.workers.end()) return;
            killed_ = killed_ || (stops_ > 0 && worker->second.claimed);
            return worker->second.process->signal(SIGKILL);
        }
        case Kind::Committed:
            note(ns, LogLevel::Info, "serves for good", action.generation);
            manifests_.set_good(ns.name, action.generation);
            return settle(ns, action.generation, true, {});
        case Kind::RolledBack:
            note(ns, LogLevel::Error,
                 (action.generation == ns.slot.next ? "failed and is tried again: " : "is given up: ") +
                     action.why,
                 action.generation);
            return settle(ns, action.generation, false, action.why);
        case Kind::Warn:
            return note(ns, LogLevel::Warn, action.why, action.generation);
        case Kind::Hold:
            return note(ns, LogLevel::Error,
                        "is not started again: " + action.why + "; mend the cause, then worker restart " +
                            ns.name + " (worker resume " + ns.name +
                            " starts the same again, worker rollback " + ns.name + " the one before)",
                        action.generation);
    }
}

void Supervisor::settle(Namespace& ns, Generation generation, bool committed, const std::string& why) {
    const auto waiting = ns.waiting.find(generation);
    if (waiting == ns.waiting.end()) return;
    const Outcome told = std::move(waiting->second);
    ns.waiting.erase(waiting);
    told(committed, why);
}

void Supervisor::remember(Namespace& ns, const std::string& text) const {
    ns.history.push_back(rfc3339(clock_.unix_ms()) + " " + text);
    if (ns.history.size() > kHistory) ns.history.pop_front();
}

void Supervisor::note(Namespace& ns, LogLevel level, const std::string& what, Generation generation) {
    const std::string text = generation == 0 ? what : "generation " + std::to_string(generation) + " " + what;
    remember(ns, text);
    LogFields fields{{"component", "supervisor"}, {"operation", "slot"}, {"namespace", ns.name}};
    if (generation != 0) fields.emplace_back("generation", std::to_string(generation));
    log_.log(level, "Namespace " + ns.name + ": " + text, fields);
}

void Supervisor::spawn(Namespace& ns, const SlotAction& action) {
    WorkerLaunch launch{ns.name, action.generation, {}, ns.slot.current.has_value(), sessions_.next()};
    const auto manifest = manifests_.load(ns.name, action.generation);
    if (manifest && (manifest->loaded || manifest->chosen))
        launch.manifest = manifests_.path(ns.name, action.generation);
    std::string why;
    try {
        Worker worker;
        worker.generation = action.generation;
        worker.session = launch.session;
        worker.process = std::make_unique<ChildProcess>(options_.worker(launch), random_.next());
        log_.info("Namespace " + ns.name + ": worker started (pid " + std::to_string(worker.process->pid()) +
                      ", generation " + std::to_string(action.generation) + ")",
                  {{"component", "supervisor"},
                   {"operation", "spawn"},
                   {"namespace", ns.name},
                   {"generation", std::to_string(action.generation)}});
        if (ns.paused) worker.process->channel().send({Message::Hold});
        ns.workers.emplace(action.process, std::move(worker));
        return;
    } catch (const Error& error) {
        why = error.what();
    }
    feed(ns, {.kind = SlotEvent::Kind::Exited, .process = action.process, .why = why});
}

void Supervisor::listen(Namespace& ns) {
    std::vector<SlotProcessId> ids;
    for (const auto& [id, worker] : ns.workers) ids.push_back(id);
    for (const SlotProcessId id : ids) {
        ChildProcess& process = *ns.workers.at(id).process;
        // What it said before its end counts.
        const auto end = process.reap();
        while (const auto message = process.channel().receive()) hear(ns, id, *message);
        if (!end) continue;
        const Worker gone = std::move(ns.workers.at(id));
        // One that never stood by ran nothing, and the engine may not have heard of it.
        if (!gone.flight && !options_.flights.empty())
            ::unlink((options_.flights / gone.session.str()).c_str());
        ns.workers.erase(id);
        const std::string plain =
            gone.failure.empty() ? "ended with " + end->text() : gone.failure + " (" + end->text() + ")";
        const auto report = flight_of(gone);
        const std::string how = report ? end_text(*report, plain, clock_.unix_ms()) : plain;
        if (report) blame(ns, id, gone, *report);
        // One that ended in the middle of a step was not told to.
        const bool wanted = end->exited && end->code == 0 && how == plain;
        log_.log(wanted ? LogLevel::Info : LogLevel::Warn,
                 "Namespace " + ns.name + ": worker " + std::to_string(gone.process->pid()) + " " + how,
                 {{"component", "supervisor"},
                  {"operation", "worker_ended"},
                  {"namespace", ns.name},
                  {"generation", std::to_string(gone.generation)}});
        if (!wanted) remember(ns, "generation " + std::to_string(gone.generation) + " " + how);
        feed(ns, {.kind = SlotEvent::Kind::Exited,
                  .process = id,
                  .why = how,
                  .from_outside = !end->exited && end->signal == SIGKILL});
    }
}

// What it ran when it died.
std::optional<FlightReport> Supervisor::flight_of(const Worker& gone) {
    if (!gone.flight) return std::nullopt;
    return flight_report(read_flight(gone.flight), boot_of_this_machine());
}

// Only what is new is to blame: the old generation goes on, and must be able to.
void Supervisor::blame(const Namespace& ns, SlotProcessId id, const Worker& gone,
                       const FlightReport& report) const {
    const FlightEntry* culprit = report.culprit();
    const Slot& slot = ns.slot;
    if (!options_.blamed || culprit == nullptr || !slot.candidate || slot.candidate->id != id ||
        !slot.current)
        return;
    const auto made = manifests_.load(ns.name, gone.generation),
               before = manifests_.load(ns.name, slot.current->generation);
    if (!made || !before) return;
    for (const ManifestPlugin& plugin : made->plugins) {
        if (plugin.id != culprit->plugin ||
            std::ranges::find(before->plugins, plugin.sha256, &ManifestPlugin::sha256) !=
                before->plugins.end())
            continue;
        options_.blamed(plugin, "crashed with " + crash_text(*report.crash) + " in callable '" +
                                    culprit->callable + "' while its generation was on probation");
    }
}

void Supervisor::hear(Namespace& ns, SlotProcessId id, const ControlMessage& message) {
    using Event = SlotEvent::Kind;
    Worker& worker = ns.workers.at(id);
    SlotEvent event;
    event.process = id;
    if (message.kind == Message::Alive || worker.heard_ms != kNever) worker.heard_ms = clock_.steady_ms();
    switch (message.kind) {
        case Message::Ready:
            if (!options_.flights.empty())
                worker.flight = open_flight(options_.flights / worker.session.str());
            heard_ready(ns, worker, message);
            event.kind = Event::Ready;
            break;
        case Message::Paused:
            event.kind = Event::Paused;
            break;
        case Message::Activated:
            event.kind = Event::Activated;
            break;
        case Message::Resumed:
            event.kind = Event::Resumed;
            break;
        case Message::Counts:
            // Counters that run backwards are none.
            if (message.accepted < worker.accepted || message.errors < worker.errors) return;
            event.kind = Event::Results;
            event.accepted = message.accepted - std::exchange(worker.accepted, message.accepted);
            event.errors = message.errors - std::exchange(worker.errors, message.errors);
            break;
        case Message::Idle:
            event.kind = Event::Idle;
            break;
        case Message::Failed:
            worker.failure = message.text;
            return;
        case Message::Recycle:
            return recycle(ns, worker, message.text);
        default:
            return;
    }
    feed(ns, event);
}

// The first process of a generation says what that is; later ones load the same.
void Supervisor::heard_ready(Namespace& ns, const Worker& worker, const ControlMessage& message) {
    auto manifest = manifests_.load(ns.name, worker.generation);
    if (!manifest || manifest->loaded) return;
    auto plugins = manifest_plugins_from(message.text);
    if (!plugins) return;
    if (!manifest->chosen) manifest->plugins = std::move(*plugins);
    manifest->loaded = true;
    try {
        manifests_.save(*manifest);
    } catch (const Error& error) {
        log_.error(error.what(), {{"component", "supervisor"}, {"operation", "manifest"}});
    }
}

void Supervisor::stop() {
    ++stops_;
    for (const auto& ns : namespaces_) {
        feed(*ns, {stops_ > 1 ? SlotEvent::Kind::Kill : SlotEvent::Kind::Stop});
        settle_all(*ns, "the supervisor was stopped");
    }
    stop_engine_when_alone();
}

void Supervisor::wait_for(std::vector<pollfd>& on) const {
    const auto add = [&](ChildProcess& child) {
        on.push_back({child.end_fd(), POLLIN, 0});
        // A channel that was closed would be readable for ever.
        if (!child.channel().closed()) on.push_back({child.channel().fd(), POLLIN, 0});
    };
    if (engine_) add(*engine_);
    for (const auto& ns : namespaces_) {
        for (const auto& [id, worker] : ns->workers) add(*worker.process);
    }
}

std::int64_t Supervisor::due_ms() const {
    std::int64_t due = std::min(engine_due_ms_, engine_silent_at_ms());
    for (const auto& ns : namespaces_) due = std::min(due, next_tick(ns->slot));
    for (const auto& ns : namespaces_) {
        for (const auto& [id, worker] : ns->workers) {
            due = std::min(due, silent_at_ms(worker));
            if (!worker.recycled && worker.deaf_at_ms > clock_.steady_ms())
                due = std::min(due, worker.deaf_at_ms);
        }
    }
    if (has_limits() && stops_ == 0) due = std::min(due, usage_due_ms_);
    return due;
}

void Supervisor::turn() {
    listen_to_engine();
    const std::int64_t now = clock_.steady_ms();
    for (const auto& ns : namespaces_) {
        listen(*ns);
        if (next_tick(ns->slot) <= now) feed(*ns, {SlotEvent::Kind::Tick});
    }
    end_the_silent();
    look_at_usage();
    replace_the_deaf();
    take_turns();
    stop_engine_when_alone();
}

std::vector<SlotReport> Supervisor::report() const {
    std::vector<SlotReport> all;
    const std::int64_t now = clock_.steady_ms();
    for (const auto& ns : namespaces_) {
        SlotReport report;
        report.namespace_name = ns->name;
        report.state = ns->slot.state;
        report.last_good = ns->slot.last_good;
        report.waiting = ns->queued != 0 ? ns->queued : ns->slot.pending;
        report.paused = ns->paused;
        report.stopped = ns->slot.stopped;
        if (ns->slot.state == SlotState::Backoff)
            report.next_start_ms = std::max<std::int64_t>(0, ns->slot.due_ms - now);
        report.history.assign(ns->history.begin(), ns->history.end());
        const auto describe = [&](const std::optional<SlotProcess>& process) {
            std::optional<WorkerReport> out;
            if (!process) return out;
            const auto worker = ns->workers.find(process->id);
            out.emplace();
            if (worker != ns->workers.end()) out->pid = worker->second.process->pid();
            out->generation = process->generation;
            out->claims = process->phase == SlotProcess::Phase::Active;
            out->uptime_ms = now - process->started_ms;
            out->accepted = process->accepted;
            out->errors = process->errors;
            return out;
        };
        report.current = describe(ns->slot.current);
        report.candidate = describe(ns->slot.candidate);
        all.push_back(std::move(report));
    }
    return all;
}

}  // namespace tasker::host
