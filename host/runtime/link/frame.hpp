#pragma once
// Frames: what travels between a worker and an engine in another process (README.md here). A message is one frame, or a
// run of frames when it is larger. Pure.

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "host/core/uuid.hpp"
#include "host/runtime/link/fields.hpp"

namespace tasker::host {

// Of the protocol. An engine speaks the newest and the one before.
inline constexpr std::uint8_t kNewestProtocol = 1;
inline constexpr std::uint8_t kOldestProtocol = 1;

inline constexpr std::size_t kFrameHeader = 56;
inline constexpr std::size_t kMaxFrame = std::size_t{1} << 20U;  // with its header
inline constexpr std::size_t kMaxFramePayload = kMaxFrame - kFrameHeader;

// The largest message of each side. A step carries the results of all its ancestors.
inline constexpr std::size_t kMaxWorkerMessage = std::size_t{32} << 20U;
inline constexpr std::size_t kMaxEngineMessage = std::size_t{256} << 20U;

enum class FrameType : std::uint8_t {
    // from the worker
    Hello = 1,
    Capacity = 2,
    Started = 3,
    Result = 4,
    Checkpoint = 5,
    Yield = 6,
    Heartbeat = 7,
    Release = 8,
    Drain = 9,
    Stop = 10,
    Pong = 11,
    Catalog = 12,
    Facts = 13,
    // from the engine
    Welcome = 32,
    Refused = 33,
    Template = 34,
    Step = 35,
    Revoked = 36,
    Verdicts = 37,
    Saved = 38,
    Alive = 39,
    Status = 40,
    Stopped = 41,
    Ping = 42,
};
std::string_view name(FrameType type);  // empty: there is none
constexpr bool from_worker(FrameType type) { return static_cast<std::uint8_t>(type) < 32; }

struct FrameHead {
    FrameType type = FrameType::Ping;
    std::uint64_t request = 0;  // answered under the same number; 0: nobody waits
    Uuid session;
    Uuid event;               // of a claim; nil: the message is about none
    std::uint32_t fence = 0;  // of that claim
    std::uint8_t version = kNewestProtocol;
    friend bool operator==(const FrameHead&, const FrameHead&) = default;
};

// Appends the message, cut into frames where it must be.
void append_message(std::string& out, const FrameHead& head, std::string_view payload);

// A message that was read; the payload lives until the next call of the reader.
struct LinkMessage {
    FrameHead head;
    std::string_view payload;
};

// Puts messages together from bytes that come in pieces. Keeps at most one frame and one message.
class FrameReader {
  public:
    // `max_message` is the largest payload that is taken.
    explicit FrameReader(std::size_t max_message) : max_message_(max_message) {}

    // Room for the next bytes, at least `size`; commit() says how many came.
    char* room(std::size_t size);
    void commit(std::size_t size) { end_ += size; }
    // The next message, nothing when more bytes are needed. Throws LinkFault; then nothing more comes of it.
    std::optional<LinkMessage> next();
    void set_max_message(std::size_t bytes) { max_message_ = bytes; }
    std::size_t held() const { return end_ - begin_ + whole_.size(); }

  private:
    std::size_t max_message_;
    std::string bytes_;  // those from begin_ to end_ are not read yet
    std::size_t begin_ = 0, end_ = 0;
    std::string whole_;               // of a message in several frames
    std::optional<FrameHead> first_;  // of it, while more frames are to come
    std::size_t total_ = 0;
    bool whole_given_ = false;
};

}  // namespace tasker::host
