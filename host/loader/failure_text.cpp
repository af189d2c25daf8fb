#include "host/loader/failure_text.hpp"

#include "host/core/json_text.hpp"
#include "host/core/json_view.hpp"

namespace tasker::host {

std::optional<Headers> read_headers(std::string_view json) {
    constexpr std::size_t kMaxBytes = std::size_t{64} << 10U;
    constexpr std::size_t kMaxHeaders = 64, kMaxName = 256;
    Headers headers;
    if (json.empty()) return headers;
    if (!json_is_object(json) || json_fault(json, {.max_depth = 1, .max_bytes = kMaxBytes}))
        return std::nullopt;
    for (JsonWalk walk(json); walk.next();) {
        std::string name = json_unescape(walk.raw_key());
        const std::string_view value = walk.value();
        if (headers.size() == kMaxHeaders || name.empty() || name.size() > kMaxName ||
            !value.starts_with('"'))
            return std::nullopt;
        headers.emplace_back(std::move(name), json_unescape(value));
    }
    return headers;
}

}  // namespace tasker::host
