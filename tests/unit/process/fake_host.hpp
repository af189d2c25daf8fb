#pragma once
// A host as the verbs meet it: holds the store's lock and answers on the socket, with what the test says.

#include <doctest/doctest.h>
#include <fcntl.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <array>
#include <functional>
#include <mutex>
#include <string>
#include <thread>
#include <utility>
#include <variant>
#include <vector>

#include "host/api/http_codec.hpp"
#include "host/engine/store_lock.hpp"
#include "host/process/state_folder.hpp"

namespace tasker::host::testing {

class FakeHost {
  public:
    using Answer = std::function<ApiResponse(const ApiRequest&)>;

    FakeHost(const std::filesystem::path& state_dir, Answer answer)
        : answer_(std::move(answer)), lock_(taken(state_dir)), socket_(state_dir / "api.sock") {
        listener_ = ::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
        const sockaddr_un address = address_of();
        REQUIRE(::bind(listener_, reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0);
        REQUIRE(::listen(listener_, 16) == 0);
        thread_ = std::thread([this] { serve(); });
    }
    ~FakeHost() {
        ::shutdown(listener_, SHUT_RDWR);
        thread_.join();
        ::close(listener_);
    }
    FakeHost(const FakeHost&) = delete;
    FakeHost& operator=(const FakeHost&) = delete;

    // What the verb asked for, without the questions whether somebody is there.
    std::vector<ApiRequest> requests() const {
        const std::scoped_lock lock(mutex_);
        return requests_;
    }

  private:
    static StoreLock taken(const std::filesystem::path& state_dir) {
        Config config;
        config.state_dir = state_dir;
        make_private_folder(state_dir);
        const std::filesystem::path store = store_path(config);
        static_cast<void>(::close(::open(store.c_str(), O_CREAT | O_WRONLY | O_CLOEXEC, 0600)));
        return std::get<StoreLock>(StoreLock::try_acquire(store, "host"));
    }
    sockaddr_un address_of() const {
        sockaddr_un address{};
        address.sun_family = AF_UNIX;
        socket_.string().copy(address.sun_path, sizeof address.sun_path - 1);
        return address;
    }

    void serve() {
        for (;;) {
            const int client = ::accept(listener_, nullptr, nullptr);
            if (client < 0) return;
            talk(client);
            ::close(client);
        }
    }
    void talk(int client) {
        HttpRequestDecoder decoder;
        std::array<char, 65536> chunk{};
        auto state = HttpRequestDecoder::State::More;
        while (state == HttpRequestDecoder::State::More) {
            const ssize_t got = ::recv(client, chunk.data(), chunk.size(), 0);
            if (got <= 0) return;
            state = decoder.feed({chunk.data(), static_cast<std::size_t>(got)});
        }
        if (state == HttpRequestDecoder::State::Failed) return;
        const ApiRequest request = decoder.take();
        ApiResponse response{200, "{}"};
        if (request.target != "/health/live") {
            response = answer_(request);
            const std::scoped_lock lock(mutex_);
            requests_.push_back(request);
        }
        const std::string bytes = encode_response(response, false);
        static_cast<void>(::send(client, bytes.data(), bytes.size(), MSG_NOSIGNAL));
    }

    Answer answer_;
    StoreLock lock_;
    std::filesystem::path socket_;
    int listener_ = -1;
    mutable std::mutex mutex_;
    std::vector<ApiRequest> requests_;
    std::thread thread_;
};

}  // namespace tasker::host::testing
