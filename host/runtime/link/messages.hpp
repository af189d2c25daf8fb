#pragma once
// The payloads of the link's messages, as values, and as bytes. Reading throws LinkFault when the bytes are no such
// payload. Pure.

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "host/runtime/engine_session.hpp"
#include "host/runtime/link/frame.hpp"
#include "host/runtime/runtime.hpp"

namespace tasker::host {

struct HelloMessage {
    std::uint8_t min_protocol = kOldestProtocol, max_protocol = kNewestProtocol;
    std::string worker_id;
    std::vector<std::string> namespaces;
    std::int64_t generation = 0;
    std::string token;  // from whoever started the worker
    Capacity capacity;  // what it offers to run; no slots: nothing yet
    std::vector<HeldClaim> held;
};

struct WelcomeMessage {
    std::uint8_t protocol = kNewestProtocol;
    std::vector<Uuid> gone;  // of those listed
    RuntimeStatus status;
};

// Why the engine ends the connection. Append only.
enum class RefusalCode : std::uint8_t {
    Protocol = 1,  // the peer broke the protocol
    Version = 2,   // no common version
    Token = 3,     // not started by whom the engine trusts
    Session = 4,   // the session belongs to another process
    Replaced = 5,  // the worker connected again
    Silent = 6,    // nothing was heard for too long
    Overload = 7,  // too many connections
    Stopping = 8,  // the engine ends; it may come back
};
struct RefusedMessage {
    RefusalCode code = RefusalCode::Protocol;
    std::string reason;
};

struct TemplateMessage {
    std::uint32_t id = 0;
    bool forget_others = false;  // ids begin anew
    std::string definition_json;
};

using Verdict = std::pair<std::uint64_t, CompletionVerdict>;  // of which request

void put(FieldWriter& out, const Capacity& capacity);
void put(FieldWriter& out, const HelloMessage& hello);
void put(FieldWriter& out, const WelcomeMessage& welcome);
void put(FieldWriter& out, const RefusedMessage& refused);
void put(FieldWriter& out, const TemplateMessage& message);
void put(FieldWriter& out, const RuntimeStatus& status);
void put(FieldWriter& out, const CheckpointAnswer& answer);
void put(FieldWriter& out, const Checkpoint& checkpoint);
void put(FieldWriter& out, const StepExecutionResult& result);
void put(FieldWriter& out, std::span<const Uuid> events);
void put(FieldWriter& out, std::span<const Revocation> revocations);
void put(FieldWriter& out, std::span<const Verdict> verdicts);
void put(FieldWriter& out, std::span<const std::string> texts);

Capacity capacity_from(std::string_view payload);
HelloMessage hello_from(std::string_view payload);
WelcomeMessage welcome_from(std::string_view payload);
RefusedMessage refused_from(std::string_view payload);
TemplateMessage template_from(std::string_view payload);
RuntimeStatus status_from(std::string_view payload);
CheckpointAnswer checkpoint_answer_from(std::string_view payload);
Checkpoint checkpoint_from(std::string_view payload);
StepExecutionResult result_from(std::string_view payload);
std::vector<Uuid> events_from(std::string_view payload);
std::vector<Revocation> revocations_from(std::string_view payload);
std::vector<Verdict> verdicts_from(std::string_view payload);
std::vector<std::string> texts_from(std::string_view payload);

// One message with such a payload, appended.
template <class Payload>
void append_payload(std::string& out, const FrameHead& head, const Payload& payload) {
    std::string bytes;
    FieldWriter fields(bytes);
    put(fields, payload);
    append_message(out, head, bytes);
}

}  // namespace tasker::host
