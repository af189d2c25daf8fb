#include "host/engine/session.hpp"

#include <algorithm>

namespace tasker::host {

namespace {
constexpr std::int64_t kStarvingAfterMs = 10'000;
constexpr std::int64_t kForgetAfterMs = 300'000;
constexpr std::size_t kMaxRecorded = 8192;
}  // namespace

Session::Session(SessionOptions options, const Clock& clock, ClaimLimits limits)
    : options_(std::move(options)), clock_(clock), limits_(limits) {}

void Session::on_activity(std::function<void()> wake) {
    const std::scoped_lock lock(mutex_);
    wake_ = std::move(wake);
}

std::vector<StepEvent> Session::poll(std::size_t limit) {
    std::vector<StepEvent> events;
    const std::int64_t now = clock_.steady_ms();
    const std::scoped_lock lock(mutex_);
    const std::size_t count = std::min(limit, pending_.size());
    events.reserve(count);
    std::int64_t earliest = next_deadline_.load(std::memory_order_relaxed);
    for (std::size_t i = 0; i < count; ++i) {
        events.push_back(std::move(pending_.front()));
        pending_.pop_front();
        const auto mark = marks_.find(events.back().event_id);
        if (mark == marks_.end()) continue;
        mark->second.polled = true;
        if (mark->second.timeout_ms <= 0) continue;
        mark->second.deadline_ms = now + mark->second.timeout_ms + limits_.backstop_ms;
        mark->second.last_deadline_ms =
            std::max(mark->second.deadline_ms, now + limits_.max_runtime_ms + limits_.backstop_ms);
        earliest = std::min(earliest, mark->second.deadline_ms);
    }
    next_deadline_.store(earliest, std::memory_order_relaxed);
    return events;
}

std::vector<Revocation> Session::take_revocations() {
    const std::scoped_lock lock(mutex_);
    return std::exchange(revocations_, {});
}

std::optional<ClaimMark> Session::mark(const Uuid& event_id) const {
    const std::scoped_lock lock(mutex_);
    const auto found = marks_.find(event_id);
    if (found == marks_.end()) return std::nullopt;
    return found->second;
}

std::optional<ClaimRef> Session::find(const Uuid& event_id) const {
    const auto found = mark(event_id);
    return found ? std::optional(found->claim) : std::nullopt;
}

bool Session::was_recorded(const Uuid& event_id) const {
    const std::scoped_lock lock(mutex_);
    return recorded_.contains(event_id);
}

bool Session::heartbeat(const Uuid& event_id) {
    const std::int64_t now = clock_.steady_ms();
    const std::scoped_lock lock(mutex_);
    const auto found = marks_.find(event_id);
    if (found == marks_.end() || found->second.expiring) return false;
    ClaimMark& mark = found->second;
    if (mark.deadline_ms == kNever) return true;
    const std::int64_t extended =
        std::min(now + mark.timeout_ms + limits_.backstop_ms, mark.last_deadline_ms);
    mark.deadline_ms = std::max(mark.deadline_ms, extended);
    return true;
}

StarvationReport Session::starvation() const {
    const std::int64_t now = clock_.steady_ms();
    StarvationReport report;
    const std::scoped_lock lock(mutex_);
    report.pending = pending_.size();
    for (const StepEvent& event : pending_) {
        const auto mark = marks_.find(event.event_id);
        if (mark == marks_.end()) continue;
        const std::int64_t waited = now - mark->second.claimed_steady_ms;
        report.oldest_pending_ms = std::max(report.oldest_pending_ms, waited);
        if (waited > kStarvingAfterMs) report.starving.push_back(event.event_id);
    }
    return report;
}

std::size_t Session::forget_old() {
    const std::int64_t before = clock_.steady_ms() - kForgetAfterMs;
    const std::scoped_lock lock(mutex_);
    std::size_t forgotten = 0;
    while (!recorded_order_.empty() && recorded_order_.front().second <= before) {
        recorded_.erase(recorded_order_.front().first);
        recorded_order_.pop_front();
        ++forgotten;
    }
    return forgotten;
}

std::size_t Session::claimed() const {
    const std::scoped_lock lock(mutex_);
    return marks_.size();
}

std::size_t Session::returned() const {
    const std::scoped_lock lock(mutex_);
    return returned_;
}

void Session::publish(std::vector<std::pair<StepEvent, ClaimMark>> claims) {
    const std::scoped_lock lock(mutex_);
    for (auto& [event, mark] : claims) {
        marks_.insert_or_assign(event.event_id, mark);
        pending_.push_back(std::move(event));
    }
}

void Session::remember_recorded(const Uuid& event_id) {
    if (!recorded_.insert(event_id).second) return;
    recorded_order_.emplace_back(event_id, clock_.steady_ms());
    if (recorded_order_.size() <= kMaxRecorded) return;
    recorded_.erase(recorded_order_.front().first);
    recorded_order_.pop_front();
}

void Session::finished(const Uuid& event_id, CompletionVerdict verdict) {
    const std::scoped_lock lock(mutex_);
    if (const auto mark = marks_.find(event_id); mark != marks_.end()) {
        if (!mark->second.polled) {
            std::erase_if(pending_, [&](const StepEvent& event) { return event.event_id == event_id; });
        } else if (verdict == CompletionVerdict::Superseded) {
            ++returned_;
        }
        marks_.erase(mark);
    }
    if (verdict == CompletionVerdict::Accepted) remember_recorded(event_id);
}

void Session::revoked(const Uuid& event_id, Revocation::Why why) {
    const std::scoped_lock lock(mutex_);
    const auto mark = marks_.find(event_id);
    if (mark == marks_.end()) return;
    if (mark->second.polled) {
        revocations_.push_back({event_id, why});
    } else {
        std::erase_if(pending_, [&](const StepEvent& event) { return event.event_id == event_id; });
    }
    marks_.erase(mark);
}

void Session::wake() const {
    std::function<void()> wake;
    {
        const std::scoped_lock lock(mutex_);
        wake = wake_;
    }
    if (wake) wake();
}

std::vector<std::pair<Uuid, ClaimMark>> Session::take_expired() {
    const std::int64_t now = clock_.steady_ms();
    std::vector<std::pair<Uuid, ClaimMark>> expired;
    const std::scoped_lock lock(mutex_);
    std::int64_t earliest = kNever;
    for (auto& [event_id, mark] : marks_) {
        if (mark.expiring) continue;
        if (mark.deadline_ms <= now) {
            mark.expiring = true;
            expired.emplace_back(event_id, mark);
        } else {
            earliest = std::min(earliest, mark.deadline_ms);
        }
    }
    next_deadline_.store(earliest, std::memory_order_relaxed);
    return expired;
}

std::vector<std::pair<Uuid, ClaimRef>> Session::take_unpolled() {
    std::vector<std::pair<Uuid, ClaimRef>> claims;
    const std::scoped_lock lock(mutex_);
    for (const StepEvent& event : pending_) {
        if (const auto mark = marks_.find(event.event_id); mark != marks_.end()) {
            claims.emplace_back(event.event_id, mark->second.claim);
        }
    }
    pending_.clear();
    return claims;
}

std::vector<std::pair<Uuid, ClaimRef>> Session::all_claims() {
    std::vector<std::pair<Uuid, ClaimRef>> claims;
    const std::scoped_lock lock(mutex_);
    for (const auto& [event_id, mark] : marks_) claims.emplace_back(event_id, mark.claim);
    pending_.clear();
    return claims;
}

}  // namespace tasker::host
