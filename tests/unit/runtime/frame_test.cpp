#include "host/runtime/link/frame.hpp"

#include <doctest/doctest.h>

#include <cstring>
#include <limits>
#include <vector>

using namespace tasker::host;

namespace {
Uuid uuid(std::uint8_t last) {
    Uuid made;
    made.bytes.front() = 1;
    made.bytes.back() = last;
    return made;
}

FrameHead sample_head() { return {FrameType::Result, 77, uuid(1), uuid(2), 9, kNewestProtocol}; }

void feed(FrameReader& reader, std::string_view bytes) {
    std::memcpy(reader.room(bytes.size()), bytes.data(), bytes.size());
    reader.commit(bytes.size());
}

struct Whole {
    FrameHead head;
    std::string payload;
};

std::vector<Whole> read_in_pieces(std::string_view bytes, std::size_t piece) {
    FrameReader reader(kMaxWorkerMessage);
    std::vector<Whole> messages;
    for (std::size_t at = 0; at < bytes.size(); at += piece) {
        feed(reader, bytes.substr(at, piece));
        while (const auto message = reader.next())
            messages.push_back({message->head, std::string(message->payload)});
    }
    CHECK(reader.held() == 0);
    return messages;
}
}  // namespace

TEST_CASE("frame: the header is what the README says") {
    std::string bytes;
    append_message(bytes, sample_head(), "abc");
    REQUIRE(bytes.size() == kFrameHeader + 3);
    CHECK(bytes[0] == 1);                                             // version
    CHECK(bytes[1] == 4);                                             // type
    CHECK(bytes.substr(2, 2) == std::string(2, '\0'));                // flags
    CHECK(bytes.substr(4, 4) == std::string("\3\0\0\0", 4));          // of this frame
    CHECK(bytes.substr(8, 4) == std::string("\3\0\0\0", 4));          // of the message
    CHECK(bytes.substr(12, 4) == std::string("\x9\0\0\0", 4));        // fence
    CHECK(bytes.substr(16, 8) == std::string("M\0\0\0\0\0\0\0", 8));  // request
    CHECK(bytes[24] == 1);                                            // session
    CHECK(bytes[39] == 1);
    CHECK(bytes[55] == 2);  // event
}

TEST_CASE("frame: messages come out as they went in, however the bytes are cut") {
    std::string bytes;
    const std::vector<std::size_t> sizes = {
        0, 1, 1000, kMaxFramePayload, kMaxFramePayload + 1, 2 * kMaxFramePayload, 3'000'000, 5};
    for (const std::size_t size : sizes) append_message(bytes, sample_head(), std::string(size, 'x'));
    for (const std::size_t piece : {std::size_t{4099}, std::size_t{1'000'000}, bytes.size()}) {
        const auto messages = read_in_pieces(bytes, piece);
        REQUIRE(messages.size() == sizes.size());
        for (std::size_t i = 0; i < sizes.size(); ++i) {
            CHECK(messages[i].head == sample_head());
            CHECK(messages[i].payload == std::string(sizes[i], 'x'));
        }
    }
    std::string small;
    for (int i = 0; i < 3; ++i) append_message(small, sample_head(), "abc");
    CHECK(read_in_pieces(small, 1).size() == 3);
}

TEST_CASE("frame: no frame is larger than 1 MiB") {
    std::string bytes;
    append_message(bytes, sample_head(), std::string(2'500'000, 'x'));
    CHECK(bytes.size() == 2'500'000 + 3 * kFrameHeader);
    CHECK(kMaxFramePayload + kFrameHeader == 1'048'576);
}

TEST_CASE("frame: what is no message is refused before its bytes are waited for") {
    std::string good;
    append_message(good, sample_head(), std::string(100, 'x'));
    std::string large;
    append_message(large, sample_head(), std::string(kMaxFramePayload + 1, 'x'));
    const auto fault = [](std::string bytes, std::size_t at, char value) {
        bytes.at(at) = value;
        FrameReader reader(2'000'000);
        feed(reader, bytes);
        while (reader.next().has_value()) {
        }
    };
    CHECK_THROWS_AS(fault(good.substr(0, kFrameHeader), 0, 2), LinkFault);  // version
    CHECK_THROWS_AS(fault(good.substr(0, kFrameHeader), 0, 0), LinkFault);
    CHECK_THROWS_AS(fault(good.substr(0, kFrameHeader), 1, 0), LinkFault);  // type
    CHECK_THROWS_AS(fault(good.substr(0, kFrameHeader), 1, 14), LinkFault);
    CHECK_THROWS_AS(fault(good.substr(0, kFrameHeader), 2, 2), LinkFault);   // flags
    CHECK_THROWS_AS(fault(good.substr(0, kFrameHeader), 2, 1), LinkFault);   // goes on, and is not full
    CHECK_THROWS_AS(fault(good.substr(0, kFrameHeader), 6, 16), LinkFault);  // length
    CHECK_THROWS_AS(fault(good.substr(0, kFrameHeader), 11, 1), LinkFault);  // total
    CHECK_THROWS_AS(fault(good.substr(0, kFrameHeader), 8, 99), LinkFault);  // shorter than its frame
    const std::size_t second = kMaxFramePayload + kFrameHeader;
    CHECK_NOTHROW(fault(large, 0, 1));
    CHECK_THROWS_AS(fault(large, second + 16, 1), LinkFault);  // another request in between
    CHECK_THROWS_AS(fault(large, second + 4, 2), LinkFault);   // the last frame too long
    CHECK_THROWS_AS(fault(large, second + 2, 1), LinkFault);   // no end
}

TEST_CASE("fields: numbers, texts and their ends") {
    std::string bytes;
    FieldWriter out(bytes);
    out.number(std::int64_t{-2});
    out.number(std::uint8_t{200});
    out.number(std::int32_t{std::numeric_limits<std::int32_t>::min()});
    out.text("");
    out.text("text");
    out.flag(true);
    out.maybe_number(std::nullopt);
    out.maybe_number(5);
    out.uuid(uuid(7));
    FieldReader in(bytes);
    CHECK(in.number<std::int64_t>() == -2);
    CHECK(in.number<std::uint8_t>() == 200);
    CHECK(in.number<std::int32_t>() == std::numeric_limits<std::int32_t>::min());
    CHECK(in.text().empty());
    CHECK(in.text() == "text");
    CHECK(in.flag());
    CHECK_FALSE(in.maybe_number().has_value());
    CHECK_THROWS_AS(in.end(), LinkFault);
    CHECK(in.maybe_number() == 5);
    CHECK(in.uuid() == uuid(7));
    in.end();
    CHECK_THROWS_AS(in.flag(), LinkFault);
    CHECK_THROWS_AS(FieldReader("\2").flag(), LinkFault);
    CHECK_THROWS_AS(FieldReader(std::string_view("\5\0\0\0abc", 7)).text(), LinkFault);
    CHECK_THROWS_AS(FieldReader(std::string_view("\3\0\0\0abc", 7)).count(2), LinkFault);
}
