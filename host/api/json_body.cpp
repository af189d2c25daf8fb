#include "host/api/json_body.hpp"

#include <algorithm>
#include <charconv>
#include <system_error>
#include <vector>

#include "host/api/task_request_reader.hpp"
#include "host/core/json_text.hpp"
#include "host/core/json_view.hpp"
#include "host/core/nearest.hpp"

namespace tasker::host {

namespace {
constexpr std::size_t kMaxBytes = (std::size_t{1} << 20U) + 65536;
}  // namespace

JsonBody::JsonBody(std::string_view json, std::initializer_list<std::string_view> keys) : json_(json) {
    if (const auto broken = json_fault(json, {.max_depth = 110, .max_bytes = kMaxBytes})) {
        fail("the request is not usable JSON: " + *broken);
    } else if (!json_is_object(json)) {
        fail("the request must be a JSON object");
    } else if (const std::string twice = duplicate_key(json); !twice.empty()) {
        fail("the key '" + twice.substr(0, 128) + "' occurs twice in one object");
    } else {
        refuse_unknown(keys);
    }
}

void JsonBody::refuse_unknown(std::initializer_list<std::string_view> keys) {
    for (JsonWalk walk(json_); walk.next();) {
        const std::string key = json_unescape(walk.raw_key());
        if (std::find(keys.begin(), keys.end(), key) != keys.end()) continue;
        const std::vector<std::string> known(keys.begin(), keys.end());
        fail("the key '" + key.substr(0, 128) + "' is not known" + did_you_mean(key, known));
    }
}

void JsonBody::fail(const std::string& what) {
    if (fault_.empty()) fault_ = what;
}

std::optional<std::string_view> JsonBody::member(std::string_view key, bool required) {
    if (!fault_.empty()) return std::nullopt;
    const auto found = json_member(json_, key);
    if (found && *found != "null") return found;
    if (required) fail("the field '" + std::string(key) + "' is missing");
    return std::nullopt;
}

std::optional<std::string> JsonBody::text(std::string_view key, std::size_t limit, bool required) {
    const auto found = member(key, required);
    if (!found) return std::nullopt;
    const std::string field = "the field '" + std::string(key) + "' ";
    if (found->front() != '"') return fail(field + "must be a string"), std::nullopt;
    std::string text = json_unescape(*found);
    if (required && text.empty()) fail(field + "is empty");
    if (text.size() > limit) fail(field + "is longer than " + std::to_string(limit) + " bytes");
    return text;
}

std::optional<std::int64_t> JsonBody::number(std::string_view key, std::int64_t low, std::int64_t high,
                                             bool required) {
    const auto found = member(key, required);
    if (!found) return std::nullopt;
    std::int64_t value = 0;
    const auto [end, error] = std::from_chars(found->data(), found->data() + found->size(), value);
    if (error == std::errc{} && end == found->data() + found->size() && value >= low && value <= high)
        return value;
    fail("the field '" + std::string(key) + "' must be a whole number from " + std::to_string(low) + " to " +
         std::to_string(high));
    return std::nullopt;
}

std::optional<bool> JsonBody::boolean(std::string_view key) {
    const auto found = member(key, false);
    if (!found) return std::nullopt;
    if (*found != "true" && *found != "false")
        fail("the field '" + std::string(key) + "' must be true or false");
    return *found == "true";
}

std::optional<std::string> JsonBody::value(std::string_view key, bool required) {
    const auto found = member(key, required);
    return found ? std::optional{std::string(*found)} : std::nullopt;
}

std::optional<std::string> JsonBody::object(std::string_view key, bool required) {
    const auto found = member(key, required);
    if (!found) return std::nullopt;
    if (found->front() != '{') fail("the field '" + std::string(key) + "' must be an object");
    return std::string(*found);
}

}  // namespace tasker::host
