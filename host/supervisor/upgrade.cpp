// The supervisor's own replacement, in place: the process stays, and with it its children.

#include <algorithm>

#include "host/core/flight_file.hpp"
#include "host/supervisor/supervisor.hpp"

namespace tasker::host {

namespace {
Handover::Child as_handed(ChildProcess& child) {
    return {child.pid(), child.channel().fd(), child.channel().nonce()};
}
}  // namespace

bool Supervisor::at_rest() const {
    if (!engine_ || !engine_ready_ || stops_ > 0 || end_ != End::Running) return false;
    return std::ranges::all_of(namespaces_, [](const auto& ns) {
        const Slot& slot = ns->slot;
        const bool rests = slot.state == SlotState::Active || slot.state == SlotState::Idle ||
                           slot.state == SlotState::Backoff || slot.state == SlotState::Held;
        // A process that is being killed has a deadline of its own.
        const bool lives = !slot.current || (!slot.current->killed && ns->workers.contains(slot.current->id));
        return rests && lives && !slot.candidate && slot.pending == 0 && ns->queued == 0 &&
               ns->waiting.empty() && ns->workers.size() == (slot.current ? 1U : 0U);
    });
}

Handover Supervisor::handover() const {
    Handover out;
    out.engine = as_handed(*engine_);
    for (const auto& ns : namespaces_) {
        Handover::Namespace& one = out.namespaces.emplace_back();
        one.name = ns->name;
        one.slot = ns->slot;
        one.newest = ns->newest;
        one.paused = ns->paused;
        one.history.assign(ns->history.begin(), ns->history.end());
        for (const auto& [id, worker] : ns->workers) {
            one.workers.push_back({id, as_handed(*worker.process), worker.generation, worker.accepted,
                                   worker.errors, worker.recycled, worker.session.str()});
        }
    }
    keep(true);
    return out;
}

void Supervisor::keep(bool over_exec) const {
    if (engine_) engine_->keep_over_exec(over_exec);
    for (const auto& ns : namespaces_) {
        for (const auto& [id, worker] : ns->workers) worker.process->keep_over_exec(over_exec);
    }
}

void Supervisor::take_over(const Handover& from) {
    const auto adopted = [](const Handover::Child& child) {
        return std::make_unique<ChildProcess>(child.pid, OwnedFd(child.channel), child.nonce);
    };
    engine_ = adopted(from.engine);
    engine_ready_ = engine_was_ready_ = true;
    for (const Handover::Namespace& one : from.namespaces) {
        auto ns = std::make_unique<Namespace>();
        ns->name = one.name;
        ns->slot = one.slot;
        ns->newest = one.newest;
        ns->paused = one.paused;
        ns->history.assign(one.history.begin(), one.history.end());
        for (const Handover::Worker& handed : one.workers) {
            Worker worker;
            worker.process = adopted(handed.child);
            worker.generation = handed.generation;
            worker.accepted = handed.accepted;
            worker.errors = handed.errors;
            worker.recycled = handed.recycled;
            worker.claimed = true;
            worker.session = Uuid::parse(handed.session).value_or(Uuid{});
            if (!options_.flights.empty()) worker.flight = open_flight(options_.flights / handed.session);
            ns->workers.emplace(handed.id, std::move(worker));
        }
        namespaces_.push_back(std::move(ns));
    }
}

}  // namespace tasker::host
