#include "host/api/api_server.hpp"

#include <doctest/doctest.h>
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
    CHECK(client.request("GET", "/health", "").body == R"({"status":"healthy","reason":null})");
    struct stat status {};
    REQUIRE(::stat(served.socket.c_str(), &status) == 0);
    CHECK((status.st_mode & 0777) == 0600);
    CHECK_FALSE(std::filesystem::exists(served.dir / ".api.new"));
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
