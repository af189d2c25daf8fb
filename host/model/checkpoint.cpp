#include "host/model/checkpoint.hpp"

#include <vector>

#include "host/core/clock.hpp"
#include "host/core/json_text.hpp"
#include "host/core/json_view.hpp"

namespace tasker::host {

namespace {
// A value as json_member() gives it back: without the white space around it.
std::string_view bare(std::string_view json) {
    constexpr std::string_view kSpace = " \t\r\n";
    const std::size_t first = json.find_first_not_of(kSpace);
    if (first == std::string_view::npos) return {};
    return json.substr(first, json.find_last_not_of(kSpace) - first + 1);
}
}  // namespace

std::optional<std::string> checkpoint_fault(const Checkpoint& checkpoint) {
    if (checkpoint.cursor_json.empty()) return "checkpoint: it has no cursor";
    if (checkpoint.cursor_json.size() + checkpoint.accumulated_json.size() > kMaxCheckpointBytes)
        return "checkpoint: cursor and accumulated results are larger than 1 MiB";
    if (const auto fault = json_fault(checkpoint.cursor_json)) return "checkpoint cursor: " + *fault;
    if (checkpoint.accumulated_json.empty()) return std::nullopt;
    if (const auto fault = json_fault(checkpoint.accumulated_json))
        return "checkpoint accumulated results: " + *fault;
    return std::nullopt;
}

std::string checkpoint_record(const Checkpoint& checkpoint, std::int64_t unix_ms, std::string_view previous) {
    const std::string time = json_string(rfc3339(unix_ms));
    const std::string entry = R"({"cursor":)" + checkpoint.cursor_json + R"(,"timestamp":)" + time + '}';
    std::vector<std::string_view> history;
    const auto member = json_member(previous, "history");
    for (JsonWalk items(member.value_or("[]")); items.next();) history.push_back(items.value());
    // From the newest back, as many as there is room for.
    std::size_t kept = 0;
    std::size_t bytes = entry.size();
    while (kept < history.size() && kept + 1 < kMaxCheckpointHistory) {
        bytes += history[history.size() - 1 - kept].size() + 1;
        if (bytes > kMaxHistoryBytes) break;
        ++kept;
    }
    std::string record = R"({"cursor":)" + checkpoint.cursor_json + R"(,"items_processed":)" +
                         std::to_string(checkpoint.items_processed) + R"(,"timestamp":)" + time +
                         R"(,"accumulated_results":)" +
                         (checkpoint.accumulated_json.empty() ? "null" : checkpoint.accumulated_json) +
                         R"(,"history":[)";
    for (std::size_t i = history.size() - kept; i < history.size(); ++i) {
        record += history[i];
        record += ',';
    }
    return record + entry + "]}";
}

bool moved_on(const Checkpoint& checkpoint, std::string_view previous) {
    return json_member(previous, "cursor") != bare(checkpoint.cursor_json) ||
           json_member(previous, "items_processed") != std::to_string(checkpoint.items_processed);
}

}  // namespace tasker::host
