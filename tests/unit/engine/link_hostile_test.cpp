// Peers that break the protocol, say nothing, or are not who they should be.

#include <doctest/doctest.h>

#include "tests/unit/engine/link_fixture.hpp"

using namespace tasker::host;
using namespace tasker::host::testing;
using namespace std::chrono_literals;

namespace {
std::string framed(const FrameHead& head, std::string_view payload = {}) {
    std::string bytes;
    append_message(bytes, head, payload);
    return bytes;
}

template <class Payload>
std::string framed_payload(const FrameHead& head, const Payload& payload) {
    std::string bytes;
    append_payload(bytes, head, payload);
    return bytes;
}

std::string changed(std::string bytes, std::size_t at, char value) {
    bytes.at(at) = value;
    return bytes;
}

// The engine still serves others.
void check_alive(LinkFixture& f) {
    const Uuid task = f.submit_single();
    const StepEvent event = f.next_event();
    CHECK(event.task_uuid == task);
    CHECK(f.succeed(event) == CompletionVerdict::Accepted);
}
}  // namespace

TEST_CASE("over the link: a peer that breaks the protocol is told why and disconnected") {
    LinkFixture f;
    f.attach_client();
    const Uuid session = f.uuids.next();
    const FrameHead hello{FrameType::Hello, 0, session, {}, 0, kNewestProtocol};
    const FrameHead ping{FrameType::Pong, 0, session, {}, 0, kNewestProtocol};
    const std::string good = framed_payload(hello, RawPeer::hello_message(1));
    const std::vector<std::pair<const char*, std::string>> cases = {
        {"nothing that is a frame", std::string(200, 'x')},
        {"zeros", std::string(200, '\0')},
        {"a foreign version", changed(good, 0, 9)},
        {"an unknown type", changed(good, 1, 99)},
        {"unknown flags", changed(good, 2, 4)},
        {"a frame that is too large", changed(good, 7, '\x7f')},
        {"a message that is too large", changed(good, 11, '\x7f')},
        {"a message in more frames before HELLO", changed(good, 2, 1)},
        {"a payload that is cut off", framed(hello, std::string_view(good).substr(kFrameHeader, 20))},
        {"a payload that is too long", framed(hello, good.substr(kFrameHeader) + "x")},
        {"a count without its things", framed(hello, std::string("\1\1\0\0\0\0\xff\xff\xff\xff", 10))},
        {"a word before HELLO", framed(ping)},
        {"a message of the engine", framed({FrameType::Step, 0, session, {}, 0, kNewestProtocol})},
        {"no session",
         framed_payload({FrameType::Hello, 0, {}, {}, 0, kNewestProtocol}, RawPeer::hello_message(1))},
        {"a HELLO twice", good + good},
        {"a word before WELCOME", good + framed(ping)},
    };
    for (const auto& [what, bytes] : cases) {
        CAPTURE(what);
        RawPeer peer = f.peer(session);
        peer.send_bytes(bytes);
        const RefusedMessage refused = refused_from(peer.take(FrameType::Refused).payload);
        CHECK(refused.code == RefusalCode::Protocol);
        CHECK(refused.reason.size() > 10);
        CHECK(peer.closed());
    }
    check_alive(f);
}

TEST_CASE("over the link: an attached worker that breaks the protocol is disconnected and may come back") {
    LinkFixture f;
    f.attach_client();
    const Uuid session = f.uuids.next();
    const Uuid other = f.uuids.next();
    const std::vector<std::pair<FrameHead, std::string>> cases = {
        {{FrameType::Pong, 0, other, {}, 0, kNewestProtocol}, ""},
        {{FrameType::Hello, 0, session, {}, 0, kNewestProtocol}, ""},
        {{FrameType::Result, 1, session, other, 1, kNewestProtocol}, "no result"},
        {{FrameType::Yield, 1, session, other, 1, kNewestProtocol}, ""},
        {{FrameType::Checkpoint, 1, session, other, 1, kNewestProtocol}, "x"},
        {{FrameType::Started, 1, session, other, 1, kNewestProtocol}, "abc"},
        {{FrameType::Capacity, 1, session, other, 1, kNewestProtocol}, "abc"},
        {{FrameType::Catalog, 1, session, other, 1, kNewestProtocol}, std::string("\1\0\0\0\2\0\0\0{x", 10)},
    };
    for (const auto& [head, payload] : cases) {
        CAPTURE(name(head.type));
        RawPeer peer = f.peer(session);
        peer.hello(0);
        peer.send_bytes(framed(head, payload));
        CHECK(refused_from(peer.take(FrameType::Refused).payload).code == RefusalCode::Protocol);
        CHECK(peer.closed());
    }
    check_alive(f);
}

TEST_CASE("over the link: words about claims that are not the worker's change nothing") {
    LinkFixture f;
    f.attach_client(1);
    const Uuid task = f.submit_single();
    const StepEvent event = f.next_event();
    RawPeer peer = f.peer(f.uuids.next());
    const HeldClaim stolen{event.event_id, event.step_uuid, 1, true};
    CHECK(peer.hello(0, {stolen}).gone.size() == 1);
    peer.send_payload(peer.head(FrameType::Result, event.event_id, 1, 1), StepExecutionResult{});
    CHECK(peer.verdict(1) == CompletionVerdict::Superseded);
    peer.send(peer.head(FrameType::Heartbeat, event.event_id, 1, 2));
    CHECK(peer.take(FrameType::Alive).payload == std::string(1, '\0'));
    peer.send(peer.head(FrameType::Release, event.event_id, 1), "mine");
    peer.send_payload(peer.head(FrameType::Checkpoint, event.event_id, 1, 3), Checkpoint{"1", 1, ""});
    CHECK_FALSE(checkpoint_answer_from(peer.take(FrameType::Saved).payload).saved);
    CHECK(f.step(task, "a").state == StepState::InProgress);
    CHECK(f.succeed(event) == CompletionVerdict::Accepted);
}

TEST_CASE("over the link: a result whose texts are no texts ends its step and nothing else") {
    LinkFixture f;
    const Uuid task = f.submit_single();
    RawPeer peer = f.peer(f.uuids.next());
    peer.hello(1);
    const RawMessage step = peer.take(FrameType::Step);
    const std::string bad("\xff\xfe\0\x80{\"", 6);
    StepExecutionResult result;
    result.status = result.worker_id = result.correlation_id = result.handler_version = bad;
    result.worker_hostname = result.result_json = result.metadata_json = bad;
    result.error = StepError{bad, bad, bad, false, bad};
    result.headers = {{bad, bad}, {"retry-after", bad}};
    result.events = {{f.uuids.next(), bad, bad, DeliveryMode::Durable, bad}};
    SUBCASE("as a failure") {}
    SUBCASE("as a success") { result.success = true; }
    SUBCASE("as a failure whose JSON is sound") {
        result.result_json = result.metadata_json = result.error->context_json = "{}";
    }
    peer.send_payload(peer.head(FrameType::Result, step.head.event, step.head.fence, 1), result);
    CHECK(peer.verdict(1) == CompletionVerdict::Accepted);
    CHECK(f.history(task) == std::vector<std::string>{"failed"});
    CHECK(f.view(task).state == TaskState::BlockedByFailures);
    CHECK(f.engine->check().empty());
    f.submit_single();
    CHECK(peer.take(FrameType::Step).head.event != step.head.event);
}

TEST_CASE("over the link: tokens, versions and sessions") {
    LinkFixture f;
    f.link.token = "secret";
    f.restart();
    const Uuid session = f.uuids.next();
    HelloMessage hello = RawPeer::hello_message(0);
    RefusalCode expected = RefusalCode::Token;
    SUBCASE("no token") {}
    SUBCASE("another token") { hello.token = "Secret"; }
    SUBCASE("another version") {
        hello.token = "secret";
        hello.min_protocol = hello.max_protocol = kNewestProtocol + 1;
        expected = RefusalCode::Version;
    }
    RawPeer peer = f.peer(session);
    peer.send_payload(peer.head(FrameType::Hello), hello);
    CHECK(refused_from(peer.take(FrameType::Refused).payload).code == expected);
    CHECK(peer.closed());
    // The right one is let in, also one that could speak more than we can.
    f.attach_client();
    hello.token = "secret";
    hello.min_protocol = 0;
    hello.max_protocol = 200;
    RawPeer newer = f.peer(session);
    newer.send_payload(newer.head(FrameType::Hello), hello);
    CHECK(welcome_from(newer.take(FrameType::Welcome).payload).protocol == kNewestProtocol);
}

TEST_CASE("over the link: a worker's second connection replaces the first") {
    LinkFixture f;
    const Uuid session = f.uuids.next();
    RawPeer first = f.peer(session);
    first.hello(0);
    RawPeer second = f.peer(session);
    second.hello(0);
    CHECK(refused_from(first.take(FrameType::Refused).payload).code == RefusalCode::Replaced);
    CHECK(first.closed());
    CHECK(f.server->workers().size() == 1);
}

TEST_CASE("over the link: who does not say who it is, or says nothing any more, is let go") {
    LinkFixture f;
    f.link.hello_within_ms = 5000;
    f.link.ask_every_ms = 10'000;
    f.restart();
    RawPeer mute = f.peer(f.uuids.next());
    const Uuid task = f.submit_single();
    RawPeer hung = f.peer(f.uuids.next());
    hung.hello(1);
    hung.take(FrameType::Step);
    f.clock.advance(5000);
    CHECK(mute.closed());
    for (int i = 0; i < 3; ++i) {
        f.clock.advance(10'000);
        hung.take(FrameType::Ping);
    }
    CHECK(f.step(task, "a").state == StepState::InProgress);
    f.clock.advance(10'000);
    CHECK(refused_from(hung.take(FrameType::Refused).payload).code == RefusalCode::Silent);
    CHECK(eventually(10s, [&] { return f.step(task, "a").state == StepState::Enqueued; }));
    CHECK(f.step(task, "a").attempts == 0);
}

TEST_CASE("over the link: a worker that does not read does not hold up the others") {
    LinkFixture f;
    RawPeer deaf = f.peer(f.uuids.next());
    deaf.hello(20);
    const std::string big = long_json(1'000'000);
    for (int i = 0; i < 20; ++i)
        f.submit(request("single", R"({"n":)" + std::to_string(i) + "," + big.substr(1)));
    f.attach_client(1);
    check_alive(f);
    // All of it is there when it reads after all.
    for (int i = 0; i < 20; ++i) CHECK(deaf.take(FrameType::Step).payload.size() > big.size());
}
