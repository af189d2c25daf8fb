// Progress that a handler saves: refused with a reason, or a record that holds it, also behind an earlier one.

#include "host/core/json_text.hpp"
#include "host/core/json_view.hpp"
#include "host/model/checkpoint.hpp"
#include "host/model/identity.hpp"
#include "tests/fuzz/fuzz_input.hpp"

using namespace tasker::host;
using fuzzing::require;

namespace {
constexpr std::int64_t kNow = 1'790'000'000'000;

std::string check(const Checkpoint& checkpoint, std::string_view previous) {
    if (const auto fault = checkpoint_fault(checkpoint)) {
        require(!fault->empty(), "a refusal says what is wrong");
        return {};
    }
    std::string record = checkpoint_record(checkpoint, kNow, previous);
    require(!json_fault(record, {.max_depth = 200, .max_bytes = std::size_t{8} << 20U}),
            "a record is one JSON document");
    const auto cursor = json_member(record, "cursor");
    require(cursor && canonical_json(*cursor) == canonical_json(checkpoint.cursor_json),
            "the cursor comes back");
    require(json_member(record, "items_processed") == std::to_string(checkpoint.items_processed),
            "the count comes back");
    require(!moved_on(checkpoint, record), "nothing moved on from itself");
    return record;
}
}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    const auto parts = fuzzing::parts_of(data, size, 3);
    const std::string first = check({std::string(parts[0]), size, std::string(parts[1])}, {});
    const std::string second = check({std::string(parts[2]), size + 1, ""}, first);
    if (!first.empty() && !second.empty())
        check({std::string(parts[0]), size, std::string(parts[1])}, second);
    return 0;
}
