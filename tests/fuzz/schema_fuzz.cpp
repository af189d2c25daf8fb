// An input_schema and a context, both anything that is JSON: remarks or none, a fault or none, always the same.

#include "host/core/json_text.hpp"
#include "host/model/input_schema.hpp"
#include "tests/fuzz/fuzz_input.hpp"

using namespace tasker::host;
using fuzzing::require;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    const auto parts = fuzzing::parts_of(data, size, 2);
    if (json_fault(parts[0]) || json_fault(parts[1])) return 0;
    const InputSchema schema{std::string(parts[0])};
    bool unusable = false;
    for (const SchemaRemark& remark : schema.remarks()) {
        require(!remark.message.empty(), "a remark says something");
        unusable = unusable || remark.unusable;
    }
    const auto fault = schema.fault(parts[1]);
    require(!unusable || fault, "a schema that is unusable fits nothing");
    require(!fault || !fault->empty(), "a fault says what is wrong");
    require(schema.fault(parts[1]) == fault, "the same document has the same fault");
    return 0;
}
