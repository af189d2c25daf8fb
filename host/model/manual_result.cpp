#include "host/model/manual_result.hpp"

#include <array>
#include <string_view>

#include "host/core/json_text.hpp"
#include "host/core/json_view.hpp"
#include "host/model/result_rules.hpp"

namespace tasker::host {

namespace {
constexpr std::size_t kMaxReason = 4096, kMaxBy = 256;
constexpr std::array<std::string_view, 3> kOwnKeys{"manually_completed", "completed_by", "completion_reason"};

bool is_own(std::string_view key) {
    for (const std::string_view own : kOwnKeys) {
        if (own == key) return true;
    }
    return false;
}
}  // namespace

std::optional<std::string> step_action_fault(const StepAction& action) {
    if (action.reason.empty()) return "a reason is needed";
    if (action.by.empty()) return "who does it must be said";
    if (action.reason.size() > kMaxReason)
        return "the reason is longer than " + std::to_string(kMaxReason) + " bytes";
    if (action.by.size() > kMaxBy)
        return "the name of who does it is longer than " + std::to_string(kMaxBy) + " bytes";
    if (action.kind != StepAction::Kind::CompleteManually) return std::nullopt;
    if (auto fault = result_part_fault("result", action.result_json, false)) return fault;
    return result_part_fault("metadata", action.metadata_json, true);
}

std::string manual_metadata(const StepAction& action) {
    std::string out = "{";
    for (JsonWalk walk(action.metadata_json); walk.next();) {
        if (is_own(json_unescape(walk.raw_key()))) continue;
        out += '"';
        out += walk.raw_key();
        out += "\":";
        out += walk.value();
        out += ',';
    }
    out += R"("manually_completed":true,"completed_by":)";
    append_json_string(out, action.by);
    out += R"(,"completion_reason":)";
    append_json_string(out, action.reason);
    return out + "}";
}

}  // namespace tasker::host
