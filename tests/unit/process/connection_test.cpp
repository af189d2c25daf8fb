#include "host/process/connection.hpp"

#include <doctest/doctest.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <array>
#include <cstring>
#include <optional>
#include <string>
#include <thread>
#include <variant>

#include "host/engine/store_lock.hpp"
#include "host/process/state_folder.hpp"
#include "tests/support/temp_dir.hpp"

using namespace tasker::host;
using tasker::host::testing::TempDir;

namespace {
Config config_in(const TempDir& dir) {
    Config config;
    config.state_dir = dir.path();
    return config;
}

// A host that says it lives to whoever asks first, and is gone before the next connection: it stops between being found
// and being asked.
class LeavingHost {
  public:
    explicit LeavingHost(const Config& config)
        : lock_(std::get<StoreLock>(StoreLock::try_acquire(store_path(config), "host"))),
          socket_(api_socket(config)),
          listener_(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
        sockaddr_un address{};
        address.sun_family = AF_UNIX;
        socket_.string().copy(address.sun_path, sizeof address.sun_path - 1);
        REQUIRE(::bind(listener_, reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0);
        REQUIRE(::listen(listener_, 1) == 0);
        thread_ = std::thread([this] { serve_one(); });
    }
    ~LeavingHost() { thread_.join(); }
    LeavingHost(const LeavingHost&) = delete;
    LeavingHost& operator=(const LeavingHost&) = delete;

  private:
    void serve_one() {
        const int client = ::accept(listener_, nullptr, nullptr);
        ::unlink(socket_.c_str());
        ::close(listener_);
        std::array<char, 4096> request{};
        static_cast<void>(::recv(client, request.data(), request.size(), 0));
        const std::string answer =
            "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 2\r\n\r\n{}";
        static_cast<void>(::send(client, answer.data(), answer.size(), MSG_NOSIGNAL));
        ::close(client);
        lock_.reset();
    }

    std::optional<StoreLock> lock_;
    std::filesystem::path socket_;
    int listener_;
    std::thread thread_;
};
}  // namespace

TEST_CASE("connection: a host that stops between being found and being asked is replaced by the store") {
    const TempDir dir;
    const Config config = config_in(dir);
    std::optional<LeavingHost> host(std::in_place, config);
    const auto access = connect(config, StoreUse::Create);
    CHECK(access->host_running());
    host.reset();

    // Certainly not carried out by the host: the socket is gone.
    const ApiResponse answer = access->client().request("POST", "/v1/tasks", "{}");
    CHECK(answer.status == 400);
    CHECK_FALSE(access->host_running());
}

TEST_CASE("connection: the store is given up with the access to it") {
    const TempDir dir;
    const Config config = config_in(dir);
    {
        const auto access = connect(config, StoreUse::Create);
        CHECK(access->client().request("GET", "/v1/tasks").status == 200);
        CHECK(std::holds_alternative<StoreHolder>(StoreLock::try_acquire(store_path(config), "host")));
    }
    CHECK(std::holds_alternative<StoreLock>(StoreLock::try_acquire(store_path(config), "host")));
}
