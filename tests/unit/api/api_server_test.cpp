#include "host/api/api_server.hpp"

#include <doctest/doctest.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include <condition_variable>
#include <mutex>
#include <thread>

#include "host/api/api_client.hpp"
#include "host/api/socket_address.hpp"
#include "host/core/error.hpp"
#include "tests/support/eventually.hpp"
#include "tests/support/temp_dir.hpp"
#include "tests/unit/api/fake_engine.hpp"

using namespace tasker::host;
using namespace tasker::host::testing;

namespace {
constexpr const char* kRequest =
    R"({"name":"n","namespace":"ns","version":"1","context":{},"initiator":"i","source_system":"s","reason":"r"})";

struct Served {
    TempDir dir;
    FakeEngine engine;
    std::filesystem::path socket = dir / "api.sock";
    ApiServerOptions options{.socket = socket, .header_deadline_ms = 150, .request_deadline_ms = 300};
    std::unique_ptr<ApiServer> server;

    void start() {
        server = std::make_unique<ApiServer>(options, ApiContext{engine, {}, {}, {}, {}}, Logger{});
    }
    UnixSocketClient client() const { return UnixSocketClient(socket, 5000); }
};

class Raw {
  public:
    // The TCP port of this machine.
    explicit Raw(std::uint16_t port) : fd_(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
        sockaddr_in address{};
        address.sin_family = AF_INET;
        address.sin_port = htons(port);
        address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
        REQUIRE(::connect(fd_, reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0);
    }
    explicit Raw(const std::filesystem::path& path) : fd_(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
        const sockaddr_un address = socket_address(path);
        REQUIRE(::connect(fd_, reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0);
    }
    ~Raw() { ::close(fd_); }
    Raw(const Raw&) = delete;
    Raw& operator=(const Raw&) = delete;
    void send(const std::string& bytes) { ::send(fd_, bytes.data(), bytes.size(), MSG_NOSIGNAL); }
    // All that comes until the server closes, for at most `ms`; "..." at the end when it did not close.
    std::string rest(int ms) {
        std::string out;
        char chunk[4096];
        for (;;) {
            pollfd entry{fd_, POLLIN, 0};
            if (::poll(&entry, 1, ms) <= 0) return out + "...";
            const ssize_t got = ::recv(fd_, chunk, sizeof chunk, 0);
            if (got <= 0) return out;
            out.append(chunk, static_cast<std::size_t>(got));
        }
    }

  private:
    int fd_;
};
}  // namespace

TEST_CASE("ApiServer: answers over its socket, which only this user may open") {
    Served served;
    served.start();
    auto client = served.client();
    CHECK(client.request("POST", "/v1/tasks", kRequest).status == 200);
    CHECK(client.request("GET", "/health", "").body.starts_with(R"({"status":"healthy","timestamp":")"));
    struct stat status {};
    REQUIRE(::stat(served.socket.c_str(), &status) == 0);
    CHECK((status.st_mode & 0777) == 0600);
    CHECK_FALSE(std::filesystem::exists(served.dir / ".api.new"));
}

TEST_CASE("ApiServer: over TCP the same answers, on the port that was free") {
    Served served;
    served.options.web = parse_web_address("127.0.0.1:0");
    served.start();
    CHECK_FALSE(std::filesystem::exists(served.socket));
    const std::string place = served.server->place();
    const std::uint16_t port = parse_web_address(place).port;
    CHECK(port != 0);
    const auto ask = [&](const std::string& request) {
        Raw raw(port);
        raw.send(request);
        return raw.rest(5000);
    };
    const std::string tail = "Host: " + place + "\r\nConnection: close\r\n\r\n";
    CHECK(ask("GET /health HTTP/1.1\r\n" + tail).starts_with("HTTP/1.1 200 OK\r\n"));
    const std::string head = ask("HEAD /health HTTP/1.1\r\n" + tail);
    CHECK(head.starts_with("HTTP/1.1 200 OK\r\n"));
    CHECK(head.find("Content-Length: ") != std::string::npos);
    CHECK(head.ends_with("\r\n\r\n"));
    CHECK(ask("GET /v1/store/info HTTP/1.1\r\n" + tail).starts_with("HTTP/1.1 403"));
    CHECK(ask("DELETE /health HTTP/1.1\r\n" + tail).find("\r\nAllow: GET, HEAD\r\n") != std::string::npos);
    CHECK(ask("GET /health HTTP/1.1\r\nHost: evil.example\r\n\r\n").starts_with("HTTP/1.1 421"));
    CHECK(ask("POST /v1/tasks HTTP/1.1\r\nContent-Length: 2\r\n" + tail + "{}").starts_with("HTTP/1.1 415"));
    CHECK(ask("\x16\x03\x01\x02\x01\x01\r\n\r\n").starts_with("HTTP/1.1 400"));
}

TEST_CASE("ApiServer: over TCP with a token, and a port that is taken is a plain error") {
    Served served;
    served.options.web = parse_web_address("127.0.0.1:0");
    served.options.token = "0123456789abcdef";
    served.start();
    const std::uint16_t port = parse_web_address(served.server->place()).port;
    const auto ask = [&](const std::string& headers) {
        Raw raw(port);
        raw.send("GET /v1/tasks HTTP/1.1\r\nHost: any\r\nConnection: close\r\n" + headers + "\r\n");
        return raw.rest(5000);
    };
    const std::string refused = ask("");
    CHECK(refused.starts_with("HTTP/1.1 401 Unauthorized\r\n"));
    CHECK(refused.find("\r\nWWW-Authenticate: Bearer\r\n") != std::string::npos);
    CHECK(ask("Authorization: Bearer wrong\r\n").starts_with("HTTP/1.1 401"));
    CHECK(ask("Authorization: Bearer 0123456789abcdef\r\n").starts_with("HTTP/1.1 200"));
    CHECK(ask("X-API-Key: 0123456789abcdef\r\n").starts_with("HTTP/1.1 200"));

    Served second;
    second.options.web = parse_web_address(served.server->place());
    CHECK_THROWS_WITH_AS(second.start(), doctest::Contains("Address already in use"), BootstrapError);
}

TEST_CASE("ApiServer: a new token ends the old one at once, on open connections too") {
    Served served;
    served.options.web = parse_web_address("127.0.0.1:0");
    served.options.token = "0123456789abcdef";
    served.options.header_deadline_ms = served.options.request_deadline_ms = 60'000;
    std::mutex mutex;
    std::condition_variable changed;
    bool entered = false, let_go = false;
    served.engine.on_create = [&] {
        std::unique_lock lock(mutex);
        entered = true;
        changed.notify_all();
        changed.wait(lock, [&] { return let_go; });
    };
    served.start();
    const std::uint16_t port = parse_web_address(served.server->place()).port;
    const std::string head = " HTTP/1.1\r\nHost: any\r\nAuthorization: Bearer ";
    const auto get = [&](const std::string& token) {
        return "GET /v1/tasks" + head + token + "\r\nConnection: close\r\n\r\n";
    };
    const std::string old = "0123456789abcdef", fresh = "fedcba9876543210";
    // One that has begun its request, and one that is being answered.
    Raw idle(port), busy(port);
    idle.send("GET /v1/tasks" + head);
    busy.send("POST /v1/tasks" + head + old + "\r\nContent-Type: application/json\r\nContent-Length: " +
              std::to_string(std::string_view{kRequest}.size()) + "\r\n\r\n" + kRequest);
    {
        std::unique_lock lock(mutex);
        REQUIRE(changed.wait_for(lock, std::chrono::seconds{30}, [&] { return entered; }));
    }
    served.server->set_token(old);  // the same again changes nothing
    served.server->set_token(fresh);
    CHECK_FALSE(idle.rest(30'000).ends_with("..."));
    {
        const std::scoped_lock lock(mutex);
        let_go = true;
    }
    changed.notify_all();
    const std::string answer = busy.rest(30'000);
    CHECK(answer.starts_with("HTTP/1.1 200"));
    CHECK_FALSE(answer.ends_with("..."));  // and closed after it
    const auto ask = [&](const std::string& token) {
        Raw raw(port);
        raw.send(get(token));
        return raw.rest(30'000);
    };
    CHECK(ask(old).starts_with("HTTP/1.1 401"));
    CHECK(ask(fresh).starts_with("HTTP/1.1 200"));
}

TEST_CASE("ApiServer: slow TCP clients are told 408, and do not keep others from being served") {
    Served served;
    served.options.web = parse_web_address("127.0.0.1:0");
    served.start();
    const std::uint16_t port = parse_web_address(served.server->place()).port;
    std::vector<std::unique_ptr<Raw>> slow;
    for (int i = 0; i < 100; ++i) {
        slow.push_back(std::make_unique<Raw>(port));
        slow.back()->send("GET /");
    }
    Raw quick(port);
    quick.send("GET /health HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n");
    CHECK(quick.rest(5000).starts_with("HTTP/1.1 200"));
    CHECK(slow.back()->rest(5000).starts_with("HTTP/1.1 408"));
}

TEST_CASE("ApiServer: replaces a socket that a dead host left behind and removes its own") {
    Served served;
    served.dir.write("api.sock", "left behind");
    served.start();
    CHECK(served.client().request("GET", "/health/live", "").status == 200);
    served.server->stop();
    CHECK_FALSE(std::filesystem::exists(served.socket));
    served.server->stop();
    auto client = served.client();
    CHECK_THROWS_AS(client.request("GET", "/health", ""), HostUnreachable);
}

TEST_CASE("ApiServer: a path that is too long or not writable is a plain error") {
    Served served;
    served.options.socket = served.dir.path() / std::string(120, 'x') / "api.sock";
    CHECK_THROWS_WITH_AS(served.start(), doctest::Contains("107 are allowed"), BootstrapError);
    served.options.socket = "/proc/nowhere/api.sock";
    CHECK_THROWS_WITH_AS(served.start(), doctest::Contains("cannot be opened"), BootstrapError);
}

TEST_CASE("ApiServer: keeps a connection for the next request and takes requests sent together") {
    Served served;
    served.start();
    Raw raw(served.socket);
    raw.send("GET /health HTTP/1.1\r\n\r\nGET /health/live HTTP/1.1\r\nConnection: close\r\n\r\n");
    const std::string answers = raw.rest(5000);
    CHECK(answers.find("healthy") != std::string::npos);
    CHECK(answers.find("alive") != std::string::npos);
    CHECK_FALSE(answers.ends_with("..."));
}

TEST_CASE("ApiServer: garbage is answered with 400 and closed") {
    Served served;
    served.start();
    for (const std::string bytes :
         {"GET /\r\n\r\n", "\x16\x03\x01\x02\x01\x01\r\n\r\n", "SSH-2.0-OpenSSH\r\n\r\n"}) {
        Raw raw(served.socket);
        raw.send(bytes);
        const std::string answer = raw.rest(5000);
        CHECK(answer.starts_with("HTTP/1.1 400"));
        CHECK_FALSE(answer.ends_with("..."));
    }
}

TEST_CASE("ApiServer: a client that trickles its header is told 408, and a silent one is closed") {
    Served served;
    served.start();
    Raw slow(served.socket), silent(served.socket);
    slow.send("GET /health HTT");
    CHECK(slow.rest(5000).starts_with("HTTP/1.1 408"));
    CHECK(silent.rest(5000).empty());
}

TEST_CASE("ApiServer: a body that does not come is given up") {
    Served served;
    served.start();
    Raw slow(served.socket);
    slow.send("POST /v1/tasks HTTP/1.1\r\nContent-Length: 100\r\n\r\n{");
    CHECK(slow.rest(5000).starts_with("HTTP/1.1 408"));
}

TEST_CASE("ApiServer: many slow connections do not keep others from being served") {
    Served served;
    served.options.header_deadline_ms = 60'000;
    served.options.request_deadline_ms = 60'000;
    served.start();
    std::vector<std::unique_ptr<Raw>> slow;
    for (int i = 0; i < 200; ++i) {
        slow.push_back(std::make_unique<Raw>(served.socket));
        slow.back()->send("GET /");
    }
    CHECK(served.client().request("GET", "/health", "").status == 200);
    CHECK(served.client().request("POST", "/v1/tasks", kRequest).status == 200);
}

TEST_CASE("ApiServer: health is answered while every request thread waits") {
    Served served;
    std::mutex mutex;
    std::condition_variable changed;
    bool open = false;
    int waiting = 0;
    served.engine.on_create = [&] {
        std::unique_lock lock(mutex);
        ++waiting;
        changed.notify_all();
        changed.wait(lock, [&] { return open; });
    };
    served.start();
    std::vector<std::thread> callers;
    for (int i = 0; i < 5; ++i) {
        callers.emplace_back([&] { served.client().request("POST", "/v1/tasks", kRequest); });
    }
    {
        std::unique_lock lock(mutex);
        CHECK(changed.wait_for(lock, std::chrono::seconds{5}, [&] { return waiting == 4; }));
    }
    CHECK(served.client().request("GET", "/health", "").status == 200);
    {
        const std::scoped_lock lock(mutex);
        open = true;
    }
    changed.notify_all();
    for (auto& caller : callers) caller.join();
}

TEST_CASE("ApiServer: stop answers what it is working on") {
    Served served;
    std::mutex mutex;
    std::condition_variable changed;
    bool open = false, inside = false;
    served.engine.on_create = [&] {
        std::unique_lock lock(mutex);
        inside = true;
        changed.notify_all();
        changed.wait(lock, [&] { return open; });
    };
    served.start();
    int status = 0;
    std::thread caller([&] { status = served.client().request("POST", "/v1/tasks", kRequest).status; });
    {
        std::unique_lock lock(mutex);
        changed.wait(lock, [&] { return inside; });
    }
    std::thread stopper([&] { served.server->stop(); });
    CHECK(eventually(std::chrono::seconds{5}, [&] { return !std::filesystem::exists(served.socket); }));
    {
        const std::scoped_lock lock(mutex);
        open = true;
    }
    changed.notify_all();
    stopper.join();
    caller.join();
    CHECK(status == 200);
}

TEST_CASE("UnixSocketClient: says whether a lost request may have been carried out") {
    TempDir dir;
    UnixSocketClient nobody(dir / "api.sock", 1000);
    try {
        nobody.request("GET", "/health", "");
        FAIL("nobody listens");
    } catch (const HostUnreachable& fault) {
        CHECK_FALSE(fault.maybe_done());
    }
    const int listener = ::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    const sockaddr_un address = socket_address(dir / "api.sock");
    REQUIRE(::bind(listener, reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0);
    REQUIRE(::listen(listener, 8) == 0);
    std::thread deaf([&] {
        const int peer = ::accept(listener, nullptr, nullptr);
        char chunk[4096];
        static_cast<void>(::recv(peer, chunk, sizeof chunk, 0));
        ::close(peer);
    });
    try {
        nobody.request("GET", "/health", "");
        FAIL("there is no answer");
    } catch (const HostUnreachable& fault) {
        CHECK(fault.maybe_done());
    }
    deaf.join();
    ::close(listener);
}

TEST_CASE("api server: more clients than places are all served, the patient ones included") {
    Served served;
    served.options.max_connections = 4;
    served.options.header_deadline_ms = 10'000;
    served.start();
    std::vector<std::unique_ptr<Raw>> clients;
    for (int i = 0; i < 20; ++i) clients.push_back(std::make_unique<Raw>(served.socket));
    for (const auto& client : clients)
        client->send("GET /health HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n");
    for (const auto& client : clients) CHECK(client->rest(10'000).rfind("HTTP/1.1 200", 0) == 0);
}
