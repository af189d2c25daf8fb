#include "host/model/identity.hpp"

#include <algorithm>
#include <cstddef>
#include <utility>
#include <vector>

#include "host/core/json_text.hpp"
#include "host/core/json_view.hpp"
#include "host/core/sha256.hpp"

namespace tasker::host {

namespace {

constexpr JsonRules kContextRules{.max_depth = 10, .max_bytes = std::size_t{1} << 20U};
constexpr std::size_t kMaxElements = 1000;
constexpr std::size_t kMaxStringBytes = 10'000;

char first_char(std::string_view json) {
    const auto at = json.find_first_not_of(" \n\t\r");
    return at == std::string_view::npos ? '\0' : json[at];
}

bool too_long(std::string_view raw) {
    // Undoing escapes only ever shortens a text.
    return raw.size() > kMaxStringBytes && json_unescape(raw).size() > kMaxStringBytes;
}

// Recursion is bounded by kContextRules.max_depth, which was checked before.
std::optional<std::string> element_fault(std::string_view json) {
    const char kind = first_char(json);
    if (kind == '"' && too_long(json.substr(1, json.size() - 2))) {
        return "a string is longer than " + std::to_string(kMaxStringBytes) + " bytes";
    }
    if (kind != '{' && kind != '[') return std::nullopt;
    std::size_t count = 0;
    for (JsonWalk walk(json); walk.next();) {
        if (++count > kMaxElements) {
            const char* const what = kind == '{' ? "an object has more than " : "an array has more than ";
            return what + std::to_string(kMaxElements) + (kind == '{' ? " keys" : " items");
        }
        if (too_long(walk.raw_key()))
            return "a key is longer than " + std::to_string(kMaxStringBytes) + " bytes";
        if (auto fault = element_fault(walk.value())) return fault;
    }
    return std::nullopt;
}

void append_canonical(std::string& out, std::string_view json);

void append_object(std::string& out, std::string_view json) {
    std::vector<std::pair<std::string, std::string_view>> members;
    for (JsonWalk walk(json); walk.next();) members.emplace_back(json_unescape(walk.raw_key()), walk.value());
    std::stable_sort(members.begin(), members.end(),
                     [](const auto& a, const auto& b) { return a.first < b.first; });
    out += '{';
    bool first = true;
    for (std::size_t i = 0; i < members.size(); ++i) {
        // Of duplicate keys the last counts, as in PostgreSQL's jsonb.
        if (i + 1 < members.size() && members[i + 1].first == members[i].first) continue;
        if (!first) out += ',';
        first = false;
        append_json_string(out, members[i].first);
        out += ':';
        append_canonical(out, members[i].second);
    }
    out += '}';
}

// Numbers keep their text: two integers beyond a double's precision stay two.
void append_canonical(std::string& out, std::string_view json) {
    switch (first_char(json)) {
        case '{':
            append_object(out, json);
            return;
        case '"':
            append_json_string(out, json_unescape(json));
            return;
        case '[':
            break;
        default:
            out += json;
            return;
    }
    out += '[';
    bool first = true;
    for (JsonWalk walk(json); walk.next();) {
        if (!first) out += ',';
        first = false;
        append_canonical(out, walk.value());
    }
    out += ']';
}

// Each part is preceded by its length, so that no two lists of parts read the same.
std::string digest_of(std::initializer_list<std::string_view> parts) {
    Sha256 hash;
    for (const std::string_view part : parts) {
        hash.update(std::to_string(part.size()));
        hash.update(":");
        hash.update(part);
    }
    const Sha256Digest digest = hash.finish();
    return {digest.begin(), digest.end()};
}

std::string_view trimmed(std::string_view json) {
    const auto first = json.find_first_not_of(" \n\t\r");
    if (first == std::string_view::npos) return {};
    return json.substr(first, json.find_last_not_of(" \n\t\r") - first + 1);
}

}  // namespace

std::optional<std::string> context_fault(std::string_view context_json) {
    if (auto fault = json_fault(context_json, kContextRules)) return fault;
    if (!json_is_object(context_json)) return "not an object";
    return element_fault(trimmed(context_json));
}

std::string canonical_json(std::string_view json) {
    std::string out;
    out.reserve(json.size());
    append_canonical(out, trimmed(json));
    return out;
}

std::optional<std::string> identity_hash(const TaskTemplate& task_template, const TaskRequest& request) {
    if (request.idempotency_key) {
        return digest_of({"key", task_template.namespace_name, task_template.name, task_template.version,
                          *request.idempotency_key});
    }
    if (task_template.identity != IdentityStrategy::Strict) return std::nullopt;
    return digest_of({"context", task_template.namespace_name, task_template.name, task_template.version,
                      canonical_json(request.context_json)});
}

}  // namespace tasker::host
