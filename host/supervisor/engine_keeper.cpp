// The engine process: the workers wait for it at the start, outlive it, and end before it.

#include <signal.h>

#include <algorithm>

#include "host/core/error.hpp"
#include "host/supervisor/supervisor.hpp"

namespace tasker::host {

namespace {
constexpr std::int64_t kFirstRetryMs = 100, kLastRetryMs = 5000;
}  // namespace

void Supervisor::start_engine() {
    engine_failure_.clear();
    engine_ready_ = false;
    engine_ = std::make_unique<ChildProcess>(options_.engine, random_.next());
    engine_due_ms_ = clock_.steady_ms() + options_.engine_ready_ms;
    log_.info("Engine started (pid " + std::to_string(engine_->pid()) + ")",
              {{"component", "supervisor"}, {"operation", "spawn"}});
}

void Supervisor::listen_to_engine() {
    if (end_ != End::Running) return;
    if (!engine_) {
        if (clock_.steady_ms() < engine_due_ms_) return;
        try {
            start_engine();
        } catch (const Error& error) {
            log_.error(error.what(), {{"component", "supervisor"}, {"operation", "spawn"}});
            engine_due_ms_ = clock_.steady_ms() + kLastRetryMs;
        }
        return;
    }
    const auto end = engine_->reap();
    while (const auto message = engine_->channel().receive()) {
        if (message->kind == ControlMessage::Kind::Alive || engine_heard_ms_ != kNever)
            engine_heard_ms_ = clock_.steady_ms();
        if (message->kind == ControlMessage::Kind::Failed) engine_failure_ = message->text;
        if (message->kind != ControlMessage::Kind::Ready || engine_ready_) continue;
        engine_ready_ = true;
        engine_due_ms_ = kNever;
        engine_failures_ = 0;
        log_.info("Engine is ready", {{"component", "supervisor"}, {"operation", "engine_ready"}});
        if (!std::exchange(engine_was_ready_, true) && stops_ == 0) start_workers();
    }
    if (end) return engine_ended(*end);
    if (engine_silent_at_ms() <= clock_.steady_ms()) {
        log_.error("The engine is killed: it has said nothing for " + std::to_string(options_.silence_ms) +
                       " ms (was it stopped by a signal or a debugger?)",
                   {{"component", "supervisor"}, {"operation", "engine"}});
        engine_heard_ms_ = kNever;
        engine_->signal(SIGKILL);
        return;
    }
    if (clock_.steady_ms() < engine_due_ms_) return;
    log_.error(engine_ready_ ? "The engine does not end in time and is killed"
                             : "The engine is not ready in time and is killed",
               {{"component", "supervisor"}, {"operation", "engine"}});
    killed_ = killed_ || stops_ > 0;
    engine_->signal(SIGKILL);
    engine_due_ms_ = kNever;
}

std::int64_t Supervisor::engine_silent_at_ms() const {
    const bool watched = options_.silence_ms > 0 && engine_heard_ms_ != kNever && !engine_stopping_;
    return watched ? engine_heard_ms_ + options_.silence_ms : kNever;
}

void Supervisor::engine_ended(const ChildEnd& how) {
    engine_.reset();
    engine_heard_ms_ = kNever;
    engine_ready_ = false;
    engine_due_ms_ = kNever;
    const bool busy = std::ranges::any_of(namespaces_, [](const auto& ns) { return !ns->workers.empty(); });
    if (stops_ > 0 && !busy) {
        end_ = killed_ ? End::HandedBack : End::Done;
        return;
    }
    const std::string why = engine_failure_.empty() ? how.text() : engine_failure_ + " (" + how.text() + ")";
    if (how.exited && how.code == options_.engine_refused_code) {
        log_.error("The engine refuses its store: " + why,
                   {{"component", "supervisor"}, {"operation", "engine_ended"}});
        // No engine will come: what the workers hold is taken back by the next one.
        for (const auto& ns : namespaces_) feed(*ns, {SlotEvent::Kind::Kill});
        namespaces_.clear();
        end_ = End::StoreRefused;
        return;
    }
    if (!engine_was_ready_) {
        log_.error("The engine cannot start: " + why,
                   {{"component", "supervisor"}, {"operation", "engine_ended"}});
        end_ = End::EngineFailed;
        return;
    }
    // The workers keep what they run, and their results.
    const std::int64_t wait = std::min(kLastRetryMs, kFirstRetryMs << std::min(engine_failures_++, 10));
    engine_due_ms_ = clock_.steady_ms() + wait;
    log_.error("The engine ended (" + why + ") and is started again in " + std::to_string(wait) + " ms",
               {{"component", "supervisor"}, {"operation", "engine_ended"}});
}

void Supervisor::stop_engine_when_alone() {
    if (stops_ == 0 || end_ != End::Running) return;
    for (const auto& ns : namespaces_) {
        if (!ns->workers.empty()) return;
    }
    if (!engine_) {
        end_ = killed_ ? End::HandedBack : End::Done;
        return;
    }
    if (engine_stopping_ && stops_ < 2) return;
    engine_stopping_ = true;
    engine_->channel().send({ControlMessage::Kind::Drain});
    engine_due_ms_ = std::min(engine_due_ms_, clock_.steady_ms() + options_.engine_stop_ms);
}

}  // namespace tasker::host
