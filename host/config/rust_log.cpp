#include "host/config/rust_log.hpp"

#include <algorithm>

#include "host/logging/logger.hpp"

namespace tasker::host {

namespace {
std::string_view trimmed(std::string_view text) {
    const std::size_t first = text.find_first_not_of(" \t");
    if (first == std::string_view::npos) return {};
    return text.substr(first, text.find_last_not_of(" \t") - first + 1);
}
}  // namespace

std::optional<std::string> rust_log_level(std::string_view filter, std::vector<std::string>& warnings) {
    std::optional<std::string> global;
    std::string ignored;
    for (std::size_t from = 0; from <= filter.size();) {
        const std::size_t comma = std::min(filter.find(',', from), filter.size());
        const std::string_view directive = trimmed(filter.substr(from, comma - from));
        from = comma + 1;
        if (directive.empty()) continue;
        if (const auto level = log_level(directive)) {
            global = std::string{name(*level)};
            std::transform(global->begin(), global->end(), global->begin(), [](char c) {
                return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
            });
        } else {
            ignored += (ignored.empty() ? "'" : ", '") + std::string{directive} + "'";
        }
    }
    if (!ignored.empty()) {
        warnings.push_back(
            "RUST_LOG: only a global level counts (trace, debug, info, warn, error); ignored: " + ignored);
    }
    return global;
}

}  // namespace tasker::host
