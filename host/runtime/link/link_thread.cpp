// The client's thread: it connects, reads, writes, and tells the worker what came.

#include <poll.h>
#include <sys/eventfd.h>

#include <algorithm>
#include <array>
#include <chrono>

#include "host/core/wakeup.hpp"
#include "host/model/task_template.hpp"
#include "host/runtime/link/engine_client.hpp"
#include "host/runtime/link/step_message.hpp"

namespace tasker::host {

namespace {
constexpr std::int64_t kFirstRetryMs = 10;
constexpr std::int64_t kMaxRetryMs = 500;
constexpr std::int64_t kRefusedRetryMs = 1000;
// A thread that waits for a descriptor does not see that another one closes it: so it looks again.
constexpr std::int64_t kLookAgainMs = 250;
constexpr std::size_t kReadAtOnce = std::size_t{512} << 10U;
}  // namespace

void EngineClient::run(const std::stop_token& stop) {
    {
        const std::scoped_lock lock(mutex_);
        thread_id_ = std::this_thread::get_id();
    }
    while (!stop.stop_requested()) {
        if (!link_ && clock_.steady_ms() >= retry_at_ms_) connect();
        write();
        tell();
        wait_for_something(stop);
        if (link_) read();
    }
    write();  // the end of the connection says nothing by itself
    link_.reset();
    tell();
}

void EngineClient::connect() {
    std::string why;
    auto socket = connect_link(options_.socket, why);
    if (!socket) return detach(why, 0);
    link_.emplace(std::move(*socket), kMaxEngineMessage);
    link_->out() = hello();
    welcomed_ = false;
}

std::string EngineClient::hello() {
    HelloMessage hello;
    hello.worker_id = options_.worker_id;
    hello.namespaces = options_.namespaces;
    hello.generation = options_.generation;
    hello.token = options_.token;
    std::string bytes;
    const std::scoped_lock lock(mutex_);
    hello.capacity = capacity_;
    if (draining_) hello.capacity.slots = 0;
    hello.held.reserve(claims_.size());
    for (const auto& [event_id, claim] : claims_)
        hello.held.push_back({event_id, claim.step_uuid, claim.fence, claim.started});
    append_payload(bytes, head(FrameType::Hello), hello);
    return bytes;
}

void EngineClient::wait_for_something(const std::stop_token& stop) {
    std::array<pollfd, 2> ends{pollfd{doorbell_.get(), POLLIN, 0}, pollfd{-1, 0, 0}};
    if (link_) {
        const bool more = link_->unsent() > 0;
        ends[1] = {link_->fd(), static_cast<short>(POLLIN | (more ? POLLOUT : 0)), 0};
    }
    const auto wait =
        std::min(clock_.real_wait(link_ ? kNever : retry_at_ms_), std::chrono::milliseconds{kLookAgainMs});
    if (stop.stop_requested()) return;
    static_cast<void>(::poll(ends.data(), ends.size(), static_cast<int>(wait.count())));
    // A handler closed descriptors that are not its own. Ours are given up before a new one may get their numbers.
    if ((ends[0].revents & POLLNVAL) != 0) {
        if (link_) detach("the process's descriptors were closed", 0);
        const std::scoped_lock lock(mutex_);
        doorbell_.reset();
        doorbell_ = OwnedFd(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK));
        rung_ = false;
        return;
    }
    if ((ends[0].revents & POLLIN) != 0) {
        eventfd_t rings = 0;
        static_cast<void>(::eventfd_read(doorbell_.get(), &rings));
    }
}

void EngineClient::write() {
    {
        const std::scoped_lock lock(mutex_);
        rung_ = false;
        if (!link_) return;
        if (attached_ && !out_.empty()) {
            std::string& to = link_->out();
            if (to.empty()) {
                to.swap(out_);
            } else {
                to += out_;
            }
            out_.clear();
        }
    }
    if (link_->unsent() > 0 && !link_->flush()) detach("the engine closed the connection", 0);
}

void EngineClient::tell() {
    std::vector<Told> told;
    {
        const std::scoped_lock lock(mutex_);
        told.swap(told_);
    }
    for (const Told& each : told) {
        try {
            if (each.done) each.done(each.verdict);
        } catch (...) {
            log_.error("the callback of complete_step_event() threw; a callback must not throw", {});
        }
    }
}

void EngineClient::wake() const {
    std::function<void()> wake;
    {
        const std::scoped_lock lock(mutex_);
        wake = wake_;
    }
    if (wake) wake();
}

void EngineClient::read() {
    const bool there = link_->receive(kReadAtOnce);
    try {
        while (const auto message = link_->next()) {
            if (message->head.type != FrameType::Step) publish_steps();
            if (!handle(*message)) return;
        }
        publish_steps();
    } catch (const Error& error) {
        log_.error("the engine's side of the link cannot be understood", {{"error_message", error.what()}});
        return detach(std::string("the engine broke the protocol: ") + error.what(), kRefusedRetryMs);
    }
    if (!there) detach("the engine closed the connection", 0);
}

// False once there is no connection any more.
bool EngineClient::handle(const LinkMessage& message) {
    const FrameType type = message.head.type;
    if (type == FrameType::Refused) {
        const RefusedMessage refused = refused_from(message.payload);
        const bool again = refused.code == RefusalCode::Replaced || refused.code == RefusalCode::Stopping ||
                           refused.code == RefusalCode::Silent;
        detach("the engine ended the connection: " + refused.reason, again ? 0 : kRefusedRetryMs);
        return false;
    }
    if (from_worker(type) || (!welcomed_ && type != FrameType::Welcome && type != FrameType::Ping))
        throw LinkFault("an unexpected " + std::string(name(type)));
    switch (type) {
        case FrameType::Welcome:
            welcome(welcome_from(message.payload));
            break;
        case FrameType::Template:
            take_template(template_from(message.payload));
            break;
        case FrameType::Step:
            take_step(message);
            break;
        case FrameType::Revoked:
            take_revoked(revocations_from(message.payload));
            break;
        case FrameType::Verdicts:
            take_verdicts(verdicts_from(message.payload));
            break;
        case FrameType::Saved:
            answer_waiter(message.head.request, checkpoint_answer_from(message.payload));
            break;
        case FrameType::Alive: {
            FieldReader in(message.payload);
            answer_waiter(message.head.request, {in.flag(), false, {}});
            break;
        }
        case FrameType::Status: {
            RuntimeStatus status = status_from(message.payload);
            const std::scoped_lock lock(mutex_);
            engine_status_ = std::move(status);
            break;
        }
        case FrameType::Stopped: {
            FieldReader in(message.payload);
            const auto returned = in.number<std::uint64_t>();
            const std::scoped_lock lock(mutex_);
            kept_.erase(message.head.request);
            stopped_ = static_cast<std::size_t>(returned);
            changed_.notify_all();
            break;
        }
        default:  // a PING
            append_message(link_->out(), head(FrameType::Pong), {});
    }
    return true;
}

// Everything that is not acknowledged goes once more, in its order; what the engine has by now it says so of.
void EngineClient::welcome(const WelcomeMessage& welcome) {
    if (welcome.protocol < kOldestProtocol || welcome.protocol > kNewestProtocol)
        throw LinkFault("it speaks version " + std::to_string(welcome.protocol));
    welcomed_ = true;
    retry_ms_ = 0;
    away_logged_ = false;
    {
        const std::scoped_lock lock(mutex_);
        engine_status_ = welcome.status;
        for (const Uuid& event_id : welcome.gone) {
            const auto claim = claims_.find(event_id);
            if (claim == claims_.end()) continue;
            if (!claim->second.started) {
                std::erase_if(pending_, [&](const StepEvent& event) { return event.event_id == event_id; });
            } else if (!claim->second.answered) {
                revocations_.push_back({event_id, Revocation::Why::LeaseLost});
            }
            // Of an answered one the engine still has to say what became of the answer.
            if (!claim->second.answered) claims_.erase(claim);
        }
        attached_ = !ended_;
        out_.clear();
        if (capacity_set_ && !draining_) append_payload(out_, head(FrameType::Capacity), capacity_);
        if (draining_) append_drain();
        if (!catalog_.empty())
            append_payload(out_, head(FrameType::Catalog), std::span<const std::string>(catalog_));
        if (!facts_.empty())
            append_payload(out_, head(FrameType::Facts), std::span<const std::string>(facts_));
        for (auto& [request, kept] : kept_) {
            kept.resent = true;
            out_ += kept.frames;
        }
        changed_.notify_all();
    }
    log_.info("attached to the engine", {{"gone", welcome.gone.size()}});
    if (!welcome.gone.empty()) wake();
}

void EngineClient::take_template(TemplateMessage message) {
    if (message.forget_others) templates_.clear();
    templates_.insert_or_assign(
        message.id, std::make_shared<const TaskTemplate>(template_from_json(message.definition_json)));
}

void EngineClient::take_step(const LinkMessage& message) {
    StepEvent event = step_from(message.head.event, message.payload, [this](std::uint32_t id) {
        const auto found = templates_.find(id);
        return found == templates_.end() ? nullptr : found->second;
    });
    steps_.push_back({std::move(event), message.head.fence});
}

void EngineClient::publish_steps() {
    if (steps_.empty()) return;
    const std::int64_t now = clock_.steady_ms();
    {
        const std::scoped_lock lock(mutex_);
        for (auto& [event, fence] : std::exchange(steps_, {})) {
            if (draining_) {
                append_message(out_, head(FrameType::Release, event.event_id, fence),
                               "the worker is draining");
                continue;
            }
            claims_.insert_or_assign(event.event_id, Claim{event.step_uuid, fence, false, false, now});
            pending_.push_back(std::move(event));
        }
    }
    wake();
}

void EngineClient::take_revoked(const std::vector<Revocation>& revocations) {
    {
        const std::scoped_lock lock(mutex_);
        for (const Revocation& revocation : revocations) {
            const auto claim = claims_.find(revocation.event_id);
            if (claim == claims_.end()) continue;
            if (claim->second.started) {
                revocations_.push_back(revocation);
            } else {
                std::erase_if(pending_,
                              [&](const StepEvent& event) { return event.event_id == revocation.event_id; });
            }
            claims_.erase(claim);
        }
    }
    wake();
}

void EngineClient::take_verdicts(const std::vector<Verdict>& verdicts) {
    {
        const std::scoped_lock lock(mutex_);
        for (const auto& [request, given] : verdicts) {
            const auto found = kept_.find(request);
            if (found == kept_.end()) continue;  // of what was sent twice, the second
            Kept kept = std::move(found->second);
            kept_.erase(found);
            // Recorded by this very call, over the connection before.
            const bool ours = given == CompletionVerdict::AlreadyRecorded && kept.resent && kept.first;
            claims_.erase(kept.event_id);
            if (given != CompletionVerdict::Superseded) recorded_.add(kept.event_id, clock_.steady_ms());
            told_.push_back({std::move(kept.done), ours ? CompletionVerdict::Accepted : given});
        }
    }
    tell();
}

void EngineClient::answer_waiter(std::uint64_t request, CheckpointAnswer answer) {
    const std::scoped_lock lock(mutex_);
    kept_.erase(request);
    const auto waiter = waiters_.find(request);
    if (waiter == waiters_.end()) return;
    waiter->second = std::move(answer);
    changed_.notify_all();
}

void EngineClient::detach(const std::string& why, std::int64_t retry_ms) {
    link_.reset();
    templates_.clear();
    steps_.clear();
    welcomed_ = false;
    retry_ms_ = retry_ms > 0 ? retry_ms : std::clamp(retry_ms_ * 2, kFirstRetryMs, kMaxRetryMs);
    retry_at_ms_ = clock_.steady_ms() + retry_ms_;
    bool ending = false;
    {
        const std::scoped_lock lock(mutex_);
        if (std::exchange(attached_, false)) away_since_ms_ = clock_.steady_ms();
        away_why_ = why;
        ending = stopping_;
        out_.clear();
        changed_.notify_all();
    }
    if (ending || std::exchange(away_logged_, true)) return;
    log_.warn("the engine is not there; handlers go on, results are kept", {{"reason", why}});
}

}  // namespace tasker::host
