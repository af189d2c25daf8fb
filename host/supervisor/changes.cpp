// When a change is taken up, what an operator's pause means, and that whoever waits for a generation hears of its end.

#include <signal.h>

#include <algorithm>
#include <utility>

#include "host/supervisor/process_usage.hpp"
#include "host/supervisor/supervisor.hpp"

namespace tasker::host {

namespace {
// The change is decided. What still ends may take as long as its slowest step, and the others need not wait for that.
bool settled(SlotState state) { return state == SlotState::Draining || state == SlotState::BackoffDraining; }
}  // namespace

// A namespace whose worker goes on meanwhile can wait for its turn; one that has none cannot.
void Supervisor::hand_over(Namespace& ns, Generation generation) {
    ns.queued = 0;
    if (ns.slot.state == SlotState::Active && overlaps() >= options_.max_overlaps) {
        ns.queued = generation;
        return settle_overtaken(ns);
    }
    feed(ns, {SlotEvent::Kind::Change, 0, generation});
}

void Supervisor::take_turns() {
    for (const auto& ns : namespaces_) {
        if (ns->queued != 0) hand_over(*ns, ns->queued);
    }
}

std::size_t Supervisor::overlaps() const {
    return static_cast<std::size_t>(std::ranges::count_if(namespaces_, [](const auto& ns) {
        return ns->slot.current && ns->slot.candidate && !settled(ns->slot.state);
    }));
}

bool Supervisor::pause(const std::string& namespace_name) {
    Namespace* ns = find(namespace_name);
    if (ns == nullptr) return false;
    if (std::exchange(ns->paused, true)) return true;
    note(*ns, LogLevel::Info, "is paused by an operator",
         ns->slot.current ? ns->slot.current->generation : 0);
    for (const auto& [id, worker] : ns->workers) worker.process->channel().send({ControlMessage::Kind::Hold});
    return true;
}

bool Supervisor::resume(const std::string& namespace_name) {
    Namespace* ns = find(namespace_name);
    if (ns == nullptr) return false;
    if (std::exchange(ns->paused, false)) {
        note(*ns, LogLevel::Info, "is resumed by an operator",
             ns->slot.current ? ns->slot.current->generation : 0);
        for (const auto& [id, worker] : ns->workers)
            worker.process->channel().send({ControlMessage::Kind::Release});
    }
    return start_stopped(namespace_name);
}

bool Supervisor::start_stopped(const std::string& namespace_name) {
    Namespace* ns = find(namespace_name);
    if (ns == nullptr) return false;
    if (stops_ == 0) feed(*ns, {SlotEvent::Kind::Start});
    return true;
}

// A new process of what this one was made of; the folders have no say in it.
void Supervisor::recycle(Namespace& ns, Worker& worker, const std::string& why) {
    if (stops_ > 0 || ns.slot.state != SlotState::Active || worker.recycled) return;
    if (!ns.slot.current || ns.slot.current->generation != worker.generation) return;
    auto same = manifests_.load(ns.name, worker.generation);
    if (!same) return;
    worker.recycled = true;
    if (same->copy_of == 0) same->copy_of = worker.generation;
    same->why = "recycled: " + why;
    begin_change(ns, std::move(*same), {});
}

void Supervisor::look_at_usage() {
    const std::int64_t now = clock_.steady_ms();
    if (!has_limits() || now < usage_due_ms_) return;
    usage_due_ms_ = now + options_.look_every_ms;
    const auto beyond = [](std::uint64_t used, std::uint64_t limit) { return limit > 0 && used > limit; };
    for (const auto& ns : namespaces_) {
        const auto& current = ns->slot.current;
        if (!current || now - current->started_ms < options_.spare_for_ms) continue;
        const auto worker = ns->workers.find(current->id);
        if (worker == ns->workers.end()) continue;
        const auto usage = process_usage(worker->second.process->pid());
        if (!usage) continue;
        if (beyond(usage->memory_bytes, options_.max_memory_bytes)) {
            recycle(*ns, worker->second,
                    "it uses " + std::to_string(usage->memory_bytes >> 20U) + " MiB of memory, " +
                        std::to_string(options_.max_memory_bytes >> 20U) + " are allowed");
        } else if (beyond(usage->open_files, options_.max_open_files)) {
            recycle(*ns, worker->second,
                    "it has " + std::to_string(usage->open_files) + " open files, " +
                        std::to_string(options_.max_open_files) + " are allowed");
        }
    }
}

// When its silence has lasted too long. A handler may have closed its channel: that is no silence.
std::int64_t Supervisor::silent_at_ms(const Worker& worker) const {
    if (options_.silence_ms == 0 || worker.heard_ms == kNever || worker.process->channel().closed())
        return kNever;
    return worker.heard_ms + options_.silence_ms;
}

void Supervisor::end_the_silent() {
    const std::int64_t now = clock_.steady_ms();
    for (const auto& ns : namespaces_) {
        for (auto& [id, worker] : ns->workers) {
            if (silent_at_ms(worker) > now) continue;
            worker.heard_ms = kNever;
            note(*ns, LogLevel::Error,
                 "is killed: it has said nothing for " + std::to_string(options_.silence_ms) +
                     " ms (was it stopped by a signal or a debugger?)",
                 worker.generation);
            worker.process->signal(SIGKILL);
        }
    }
}

// A handler of that worker closed its channel. A signal reaches it: it finishes what it runs, and claims nothing more; the
// engine gives it nothing either once another one claims.
void Supervisor::tell_deaf(Namespace& ns, SlotProcessId id, ControlMessage::Kind kind) {
    using Message = ControlMessage::Kind;
    if (kind != Message::Pause && kind != Message::Drain) return;
    ns.workers.at(id).process->signal(SIGTERM);
    if (kind == Message::Pause) feed(ns, {.kind = SlotEvent::Kind::Paused, .process = id});
}

void Supervisor::replace_the_deaf() {
    const std::int64_t now = clock_.steady_ms();
    for (const auto& ns : namespaces_) {
        for (auto& [id, worker] : ns->workers) {
            if (!worker.process->channel().closed()) continue;
            worker.deaf_at_ms = std::min(worker.deaf_at_ms, now + options_.deaf_after_ms);
            if (now >= worker.deaf_at_ms && ns->slot.current && ns->slot.current->id == id)
                recycle(*ns, worker, "it closed the channel over which it is told what to do");
        }
    }
}

void Supervisor::settle_overtaken(Namespace& ns) {
    const auto to_come = [&](Generation one) {
        const Slot& slot = ns.slot;
        return one == ns.queued || one == slot.pending || (slot.current && slot.current->generation == one) ||
               (slot.candidate && slot.candidate->generation == one) ||
               (slot.state == SlotState::Backoff && slot.next == one);
    };
    std::vector<Generation> overtaken;
    for (const auto& [generation, told] : ns.waiting) {
        if (!to_come(generation)) overtaken.push_back(generation);
    }
    for (const Generation generation : overtaken)
        settle(ns, generation, false, "a newer generation came before it could start");
}

void Supervisor::settle_all(Namespace& ns, const std::string& why) {
    while (!ns.waiting.empty()) settle(ns, ns.waiting.begin()->first, false, why);
}

}  // namespace tasker::host
