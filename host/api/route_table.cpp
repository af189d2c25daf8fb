#include "host/api/route_table.hpp"

#include <charconv>
#include <system_error>

namespace tasker::host {

std::string Call::query(const std::string& key) const {
    const auto found = target.query.find(key);
    return found == target.query.end() ? std::string{} : found->second;
}

ApiResponse refuse(int status, std::string_view code, std::string_view message, std::string_view hint) {
    return {status, error_document(code, message, hint)};
}
ApiResponse refuse(const Refused& refused) {
    return refuse(refusal_status(refused.why), refusal_code(refused.why), refused.message, refused.hint);
}
ApiResponse bad_request(std::string_view message, std::string_view hint) {
    return refuse(400, "BAD_REQUEST", message, hint);
}
ApiResponse not_found(std::string_view message) { return refuse(404, "NOT_FOUND", message); }
ApiResponse no_task(const Uuid& uuid) { return not_found("there is no task " + uuid.str()); }

std::optional<Uuid> uuid_argument(const Call& call, std::size_t index) {
    return Uuid::parse(call.arguments[index]);
}
ApiResponse bad_uuid(const std::string& text) {
    return bad_request("'" + text.substr(0, 64) + "' is not a UUID");
}

StepExtras extras_of(const Call& call) {
    const std::string list = "," + call.query("include") + ",";
    return {.results = list.find(",results,") != std::string::npos,
            .dependencies = list.find(",dependencies,") != std::string::npos};
}

std::optional<int> number(const std::string& text, int absent, int low, int high) {
    if (text.empty()) return absent;
    int value = 0;
    const auto [end, fault] = std::from_chars(text.data(), text.data() + text.size(), value);
    if (fault != std::errc{} || end != text.data() + text.size() || value < low || value > high)
        return std::nullopt;
    return value;
}

}  // namespace tasker::host
