#include "host/engine/session.hpp"

#include <algorithm>

namespace tasker::host {

namespace {
constexpr std::int64_t kStarvingAfterMs = 10'000;
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
    for (std::size_t i = 0; i < count; ++i) {
        events.push_back(std::move(pending_.front()));
        pending_.pop_front();
        const auto mark = marks_.find(events.back().event_id);
        if (mark != marks_.end()) mark_started(mark->second, now);
    }
    return events;
}

void Session::mark_started(ClaimMark& mark, std::int64_t now) {
    mark.polled = true;
    if (mark.timeout_ms <= 0) return;
    mark.deadline_ms = now + mark.timeout_ms + limits_.backstop_ms;
    mark.last_deadline_ms = std::max(mark.deadline_ms, now + limits_.max_runtime_ms + limits_.backstop_ms);
    if (mark.deadline_ms < next_deadline_.load(std::memory_order_relaxed))
        next_deadline_.store(mark.deadline_ms, std::memory_order_relaxed);
}

std::vector<DeliveredStep> Session::deliver(std::size_t limit) {
    std::vector<DeliveredStep> steps;
    const std::scoped_lock lock(mutex_);
    while (steps.size() < limit && !pending_.empty()) {
        StepEvent event = std::move(pending_.front());
        pending_.pop_front();
        const auto mark = marks_.find(event.event_id);
        if (mark == marks_.end()) continue;
        mark->second.delivered = true;
        steps.push_back({std::move(event), mark->second.claim.fence});
    }
    return steps;
}

void Session::start(std::span<const Uuid> events) {
    const std::int64_t now = clock_.steady_ms();
    const std::scoped_lock lock(mutex_);
    for (const Uuid& event_id : events) {
        const auto mark = marks_.find(event_id);
        if (mark != marks_.end() && mark->second.delivered && !mark->second.polled)
            mark_started(mark->second, now);
    }
}

std::vector<HeldClaim> Session::held() const {
    std::vector<HeldClaim> claims;
    const std::scoped_lock lock(mutex_);
    claims.reserve(marks_.size());
    for (const auto& [event_id, mark] : marks_)
        claims.push_back({event_id, mark.step_uuid, mark.claim.fence, mark.polled});
    return claims;
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
    const std::scoped_lock lock(mutex_);
    return recorded_.forget_old(clock_.steady_ms());
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

void Session::finished(const Uuid& event_id, CompletionVerdict verdict) {
    const std::scoped_lock lock(mutex_);
    if (const auto mark = marks_.find(event_id); mark != marks_.end()) {
        if (!mark->second.polled && !mark->second.delivered) {
            std::erase_if(pending_, [&](const StepEvent& event) { return event.event_id == event_id; });
        } else if (mark->second.polled && verdict == CompletionVerdict::Superseded) {
            ++returned_;
        }
        marks_.erase(mark);
    }
    if (verdict == CompletionVerdict::Accepted) recorded_.add(event_id, clock_.steady_ms());
}

void Session::revoked(const Uuid& event_id, Revocation::Why why) {
    const std::scoped_lock lock(mutex_);
    const auto mark = marks_.find(event_id);
    if (mark == marks_.end()) return;
    if (mark->second.polled || mark->second.delivered) {
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

std::vector<std::pair<Uuid, ClaimRef>> Session::claims_besides(const std::unordered_set<Uuid>& listed) {
    std::vector<std::pair<Uuid, ClaimRef>> claims;
    const std::scoped_lock lock(mutex_);
    for (const auto& [event_id, mark] : marks_) {
        if (!listed.contains(event_id)) claims.emplace_back(event_id, mark.claim);
    }
    std::erase_if(pending_, [&](const StepEvent& event) { return !listed.contains(event.event_id); });
    return claims;
}

void Session::adopt(const HeldClaim& held, ClaimMark mark) {
    const std::int64_t now = clock_.steady_ms();
    const std::scoped_lock lock(mutex_);
    mark.delivered = true;
    mark.polled = false;
    if (held.started) mark_started(mark, now);
    marks_.insert_or_assign(held.event_id, std::move(mark));
}

std::optional<ClaimMark> Session::take(const Uuid& event_id) {
    const std::scoped_lock lock(mutex_);
    const auto found = marks_.find(event_id);
    if (found == marks_.end()) return std::nullopt;
    std::optional<ClaimMark> mark(std::move(found->second));
    marks_.erase(found);
    return mark;
}

void Session::note_recorded(const Uuid& event_id) {
    const std::scoped_lock lock(mutex_);
    recorded_.add(event_id, clock_.steady_ms());
}

}  // namespace tasker::host
