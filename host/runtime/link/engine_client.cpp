#include "host/runtime/link/engine_client.hpp"

#include <sys/eventfd.h>

#include <algorithm>

#include "host/core/wakeup.hpp"

namespace tasker::host {

namespace {
constexpr std::int64_t kStarvingAfterMs = 10'000;
constexpr std::int64_t kAnswerMs = 1000;  // of the engine; then the local knowledge is the answer

template <class Payload>
std::string bytes_of(const Payload& payload) {
    std::string bytes;
    FieldWriter fields(bytes);
    put(fields, payload);
    return bytes;
}

// What no engine takes becomes the failure that its handler should have seen.
std::string payload_of(StepExecutionResult result) {
    // Those that only this process hears of do not travel.
    std::erase_if(result.events,
                  [](const DomainEvent& event) { return event.delivery == DeliveryMode::Fast; });
    std::string bytes = bytes_of(result);
    if (bytes.size() <= kMaxWorkerMessage) return bytes;
    StepExecutionResult failed;
    failed.step_uuid = result.step_uuid;
    failed.task_uuid = result.task_uuid;
    failed.status = "error";
    failed.worker_id = result.worker_id;
    failed.started_ms = result.started_ms;
    failed.completed_ms = result.completed_ms;
    failed.execution_time_ms = result.execution_time_ms;
    failed.error = StepError{"the result and its events are " + std::to_string(bytes.size()) + " bytes, " +
                                 std::to_string(kMaxWorkerMessage) + " are allowed",
                             "invalid_result", "INVALID_RESULT", false, "{}"};
    return bytes_of(failed);
}
}  // namespace

EngineClient::EngineClient(EngineClientOptions options, const Clock& clock, Logger log)
    : options_(std::move(options)),
      clock_(clock),
      log_(log.with({{"component", "link"}})),
      doorbell_(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)),
      away_since_ms_(clock.steady_ms()) {
    if (!doorbell_) throw BootstrapError("the system gives no file descriptor for the link to the engine");
    check_link_path(options_.socket);
    thread_ = NamedThread("tw-link", [this](const std::stop_token& stop) { run(stop); });
}

EngineClient::~EngineClient() { static_cast<void>(stop()); }

FrameHead EngineClient::head(FrameType type, const Uuid& event_id, std::uint32_t fence,
                             std::uint64_t request) const {
    return {type, request, options_.session_uuid, event_id, fence, kNewestProtocol};
}

// Under the lock. The thread that is awake anyway sees what was queued.
void EngineClient::ring() {
    if (!std::exchange(rung_, true)) ::eventfd_write(doorbell_.get(), 1);
}

bool EngineClient::wait_attached(std::int64_t timeout_ms) {
    const std::int64_t until = clock_.steady_ms() + timeout_ms;
    std::unique_lock lock(mutex_);
    while (!attached_ && !ended_ && clock_.steady_ms() < until)
        changed_.wait_for(lock, clock_.real_wait(until));
    return attached_;
}

void EngineClient::offer_templates(std::vector<std::string> definitions) {
    const std::scoped_lock lock(mutex_);
    catalog_ = std::move(definitions);
    if (!attached_) return;
    append_payload(out_, head(FrameType::Catalog), std::span<const std::string>(catalog_));
    ring();
}

void EngineClient::tell_facts(std::vector<std::string> facts) {
    const std::scoped_lock lock(mutex_);
    facts_ = std::move(facts);
    if (!attached_) return;
    append_payload(out_, head(FrameType::Facts), std::span<const std::string>(facts_));
    ring();
}

void EngineClient::set_capacity(Capacity capacity) {
    std::unique_lock lock(mutex_);
    capacity_ = std::move(capacity);
    capacity_set_ = true;
    if (!attached_ || draining_) return;
    const bool waits = capacity_.slots == 0 && std::this_thread::get_id() != thread_id_;
    const std::uint64_t request = waits ? next_request_++ : 0;
    append_payload(out_, head(FrameType::Capacity, {}, 0, request), capacity_);
    ring();
    if (waits) static_cast<void>(wait_answer(lock, request));
}

// Nothing when none came in time.
std::optional<CheckpointAnswer> EngineClient::wait_answer(std::unique_lock<std::mutex>& lock,
                                                          std::uint64_t request) {
    const auto waiter = waiters_.emplace(request, std::nullopt).first;
    const std::int64_t until = clock_.steady_ms() + kAnswerMs;
    while (!waiter->second && attached_ && clock_.steady_ms() < until)
        changed_.wait_for(lock, clock_.real_wait(until));
    auto answer = std::move(waiter->second);
    waiters_.erase(waiter);
    return answer;
}

void EngineClient::on_activity(std::function<void()> wake) {
    const std::scoped_lock lock(mutex_);
    wake_ = std::move(wake);
}

std::vector<StepEvent> EngineClient::poll_step_events(std::size_t limit) {
    std::vector<StepEvent> events;
    std::vector<Uuid> started;
    const std::scoped_lock lock(mutex_);
    if (draining_) return events;
    const std::size_t count = std::min(limit, pending_.size());
    if (count == 0) return events;
    events.reserve(count);
    for (std::size_t i = 0; i < count; ++i) {
        events.push_back(std::move(pending_.front()));
        pending_.pop_front();
        const auto claim = claims_.find(events.back().event_id);
        if (claim == claims_.end()) continue;
        claim->second.started = true;
        started.push_back(claim->first);
    }
    if (!attached_) return events;  // the next HELLO says it
    append_payload(out_, head(FrameType::Started), std::span<const Uuid>(started));
    ring();
    return events;
}

std::vector<Revocation> EngineClient::take_revocations() {
    const std::scoped_lock lock(mutex_);
    return std::exchange(revocations_, {});
}

void EngineClient::complete_step_event(const Uuid& event_id, StepExecutionResult result, Done done) {
    const std::string payload = payload_of(std::move(result));
    std::unique_lock lock(mutex_);
    send_answer(FrameType::Result, event_id, payload, std::move(done), lock);
}

void EngineClient::yield_step_event(const Uuid& event_id, Checkpoint checkpoint, Done done) {
    if (const auto fault = checkpoint_fault(checkpoint)) {
        // The same handler would yield the same again; and it need not travel.
        StepExecutionResult failed;
        failed.status = "error";
        failed.worker_id = options_.worker_id;
        failed.completed_ms = clock_.unix_ms();
        failed.started_ms = failed.completed_ms;
        failed.error = StepError{*fault, "checkpoint_error", "INVALID_CHECKPOINT", false, "{}"};
        {
            const std::scoped_lock lock(mutex_);
            if (const auto claim = claims_.find(event_id); claim != claims_.end())
                failed.step_uuid = claim->second.step_uuid;
        }
        return complete_step_event(event_id, std::move(failed), std::move(done));
    }
    const std::string payload = bytes_of(checkpoint);
    std::unique_lock lock(mutex_);
    send_answer(FrameType::Yield, event_id, payload, std::move(done), lock);
}

// A result or a yield: kept until the engine has said what became of it.
void EngineClient::send_answer(FrameType type, const Uuid& event_id, std::string_view payload, Done done,
                               std::unique_lock<std::mutex>& lock) {
    const auto claim = claims_.find(event_id);
    if (claim == claims_.end() || ended_) {
        if (!done) return;
        const auto verdict =
            recorded_.contains(event_id) ? CompletionVerdict::AlreadyRecorded : CompletionVerdict::Superseded;
        if (ended_) {
            lock.unlock();
            return done(verdict);
        }
        told_.push_back({std::move(done), verdict});
        return ring();
    }
    const std::uint64_t request = next_request_++;
    Kept& kept = kept_[request];
    kept.type = type;
    kept.event_id = event_id;
    kept.done = std::move(done);
    kept.first = !std::exchange(claim->second.answered, true);
    append_message(kept.frames, head(type, event_id, claim->second.fence, request), payload);
    if (!attached_) return;
    out_ += kept.frames;
    ring();
}

bool EngineClient::heartbeat(const Uuid& event_id) {
    std::unique_lock lock(mutex_);
    const auto claim = claims_.find(event_id);
    if (claim == claims_.end()) return false;
    if (!attached_) return true;
    const std::uint64_t request = next_request_++;
    append_message(out_, head(FrameType::Heartbeat, event_id, claim->second.fence, request), {});
    ring();
    const auto answer = wait_answer(lock, request);
    return answer ? answer->saved : claims_.contains(event_id);
}

bool EngineClient::save_checkpoint(const Uuid& event_id, const Checkpoint& checkpoint) {
    if (const auto fault = checkpoint_fault(checkpoint)) throw Error(*fault);
    const std::string payload = bytes_of(checkpoint);
    std::unique_lock lock(mutex_);
    const auto claim = claims_.find(event_id);
    if (claim == claims_.end()) return false;
    const std::uint64_t request = next_request_++;
    Kept& kept = kept_[request];
    kept.type = FrameType::Checkpoint;
    kept.event_id = event_id;
    append_message(kept.frames, head(FrameType::Checkpoint, event_id, claim->second.fence, request), payload);
    const auto waiter = waiters_.emplace(request, std::nullopt).first;
    if (attached_) {
        out_ += kept.frames;
        ring();
    }
    while (!waiter->second && !ended_ && !engine_is_away(clock_.steady_ms()))
        changed_.wait_for(lock, clock_.real_wait(attached_ ? kNever : away_since_ms_ + options_.patience_ms));
    const auto answer = std::move(waiter->second);
    waiters_.erase(waiter);
    kept_.erase(request);
    if (!answer) throw StoreUnavailable("the checkpoint was not saved: " + away_why_);
    if (answer->unavailable) throw StoreUnavailable(answer->fault);
    if (!answer->fault.empty()) throw Error(answer->fault);
    return answer->saved;
}

void EngineClient::release_step_event(const Uuid& event_id, std::string reason) {
    const std::scoped_lock lock(mutex_);
    const auto claim = claims_.find(event_id);
    if (claim == claims_.end() || claim->second.answered) return;
    if (!claim->second.started)
        std::erase_if(pending_, [&](const StepEvent& event) { return event.event_id == event_id; });
    if (attached_) {  // else it is missing in the next list, which says the same
        append_message(out_, head(FrameType::Release, event_id, claim->second.fence), reason);
        ring();
    }
    claims_.erase(claim);
}

StarvationReport EngineClient::check_starvation_warnings() {
    const std::int64_t now = clock_.steady_ms();
    StarvationReport report;
    const std::scoped_lock lock(mutex_);
    report.pending = pending_.size();
    for (const StepEvent& event : pending_) {
        const auto claim = claims_.find(event.event_id);
        if (claim == claims_.end()) continue;
        const std::int64_t waited = now - claim->second.since_ms;
        report.oldest_pending_ms = std::max(report.oldest_pending_ms, waited);
        if (waited > kStarvingAfterMs) report.starving.push_back(event.event_id);
    }
    return report;
}

std::size_t EngineClient::cleanup_timeouts() {
    const std::scoped_lock lock(mutex_);
    return recorded_.forget_old(clock_.steady_ms());
}

RuntimeStatus EngineClient::status() const {
    const std::scoped_lock lock(mutex_);
    RuntimeStatus status = engine_status_;
    if (!attached_ && !ended_) {
        status.pool_size = status.pool_idle = 0;
        status.error = away_why_;
    }
    status.core_status = ended_                  ? "stopped"
                         : !status.error.empty() ? "unavailable"
                         : draining_             ? "draining"
                                                 : "running";
    status.claimed = claims_.size();
    return status;
}

void EngineClient::transition_to_graceful_shutdown() {
    const std::scoped_lock lock(mutex_);
    if (std::exchange(draining_, true)) return;
    append_drain();
    for (const StepEvent& event : std::exchange(pending_, {})) {
        const auto claim = claims_.find(event.event_id);
        if (claim == claims_.end()) continue;
        if (attached_)
            append_message(out_, head(FrameType::Release, event.event_id, claim->second.fence),
                           "the worker is draining");
        claims_.erase(claim);
    }
    ring();
}

void EngineClient::append_drain() {
    if (attached_) append_message(out_, head(FrameType::Drain), {});
}

bool EngineClient::engine_is_away(std::int64_t now) const {
    return !attached_ && now - away_since_ms_ >= options_.patience_ms;
}

std::size_t EngineClient::stop() {
    std::size_t returned = 0;
    {
        std::unique_lock lock(mutex_);
        if (std::exchange(stopping_, true)) return 0;
        draining_ = true;
        pending_.clear();
        const std::uint64_t request = next_request_++;
        Kept& kept = kept_[request];
        kept.type = FrameType::Stop;
        append_message(kept.frames, head(FrameType::Stop, {}, 0, request), {});
        if (attached_) out_ += kept.frames;
        ring();
        returned = wait_stopped(lock, request);
        ended_ = true;
        attached_ = false;
        ring();
        changed_.notify_all();
    }
    thread_.request_stop();
    thread_.join();
    const std::scoped_lock lock(mutex_);
    claims_.clear();
    kept_.clear();
    wake_ = {};
    return returned;
}

std::size_t EngineClient::wait_stopped(std::unique_lock<std::mutex>& lock, std::uint64_t request) {
    const auto nothing_to_lose = [&] { return !attached_ && claims_.empty() && kept_.size() == 1; };
    while (!stopped_ && !nothing_to_lose() && !engine_is_away(clock_.steady_ms()))
        changed_.wait_for(lock, clock_.real_wait(attached_ ? kNever : away_since_ms_ + options_.patience_ms));
    if (stopped_) return *stopped_;
    kept_.erase(request);
    // Its lease ends with this process.
    if (!claims_.empty() || !kept_.empty()) {
        log_.warn("the engine was not there when the worker stopped; its steps are taken back by the engine",
                  {{"steps", claims_.size()}, {"results", kept_.size()}, {"reason", away_why_}});
    }
    return static_cast<std::size_t>(std::ranges::count_if(
        claims_, [](const auto& entry) { return entry.second.started && !entry.second.answered; }));
}

}  // namespace tasker::host
