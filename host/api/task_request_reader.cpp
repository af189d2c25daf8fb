#include "host/api/task_request_reader.hpp"

#include <charconv>
#include <set>

#include "host/core/json_text.hpp"
#include "host/core/json_view.hpp"

namespace tasker::host {

namespace {
constexpr std::size_t kMaxBytes = (std::size_t{1} << 20U) + 65536;
// What the columns of a Tasker deployment hold; kept here too, so that a task can move there.
constexpr std::size_t kMaxWord = 128;

std::string first_duplicate(std::string_view json) {
    if (json.empty() || (json.front() != '{' && json.front() != '[')) return {};
    std::set<std::string> seen;
    JsonWalk walk(json);
    while (walk.next()) {
        if (json.front() == '{') {
            std::string key = json_unescape(walk.raw_key());
            if (!seen.insert(key).second) return key;
        }
        if (std::string deeper = first_duplicate(walk.value()); !deeper.empty()) return deeper;
    }
    return {};
}

class Reader {
  public:
    explicit Reader(std::string_view json) : json_(json) {}

    std::variant<TaskRequest, Refused> read() {
        TaskRequest out;
        text("name", out.name, true);
        text("namespace", out.namespace_name, true);
        text("version", out.version, true);
        text("initiator", out.initiator, true);
        text("source_system", out.source_system, true);
        text("reason", out.reason, true);
        context(out);
        tags(out);
        priority(out);
        uuid("correlation_id", out.correlation_id);
        uuid("parent_correlation_id", out.parent_correlation_id);
        if (present("idempotency_key")) {
            std::string key;
            text("idempotency_key", key, true);
            out.idempotency_key = std::move(key);
        }
        text("traceparent", out.traceparent, false);
        if (!fault_.empty()) return Refused{Refusal::Invalid, fault_, {}};
        return out;
    }

  private:
    void fail(const std::string& what) {
        if (fault_.empty()) fault_ = what;
    }
    // Absent and null are the same.
    std::optional<std::string_view> present(std::string_view key) const {
        const auto value = json_member(json_, key);
        if (!value || *value == "null") return std::nullopt;
        return value;
    }

    void text(const std::string& key, std::string& out, bool required) {
        const auto value = present(key);
        if (!value) {
            if (required) fail("the field '" + key + "' is missing");
            return;
        }
        if (value->front() != '"') return fail("the field '" + key + "' must be a string");
        out = json_unescape(*value);
        if (required && out.empty()) fail("the field '" + key + "' is empty");
        const std::size_t limit = key == "idempotency_key" ? 1024 : key == "traceparent" ? 256 : kMaxWord;
        if (out.size() > limit)
            fail("the field '" + key + "' is longer than " + std::to_string(limit) + " bytes");
    }

    void context(TaskRequest& out) {
        const auto value = present("context");
        if (!value) return fail("the field 'context' is missing");
        if (value->front() != '{') return fail("the field 'context' must be an object");
        out.context_json = std::string{*value};
    }

    void tags(TaskRequest& out) {
        const auto value = present("tags");
        if (!value) return;
        if (value->front() != '[') return fail("the field 'tags' must be a list of strings");
        JsonWalk walk(*value);
        while (walk.next()) {
            if (walk.value().front() != '"') return fail("the field 'tags' must be a list of strings");
            out.tags.push_back(json_unescape(walk.value()));
        }
        if (out.tags.size() > 1000) fail("the field 'tags' has more than 1000 items");
    }

    void priority(TaskRequest& out) {
        const auto value = present("priority");
        if (!value) return;
        const auto [end, fault] = std::from_chars(value->data(), value->data() + value->size(), out.priority);
        if (fault != std::errc{} || end != value->data() + value->size()) {
            fail("the field 'priority' must be a whole number, not " + std::string{value->substr(0, 40)});
        }
    }

    void uuid(const std::string& key, std::optional<Uuid>& out) {
        const auto value = present(key);
        if (!value) return;
        out = value->front() == '"' ? Uuid::parse(json_unescape(*value)) : std::nullopt;
        if (!out) fail("the field '" + key + "' must be a UUID");
    }

    std::string_view json_;
    std::string fault_;
};
}  // namespace

std::string duplicate_key(std::string_view json) {
    const std::size_t start = json.find_first_not_of(" \t\r\n");
    return start == std::string_view::npos ? std::string{} : first_duplicate(json.substr(start));
}

std::variant<TaskRequest, Refused> read_task_request(std::string_view json) {
    if (const auto fault = json_fault(json, {.max_depth = 100, .max_bytes = kMaxBytes})) {
        return Refused{Refusal::Invalid, "the request is not usable JSON: " + *fault, {}};
    }
    if (!json_is_object(json)) return Refused{Refusal::Invalid, "a task request must be a JSON object", {}};
    if (const std::string key = duplicate_key(json); !key.empty()) {
        return Refused{
            Refusal::Invalid, "the key '" + key.substr(0, 128) + "' occurs twice in one object", {}};
    }
    return Reader(json).read();
}

}  // namespace tasker::host
