#include "host/supervisor/control_message.hpp"

#include <doctest/doctest.h>

#include "host/supervisor/control_channel.hpp"

namespace tasker::host {

TEST_CASE("control message: what was said is what is heard") {
    const ControlMessage message{.kind = ControlMessage::Kind::Counts,
                                 .nonce = 0xfedcba9876543210,
                                 .accepted = 1ULL << 40U,
                                 .errors = 7,
                                 .running = 3,
                                 .text = std::string("a\0b", 3)};
    CHECK(control_message(to_bytes(message)) == message);
    CHECK(control_message(to_bytes({})) == ControlMessage{});
}

TEST_CASE("control message: a text that is too long is cut, not refused") {
    ControlMessage message;
    message.text = std::string(kMaxControlText + 100, 'x');
    const auto heard = control_message(to_bytes(message));
    REQUIRE(heard);
    CHECK(heard->text.size() == kMaxControlText);
    CHECK(to_bytes(message).size() <= kMaxControlBytes);
}

TEST_CASE("control message: every other length and kind is no message") {
    const std::string bytes = to_bytes({.kind = ControlMessage::Kind::Ready, .text = "text"});
    for (std::size_t size = 0; size < bytes.size(); ++size)
        CHECK_FALSE(control_message(bytes.substr(0, size)));
    CHECK_FALSE(control_message(bytes + "x"));
    std::string other = bytes;
    other[0] ^= 1;
    CHECK_FALSE(control_message(other));
    int known = 0;
    for (int kind = 0; kind < 256; ++kind) {
        other = bytes;
        other[4] = static_cast<char>(kind);
        known += control_message(other) ? 1 : 0;
    }
    CHECK(known == 16);
}

TEST_CASE("control channel: messages with another nonce are not heard, and the end is") {
    auto [a, b] = ControlChannel::make_pair();
    ControlChannel ours(std::move(a), 1);
    {
        const int copy = b.get();
        const ControlChannel stranger(OwnedFd(dup(copy)), 2);
        const ControlChannel theirs(std::move(b), 1);
        CHECK(stranger.send({ControlMessage::Kind::Ready}));
        CHECK(theirs.send({ControlMessage::Kind::Paused}));
        const auto heard = ours.receive();
        REQUIRE(heard);
        CHECK(heard->kind == ControlMessage::Kind::Paused);
        CHECK_FALSE(ours.receive());
        CHECK_FALSE(ours.closed());
        CHECK(theirs.send({ControlMessage::Kind::Resumed}));
    }
    CHECK(ours.receive());  // said before the end
    CHECK_FALSE(ours.receive());
    CHECK(ours.closed());
    CHECK_FALSE(ours.send({ControlMessage::Kind::Drain}));
}

TEST_CASE("control channel: a descriptor that somebody closed and took for himself is not touched") {
    auto [a, b] = ControlChannel::make_pair();
    auto [mine, other] = ControlChannel::make_pair();
    ControlChannel ours(std::move(a), 1);
    CHECK_FALSE(ours.lost());
    REQUIRE(dup2(mine.get(), ours.fd()) == ours.fd());
    CHECK(ours.lost());
    CHECK_FALSE(ours.send({ControlMessage::Kind::Paused}));
    ControlChannel reader(std::move(other), 1);
    CHECK_FALSE(reader.receive());
    CHECK(reader.send({ControlMessage::Kind::Drain}));
    CHECK_FALSE(ours.receive());
    CHECK(ours.closed());
    CHECK(ControlChannel(std::move(mine), 1).receive());  // is still there for whom it was meant
}

}  // namespace tasker::host
