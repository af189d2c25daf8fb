// Any bytes on the link: through the reader that both ends use, however they are cut, and every payload through every
// reader of payloads. What is understood is the same after it was written once more; what is not is refused in words.

#include <cstring>
#include <string>
#include <string_view>
#include <vector>

#include "host/runtime/link/messages.hpp"
#include "host/runtime/link/step_message.hpp"
#include "tests/fuzz/fuzz_input.hpp"

using namespace tasker::host;
using fuzzing::require;

namespace {
// Whatever is asked for.
std::shared_ptr<const TaskTemplate> any_template() {
    static const auto definition = std::make_shared<const TaskTemplate>(template_from_json(
        R"({"name":"t","namespace_name":"ns","version":"1.0.0","steps":[{"name":"a","handler":{"callable":"x"}}]})"));
    return definition;
}

template <class Read, class Write>
void round_trip(std::string_view payload, Read&& read, Write&& write) {
    try {
        const auto value = read(payload);
        std::string bytes;
        FieldWriter out(bytes);
        write(out, value);
        require(bytes == payload, "what was read is written the same");
    } catch (const LinkFault& fault) {
        require(std::string_view(fault.what()).size() > 10, "a refusal says what is wrong");
    }
}

template <class Read>
void one(std::string_view payload, Read&& read) {
    round_trip(payload, read, [](FieldWriter& out, const auto& value) { put(out, value); });
}

template <class T, class Read>
void list(std::string_view payload, Read&& read) {
    round_trip(payload, read,
               [](FieldWriter& out, const std::vector<T>& value) { put(out, std::span<const T>(value)); });
}

void read_all(std::string_view payload) {
    one(payload, hello_from);
    one(payload, welcome_from);
    one(payload, refused_from);
    one(payload, template_from);
    one(payload, capacity_from);
    one(payload, checkpoint_answer_from);
    one(payload, checkpoint_from);
    one(payload, result_from);
    list<Uuid>(payload, events_from);
    list<Revocation>(payload, revocations_from);
    list<Verdict>(payload, verdicts_from);
    list<std::string>(payload, texts_from);
    std::uint32_t id = 0;
    round_trip(
        payload,
        [&](std::string_view bytes) {
            return step_from({}, bytes, [&](std::uint32_t asked) {
                id = asked;
                return any_template();
            });
        },
        [&](FieldWriter& out, const StepEvent& event) { put_step(out, event, id); });
}

// The messages, as bytes again, and whether it ended in a refusal.
std::string read_frames(std::string_view bytes, std::size_t piece, bool payloads) {
    FrameReader reader(std::size_t{3} << 20U);
    std::string out;
    try {
        for (std::size_t at = 0; at < bytes.size(); at += piece) {
            const std::string_view part = bytes.substr(at, piece);
            std::memcpy(reader.room(part.size()), part.data(), part.size());
            reader.commit(part.size());
            while (const auto message = reader.next()) {
                append_message(out, message->head, message->payload);
                if (payloads) read_all(message->payload);
            }
        }
    } catch (const LinkFault& fault) {
        require(std::string_view(fault.what()).size() > 10, "a refusal says what is wrong");
        return out + "refused";
    }
    require(bytes.starts_with(out), "what was read is written the same");
    return out;
}
}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    const std::string_view bytes(reinterpret_cast<const char*>(data), size);
    const std::string whole = read_frames(bytes, size + 1, true);
    if (size < 4096) require(read_frames(bytes, 1, false) == whole, "how the bytes are cut does not matter");
    read_all(bytes);
    return 0;
}
