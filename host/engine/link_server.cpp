#include "host/engine/link_server.hpp"

#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>

#include "host/core/wakeup.hpp"
#include "host/engine/link_loop.hpp"

namespace tasker::host {

namespace {
constexpr std::size_t kReadAtOnce = std::size_t{512} << 10U;
// From here on nothing is read from a worker until the store has answered, or the worker has read.
constexpr std::size_t kMaxUnanswered = 8192;
constexpr std::size_t kMaxUnansweredBytes = std::size_t{64} << 20U;
constexpr std::size_t kMaxUnsent = std::size_t{4} << 20U;
constexpr std::int64_t kClosingMs = 2000;
constexpr std::int64_t kStatusEveryMs = 1000;
constexpr int kMaxSilent = 3;

// What epoll tells apart: the lower two bits, the rest is the number of the peer or lease.
constexpr std::uint64_t kDoorbell = 0, kListener = 1, kSocket = 2, kProcess = 3;

OwnedFd process_of(int pid) { return OwnedFd(static_cast<int>(::syscall(SYS_pidfd_open, pid, 0))); }
}  // namespace

LinkServer::LinkServer(Engine& engine, LinkOptions options, const Clock& clock, Logger log)
    : loop_(std::make_unique<Loop>(engine, std::move(options), clock, std::move(log))) {}

LinkServer::~LinkServer() = default;
std::vector<LinkedWorker> LinkServer::workers() const { return loop_->workers(); }
void LinkServer::disconnect_all() { loop_->disconnect_all(); }
void LinkServer::stop() { loop_->stop(); }

LinkServer::Loop::Loop(Engine& engine, LinkOptions options, const Clock& clock, Logger log)
    : engine_(engine),
      options_(std::move(options)),
      clock_(clock),
      log_(log.with({{"component", "link"}})),
      flights_(options_.flight_folder),
      mailbox_(std::make_shared<LinkMailbox>()),
      listener_(listen_link(options_.socket)),
      epoll_(::epoll_create1(EPOLL_CLOEXEC)) {
    if (!epoll_) throw BootstrapError("the system gives no file descriptor for the engine's socket");
    watch(mailbox_->fd(), kDoorbell, EPOLLIN, false);
    watch(listener_.get(), kListener, EPOLLIN, false);
    next_ask_ms_ = clock_.steady_ms() + options_.ask_every_ms;
    thread_ = NamedThread("tw-link", [this](const std::stop_token& stop) { run(stop); });
}

LinkServer::Loop::~Loop() { stop(); }

std::vector<LinkedWorker> LinkServer::Loop::workers() const {
    return workers_.with([](const auto& workers) { return workers; });
}

void LinkServer::Loop::disconnect_all() { mailbox_->post({0, LinkMail::DisconnectAll{}}); }

void LinkServer::Loop::stop() {
    if (!thread_.joinable()) return;
    thread_.request_stop();
    mailbox_->ring();
    thread_.join();
    ::unlink(options_.socket.c_str());
}

void LinkServer::Loop::run(const std::stop_token& stop) {
    while (!stop.stop_requested()) {
        wait();
        take_mail();
        run_timers();
        show_workers();  // before anybody is told what it follows from
        end_round();
        show_workers();
    }
    farewell();
}

void LinkServer::Loop::wait() {
    std::array<epoll_event, 64> events{};
    const auto timeout = clock_.real_wait(next_due());
    const int count = ::epoll_wait(epoll_.get(), events.data(), static_cast<int>(events.size()),
                                   static_cast<int>(timeout.count()));
    for (int i = 0; i < count; ++i)
        happened(events[static_cast<std::size_t>(i)].data.u64, events[static_cast<std::size_t>(i)].events);
}

void LinkServer::Loop::happened(std::uint64_t key, std::uint32_t what) {
    if (key == kDoorbell) return mailbox_->clear_doorbell();
    if (key == kListener) return accept_all();
    const std::uint64_t id = key >> 2U;
    if ((key & 3U) == kProcess) {
        if (const auto lease = leases_.find(id); lease != leases_.end()) process_died(*lease->second);
        return;
    }
    const auto peer = peers_.find(id);
    if (peer == peers_.end()) return;
    if ((what & (EPOLLIN | EPOLLHUP | EPOLLERR)) != 0) read(*peer->second, false);
}

void LinkServer::Loop::accept_all() {
    while (true) {
        OwnedFd socket(::accept4(listener_.get(), nullptr, nullptr, SOCK_CLOEXEC | SOCK_NONBLOCK));
        if (!socket) {
            const bool nothing_left = errno == EAGAIN || errno == EWOULDBLOCK;
            if (!nothing_left && errno != EINTR && errno != ECONNABORTED && !std::exchange(full_said_, true))
                log_.error("a worker's connection cannot be accepted",
                           {{"error_message", std::strerror(errno)}});
            return;
        }
        full_said_ = false;
        accept_one(std::move(socket));
    }
}

void LinkServer::Loop::accept_one(OwnedFd socket) {
    ucred who{};
    socklen_t size = sizeof who;
    if (::getsockopt(socket.get(), SOL_SOCKET, SO_PEERCRED, &who, &size) != 0) return;
    const std::uint64_t id = next_id_++;
    auto& peer = *peers_.emplace(id, std::make_unique<LinkPeer>(id, std::move(socket))).first->second;
    peer.pid = who.pid;
    peer.process = process_of(who.pid);
    peer.close_by_ms = clock_.steady_ms() + options_.hello_within_ms;
    peer.watched = EPOLLIN;
    watch(peer.link.fd(), id << 2U | kSocket, EPOLLIN, false);
    if (peers_.size() > options_.max_connections)
        return refuse(peer, RefusalCode::Overload, "the engine has too many connections");
    if (!peer.process)
        refuse(peer, RefusalCode::Session, "process " + std::to_string(who.pid) + " cannot be watched");
}

void LinkServer::Loop::read(LinkPeer& peer, bool to_the_end) {
    bool there = true;
    try {
        do {
            const std::size_t before = peer.link.reader().held();
            there = peer.link.receive(kReadAtOnce);
            const bool more = peer.link.reader().held() != before;
            while (!peer.closing) {
                const auto message = peer.link.next();
                if (!message) break;
                heard(peer, *message);
            }
            if (peer.closing || !more) break;
        } while (there && to_the_end);
    } catch (const std::exception& fault) {  // a LinkFault, or what came of words that nobody expected
        log_.warn("a worker's process broke the protocol and is disconnected",
                  {{"pid", peer.pid}, {"error_message", fault.what()}});
        return refuse(peer, RefusalCode::Protocol, fault.what());
    }
    if (!there) drop(peer);
}

// Its last words count: a result that was sent is a result.
void LinkServer::Loop::process_died(LinkLease& lease) {
    ::epoll_ctl(epoll_.get(), EPOLL_CTL_DEL, lease.process.get(), nullptr);
    if (lease.peer != nullptr) {
        LinkPeer& peer = *lease.peer;
        if (peer.welcomed) read(peer, true);
        drop(peer);
    }
    give_up(lease, "the worker's process ended", flights_.of(lease.session_uuid));
}

void LinkServer::Loop::take_mail() {
    for (LinkMail& mail : mailbox_->take()) {
        if (std::holds_alternative<LinkMail::DisconnectAll>(mail.what)) {
            for (const auto& [id, peer] : peers_) drop(*peer);
            continue;
        }
        const auto lease = leases_.find(mail.lease);
        if (lease != leases_.end()) take(*lease->second, mail);
    }
}

void LinkServer::Loop::take(LinkLease& lease, LinkMail& mail) {
    const bool told = lease.peer != nullptr && lease.peer->welcomed;
    const auto answered = [&](std::size_t bytes) {
        --lease.unanswered;
        lease.unanswered_bytes -= bytes;
    };
    if (std::holds_alternative<LinkMail::Activity>(mail.what)) {
        lease.active = true;
    } else if (const auto* verdict = std::get_if<LinkMail::Verdict>(&mail.what)) {
        answered(verdict->bytes);
        // Otherwise it is sent again, and answered then.
        if (told) lease.verdicts.emplace_back(verdict->request, verdict->verdict);
    } else if (const auto* saved = std::get_if<LinkMail::Saved>(&mail.what)) {
        answered(saved->bytes);
        if (told)
            append_payload(lease.peer->link.out(), head(lease, FrameType::Saved, saved->request),
                           saved->answer);
    } else if (auto* adopted = std::get_if<LinkMail::Adopted>(&mail.what)) {
        if (lease.peer != nullptr && lease.peer->id == adopted->connection)
            welcome(lease, std::move(adopted->gone));
    } else if (const auto* ended = std::get_if<LinkMail::Ended>(&mail.what)) {
        if (told && ended->request != 0) {
            write_out(lease);
            std::string payload;
            FieldWriter(payload).number(static_cast<std::uint64_t>(ended->returned));
            append_message(lease.peer->link.out(), head(lease, FrameType::Stopped, ended->request), payload);
        }
        if (lease.peer != nullptr) {
            lease.peer->closing = true;
            lease.peer->close_by_ms = clock_.steady_ms() + kClosingMs;
            lease.peer->lease = nullptr;
        }
        by_session_.erase(lease.session_uuid);
        leases_.erase(lease.id);
        changed_ = true;
    }
}

void LinkServer::Loop::run_timers() {
    const std::int64_t now = clock_.steady_ms();
    for (const auto& [id, peer] : peers_) {
        if (peer->close_by_ms == 0 || peer->close_by_ms > now) continue;
        if (!peer->closing) log_.warn("a connection did not say who it is in time", {{"pid", peer->pid}});
        drop(*peer);
    }
    for (const auto& [id, lease] : leases_) {
        if (lease->peer == nullptr && !lease->ending && lease->ends_at_ms <= now)
            give_up(*lease, "the worker did not come back");
    }
    if (options_.ask_every_ms > 0 && now >= next_ask_ms_) {
        next_ask_ms_ = now + options_.ask_every_ms;
        ask_around();
    }
    if (now < next_status_ms_) return;
    next_status_ms_ = now + kStatusEveryMs;
    for (const auto& [id, lease] : leases_) tell_status(*lease);
}

// Counted in questions, not in time: while this process slept, nobody was silent.
void LinkServer::Loop::ask_around() {
    for (const auto& [id, lease] : leases_) {
        if (lease->peer == nullptr || !lease->peer->welcomed || lease->ending) continue;
        if (lease->silent >= kMaxSilent) {
            refuse(*lease->peer, RefusalCode::Silent, "nothing was heard of the worker for too long");
            give_up(*lease, "the worker was silent");
            continue;
        }
        ++lease->silent;
        append_message(lease->peer->link.out(), head(*lease, FrameType::Ping), {});
    }
}

std::int64_t LinkServer::Loop::next_due() const {
    std::int64_t due = kNever;
    for (const auto& [id, peer] : peers_) {
        if (peer->close_by_ms != 0) due = std::min(due, peer->close_by_ms);
    }
    for (const auto& [id, lease] : leases_) {
        if (lease->peer == nullptr && !lease->ending) due = std::min(due, lease->ends_at_ms);
    }
    if (leases_.empty()) return due;
    if (options_.ask_every_ms > 0) due = std::min(due, next_ask_ms_);
    return std::min(due, next_status_ms_);
}

void LinkServer::Loop::end_round() {
    for (const auto& [id, lease] : leases_) write_out(*lease);
    for (const auto& [id, peer] : peers_) {
        if (peer->link.unsent() > 0 && !peer->link.flush()) {
            drop(*peer);
            continue;
        }
        if (peer->closing && peer->link.unsent() == 0) {
            drop(*peer);
            continue;
        }
        const LinkLease* lease = peer->lease;
        const bool full = peer->link.unsent() > kMaxUnsent ||
                          (lease != nullptr && (lease->unanswered > kMaxUnanswered ||
                                                lease->unanswered_bytes > kMaxUnansweredBytes));
        const bool listens = !peer->closing && !full && (lease == nullptr || peer->welcomed);
        const std::uint32_t wanted = (listens ? std::uint32_t{EPOLLIN} : 0U) |
                                     (peer->link.unsent() > 0 ? std::uint32_t{EPOLLOUT} : 0U);
        if (wanted == peer->watched) continue;
        peer->watched = wanted;
        watch(peer->link.fd(), id << 2U | kSocket, wanted, true);
    }
    for (const std::uint64_t id : std::exchange(dropped_, {})) peers_.erase(id);
}

void LinkServer::Loop::watch(int fd, std::uint64_t key, std::uint32_t what, bool known) const {
    epoll_event event{};
    event.events = what;
    event.data.u64 = key;
    ::epoll_ctl(epoll_.get(), known ? EPOLL_CTL_MOD : EPOLL_CTL_ADD, fd, &event);
}

// The reason still goes out; nothing is read any more.
void LinkServer::Loop::refuse(LinkPeer& peer, RefusalCode code, const std::string& reason) {
    if (peer.closing) return;
    FrameHead frame;
    frame.type = FrameType::Refused;
    if (peer.lease != nullptr) frame.session = peer.lease->session_uuid;
    append_payload(peer.link.out(), frame, RefusedMessage{code, reason.substr(0, 512)});
    peer.closing = true;
    peer.close_by_ms = clock_.steady_ms() + kClosingMs;
    pause_of(peer);
}

// The peer is gone for the rest of this round, and then altogether.
void LinkServer::Loop::drop(LinkPeer& peer) {
    pause_of(peer);
    peer.closing = true;
    peer.close_by_ms = 0;
    if (std::ranges::find(dropped_, peer.id) == dropped_.end()) dropped_.push_back(peer.id);
}

// A lease without a connection: nothing new, and the window begins.
void LinkServer::Loop::pause_of(LinkPeer& peer) {
    LinkLease* lease = std::exchange(peer.lease, nullptr);
    if (lease == nullptr) return;
    lease->peer = nullptr;
    lease->ends_at_ms = clock_.steady_ms() + options_.reattach_window_ms;
    changed_ = true;
    if (!lease->ending) pause(*lease);
}

// What the worker still held goes back, uncharged. Everything that ends a lease against the worker's will ends here.
void LinkServer::Loop::give_up(LinkLease& lease, const std::string& why, FlightReports reports) {
    if (std::exchange(lease.ending, true)) return;
    grant_again();
    const std::size_t claimed = lease.session->status().claimed;
    log_.warn("a worker is gone; its steps are taken back",
              {{"worker_id", lease.worker_id}, {"pid", lease.pid}, {"reason", why}, {"steps", claimed}});
    lease.session->lose(why, std::move(reports), [mailbox = mailbox_, id = lease.id](std::size_t returned) {
        mailbox->post({id, LinkMail::Ended{0, returned}});
    });
}

void LinkServer::Loop::show_workers() {
    if (!std::exchange(changed_, false)) return;
    std::vector<LinkedWorker> workers;
    for (const auto& [id, lease] : leases_) {
        workers.push_back({lease->session_uuid, lease->worker_id, lease->namespaces, lease->generation,
                           lease->pid, lease->peer != nullptr && lease->peer->welcomed});
    }
    workers_.with([&](auto& shown) { shown = std::move(workers); });
}

void LinkServer::Loop::farewell() {
    for (const auto& [id, lease] : leases_) lease->session->leave();
    for (const auto& [id, peer] : peers_) {
        refuse(*peer, RefusalCode::Stopping, "the engine ends");
        static_cast<void>(peer->link.flush());
    }
    by_session_.clear();
    leases_.clear();
    peers_.clear();
}

}  // namespace tasker::host
