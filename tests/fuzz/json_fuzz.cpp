// The JSON scanner, the views and the envelope reader on any bytes. What the scanner accepts must walk, must keep its
// meaning when made canonical, and must be accepted again.

#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>

#include "host/core/error.hpp"
#include "host/core/json_text.hpp"
#include "host/core/json_view.hpp"
#include "host/model/identity.hpp"
#include "host/model/retry.hpp"
#include "host/model/wire.hpp"

using namespace tasker::host;

namespace {
void require(bool condition) {
    if (!condition) std::abort();
}
}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    const std::string_view text(reinterpret_cast<const char*>(data), size);
    const bool valid = !json_fault(text);
    for (JsonWalk walk(text); walk.next();) static_cast<void>(json_unescape(walk.value()));
    require(!json_fault(json_string(text), {.max_depth = 1, .max_bytes = 8 * size + 16}));
    static_cast<void>(envelope_result(text));
    static_cast<void>(retry_after_ms(text, 1'790'000'000'000));
    if (valid) {
        const std::string canonical = canonical_json(text);
        require(!json_fault(canonical, {.max_depth = 100, .max_bytes = 8 * size + 16}));
        require(canonical_json(canonical) == canonical);
    }
    if (!context_fault(text)) require(valid && json_is_object(text));
    try {
        static_cast<void>(summarise_envelope(text));
    } catch (const Error&) {
        return 0;
    }
    return 0;
}
