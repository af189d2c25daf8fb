#include "host/api/api_server.hpp"

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <boost/asio/basic_socket_acceptor.hpp>
#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/generic/stream_protocol.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/write.hpp>
#include <list>
#include <optional>
#include <vector>

#include "host/api/http_codec.hpp"
#include "host/api/listen_socket.hpp"
#include "host/core/error.hpp"
#include "host/core/named_thread.hpp"

namespace tasker::host {

namespace {
namespace asio = boost::asio;
// One for unix and TCP sockets.
using Protocol = asio::generic::stream_protocol;
using Socket = Protocol::socket;
using boost::system::error_code;
using std::chrono::milliseconds;

constexpr milliseconds kStopLimit{2000};
// A connection without a request keeps its place for so long even when the house is full.
constexpr milliseconds kPolite{500};
constexpr milliseconds kRetryAccept{100};
}  // namespace

struct ApiServer::Core {
    class Session;

    Core(ApiServerOptions given, ApiContext used, Logger logger)
        : options(std::move(given)),
          context(std::move(used)),
          log(std::move(logger)),
          acceptor(io),
          stop_timer(io) {}

    void start();
    void stop();
    void accept();
    bool has_room();
    bool welcome(Socket& socket);
    HttpRules rules() const { return {.local = !options.web, .token = options.token}; }
    void accept_later();
    void admit(Socket socket);
    void change_token(std::string token);
    void make_room();
    void forget(const Session* session);
    void stop_in_io();
    void end_when_empty();

    ApiServerOptions options;
    ApiContext context;
    Logger log;
    asio::io_context io{1};
    asio::io_context requests;
    std::optional<asio::executor_work_guard<asio::io_context::executor_type>> io_guard, requests_guard;
    asio::basic_socket_acceptor<Protocol> acceptor;
    asio::steady_timer stop_timer;
    std::list<std::shared_ptr<Session>> sessions;  // oldest first; the io thread's
    bool stopping = false, accept_paused = false;  // the io thread's
    bool stopped = false;                          // the owner's
    std::vector<NamedThread> threads;
};

// One connection. Everything but the request itself happens on the io thread; the pending operations own it.
class ApiServer::Core::Session : public std::enable_shared_from_this<Session> {
  public:
    Session(Core& core, Socket socket)
        : core_(core), socket_(std::move(socket)), timer_(core.io), decoder_(core.rules()) {}

    void start() {
        arm(core_.options.header_deadline_ms);
        read();
    }
    bool waiting() const { return !busy_; }
    // Nothing is taken from it any more.
    void retire() {
        retired_ = true;
        if (waiting()) close();
    }
    // Says nothing although it had its time: somebody else may have its place.
    bool dispensable() const { return !busy_ && std::chrono::steady_clock::now() - quiet_since_ >= kPolite; }
    void close() {
        if (closed_) return;
        closed_ = true;
        error_code ignored;
        timer_.cancel(ignored);
        socket_.close(ignored);
        core_.forget(this);
    }

  private:
    void arm(int limit_ms) {
        timer_.expires_after(milliseconds{limit_ms});
        timer_.async_wait([self = shared_from_this(), turn = ++turn_](const error_code& error) {
            if (!error && turn == self->turn_) self->expired();
        });
    }

    void expired() {
        if (closed_) return;
        // Told why only when it had begun; a client that says nothing is just closed, one that does not read
        // too.
        if (busy_ || !decoder_.started()) return close();
        answer(protocol_fault(408), false);
    }

    void read() {
        socket_.async_read_some(asio::buffer(chunk_),
                                [self = shared_from_this()](const error_code& error, std::size_t got) {
                                    if (self->closed_ || self->busy_) return;
                                    if (error) return self->close();
                                    self->take({self->chunk_.data(), got});
                                });
    }

    void take(std::string_view bytes) {
        const bool fresh = !decoder_.started();
        const auto state = decoder_.feed(bytes);
        if (state == HttpRequestDecoder::State::Failed)
            return answer(protocol_fault(decoder_.fault_status()), false);
        if (state == HttpRequestDecoder::State::Complete) return run();
        if (decoder_.started() && fresh && answered_) arm(core_.options.header_deadline_ms);
        if (decoder_.header_done() && !header_seen_) {
            header_seen_ = true;
            arm(core_.options.request_deadline_ms - core_.options.header_deadline_ms);
            if (decoder_.expects_continue()) return tell_to_continue();
        }
        read();
    }

    void tell_to_continue() {
        static constexpr std::string_view kContinue = "HTTP/1.1 100 Continue\r\n\r\n";
        asio::async_write(socket_, asio::buffer(kContinue.data(), kContinue.size()),
                          [self = shared_from_this()](const error_code& error, std::size_t) {
                              if (self->closed_ || self->busy_) return;
                              if (error) return self->close();
                              self->read();
                          });
    }

    void run() {
        busy_ = true;
        ++turn_;
        error_code ignored;
        timer_.cancel(ignored);
        const bool keep = decoder_.keep_alive();
        auto request = std::make_shared<ApiRequest>(decoder_.take());
        head_ = request->method == "HEAD";
        if (answers_at_once(request->target)) return answer(handle(*request, core_.context), keep);
        asio::post(core_.requests, [self = shared_from_this(), request, keep] {
            auto response = std::make_shared<ApiResponse>(handle(*request, self->core_.context));
            asio::post(self->core_.io, [self, response, keep] { self->answer(*response, keep); });
        });
    }

    void answer(const ApiResponse& response, bool keep) {
        if (closed_) return;
        busy_ = true;
        const bool stay = keep && !core_.stopping && !retired_;
        out_ = encode_response(response, stay, head_);
        arm(core_.options.request_deadline_ms);
        asio::async_write(socket_, asio::buffer(out_),
                          [self = shared_from_this(), stay](const error_code& error, std::size_t) {
                              if (self->closed_) return;
                              if (error || !stay || self->retired_ || self->core_.stopping)
                                  return self->close();
                              self->next();
                          });
    }

    void next() {
        busy_ = false;
        quiet_since_ = std::chrono::steady_clock::now();
        header_seen_ = head_ = false;
        answered_ = true;
        out_.clear();
        arm(core_.options.idle_ms);
        take({});
    }

    Core& core_;
    Socket socket_;
    asio::steady_timer timer_;
    HttpRequestDecoder decoder_;
    std::array<char, 16384> chunk_{};
    std::string out_;
    std::uint64_t turn_ = 0;  // which deadline is the current one
    bool busy_ = false;       // a request is being handled or answered
    std::chrono::steady_clock::time_point quiet_since_ = std::chrono::steady_clock::now();
    bool head_ = false;  // the request asks for the header of the answer only
    bool header_seen_ = false;
    bool answered_ = false;
    bool closed_ = false;
    bool retired_ = false;  // it was admitted by rules that hold no more
};

void ApiServer::Core::start() {
    if (options.web) {
        acceptor.assign(Protocol(options.web->v6 ? AF_INET6 : AF_INET, IPPROTO_TCP),
                        listen_tcp(*options.web));
    } else {
        acceptor.assign(Protocol(AF_UNIX, 0), listen_unix(options.socket));
    }
    io_guard.emplace(io.get_executor());
    requests_guard.emplace(requests.get_executor());
    accept();
    const std::string name = options.web ? "tw-web" : "tw-api";
    threads.emplace_back(name, [this](std::stop_token) { io.run(); });
    for (unsigned i = 0; i < options.request_threads; ++i) {
        threads.emplace_back(name + "-" + std::to_string(i), [this](std::stop_token) { requests.run(); });
    }
}

void ApiServer::Core::accept() {
    acceptor.async_accept([this](const error_code& error, Socket socket) {
        if (error == asio::error::operation_aborted || stopping) return;
        if (!error) {
            admit(std::move(socket));
            if (has_room()) return accept();
        }
        // Full, or out of descriptors: newcomers wait in the kernel's queue, an immediate retry would spin.
        accept_later();
    });
}

// True when one more connection may come, making room where somebody only sits there.
bool ApiServer::Core::has_room() {
    if (sessions.size() >= options.max_connections) make_room();
    return sessions.size() < options.max_connections;
}

void ApiServer::Core::accept_later() {
    accept_paused = true;
    stop_timer.expires_after(kRetryAccept);
    stop_timer.async_wait([this](const error_code& cancelled) {
        if (cancelled || stopping || !accept_paused) return;
        if (!has_room()) return accept_later();
        accept_paused = false;
        accept();
    });
}

// The unix socket is for this user and root, whatever its mode. Of TCP clients the header decides.
bool ApiServer::Core::welcome(Socket& socket) {
    if (options.web) {
        const int on = 1;
        ::setsockopt(socket.native_handle(), IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
        return true;
    }
    ucred peer{};
    socklen_t size = sizeof peer;
    const bool known = ::getsockopt(socket.native_handle(), SOL_SOCKET, SO_PEERCRED, &peer, &size) == 0;
    if (known && (peer.uid == 0 || peer.uid == ::geteuid())) return true;
    log.warn(
        "API connection refused: peer uid " + std::to_string(peer.uid) + " refused",
        {{"component", "api"}, {"operation", "accept"}, {"peer_uid", static_cast<std::int64_t>(peer.uid)}});
    return false;
}

void ApiServer::Core::admit(Socket socket) {
    if (!welcome(socket)) return;
    sessions.push_back(std::make_shared<Session>(*this, std::move(socket)));
    // A copy: the session may end, and leave the list, inside of start().
    const std::shared_ptr<Session> session = sessions.back();
    session->start();
}

void ApiServer::Core::change_token(std::string token) {
    if (token == options.token) return;
    options.token = std::move(token);
    const auto open = sessions;
    for (const auto& session : open) session->retire();
}

void ApiServer::Core::make_room() {
    for (const auto& session : sessions) {
        if (!session->dispensable()) continue;
        const std::shared_ptr<Session> oldest = session;
        return oldest->close();
    }
}

void ApiServer::Core::forget(const Session* session) {
    sessions.remove_if([&](const auto& one) { return one.get() == session; });
    end_when_empty();
    if (!accept_paused || stopping) return;
    error_code ignored;
    stop_timer.cancel(ignored);
    accept_paused = false;
    accept();
}

void ApiServer::Core::end_when_empty() {
    if (!stopping || !sessions.empty()) return;
    error_code ignored;
    stop_timer.cancel(ignored);
    io_guard.reset();
}

void ApiServer::Core::stop_in_io() {
    stopping = true;
    requests_guard.reset();
    error_code ignored;
    acceptor.close(ignored);
    stop_timer.expires_after(kStopLimit);
    stop_timer.async_wait([this](const error_code& cancelled) {
        if (!cancelled) io.stop();
    });
    const auto open = sessions;
    for (const auto& session : open) {
        if (session->waiting()) session->close();
    }
    end_when_empty();
}

void ApiServer::Core::stop() {
    if (stopped) return;
    stopped = true;
    if (!options.web) ::unlink(options.socket.c_str());
    asio::post(io, [this] { stop_in_io(); });
    for (NamedThread& thread : threads) thread.join();
    threads.clear();
    sessions.clear();
}

ApiServer::ApiServer(ApiServerOptions options, ApiContext context, Logger log)
    : core_(std::make_unique<Core>(std::move(options), std::move(context), std::move(log))) {
    try {
        core_->start();
    } catch (...) {
        if (core_->acceptor.is_open()) core_->stop();  // the threads that did start wait for work
        throw;
    }
}
ApiServer::~ApiServer() { stop(); }
void ApiServer::stop() { core_->stop(); }
void ApiServer::set_token(std::string token) {
    asio::post(core_->io, [core = core_.get(), token = std::move(token)] { core->change_token(token); });
}
std::string ApiServer::place() const {
    return core_->options.web ? core_->options.web->str() : core_->options.socket.string();
}

}  // namespace tasker::host
