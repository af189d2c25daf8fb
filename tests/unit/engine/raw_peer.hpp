#pragma once
// A worker's end of the link, driven by hand: what it says is up to the test.

#include <poll.h>

#include <chrono>
#include <filesystem>
#include <optional>
#include <stdexcept>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "host/runtime/link/link_connection.hpp"
#include "host/runtime/link/messages.hpp"
#include "tests/support/eventually.hpp"

namespace tasker::host::testing {

struct RawMessage {
    FrameHead head;
    std::string payload;
};

class RawPeer {
  public:
    RawPeer(const std::filesystem::path& socket, const Uuid& session) : session_(session) {
        std::string why;
        auto connected = connect_link(socket, why);
        if (!connected) throw std::runtime_error(why);
        link_.emplace(std::move(*connected), kMaxEngineMessage);
    }

    FrameHead head(FrameType type, const Uuid& event = {}, std::uint32_t fence = 0,
                   std::uint64_t request = 0) const {
        return {type, request, session_, event, fence, kNewestProtocol};
    }
    void send_bytes(std::string_view bytes) {
        link_->out() += bytes;
        static_cast<void>(link_->flush());
    }
    void send(const FrameHead& head, std::string_view payload = {}) {
        append_message(link_->out(), head, payload);
        static_cast<void>(link_->flush());
    }
    template <class Payload>
    void send_payload(const FrameHead& head, const Payload& payload) {
        append_payload(link_->out(), head, payload);
        static_cast<void>(link_->flush());
    }
    // With as many slots, all of one lane.
    WelcomeMessage hello(unsigned slots, std::vector<HeldClaim> held = {}) {
        send_payload(head(FrameType::Hello), hello_message(slots, std::move(held)));
        return welcome_from(take(FrameType::Welcome).payload);
    }
    static HelloMessage hello_message(unsigned slots, std::vector<HeldClaim> held = {}) {
        HelloMessage hello;
        hello.worker_id = "raw";
        hello.namespaces = {"ns"};
        hello.capacity = {slots, {{"ns", "ns.work", "", slots}}};
        hello.held = std::move(held);
        return hello;
    }

    // The next message of that type; others are passed over. Throws when none comes.
    RawMessage take(FrameType type) {
        std::optional<RawMessage> found;
        static_cast<void>(eventually(std::chrono::seconds{10}, [&] {
            read();
            while (!messages_.empty() && !found) {
                if (messages_.front().head.type == type) found = std::move(messages_.front());
                messages_.erase(messages_.begin());
            }
            return found.has_value() || (closed_ && messages_.empty());
        }));
        if (!found) throw std::runtime_error("no " + std::string(name(type)) + " came");
        return std::move(*found);
    }
    // The verdict on that request.
    CompletionVerdict verdict(std::uint64_t request) {
        while (true) {
            for (const auto& [of, verdict] : verdicts_from(take(FrameType::Verdicts).payload)) {
                if (of == request) return verdict;
            }
        }
    }
    bool closed() {
        return eventually(std::chrono::seconds{10}, [&] {
            read();
            return closed_;
        });
    }

  private:
    void read() {
        if (closed_) return;
        closed_ = !link_->receive(std::size_t{1} << 20U);
        while (const auto message = link_->next())
            messages_.push_back({message->head, std::string(message->payload)});
    }

    Uuid session_;
    std::optional<LinkConnection> link_;
    std::vector<RawMessage> messages_;
    bool closed_ = false;
};

}  // namespace tasker::host::testing
