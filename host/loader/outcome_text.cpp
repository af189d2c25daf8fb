#include "host/loader/outcome_text.hpp"

#include <algorithm>
#include <charconv>
#include <limits>
#include <set>
#include <vector>

#include "host/core/json_text.hpp"
#include "host/core/json_view.hpp"
#include "host/loader/printable.hpp"
#include "host/model/result_rules.hpp"

namespace tasker::host {

namespace {
constexpr std::size_t kMaxStepName = 255;
constexpr std::size_t kMaxBatchId = 64;
// Levels that a cursor lies below the result's top: the outcome, the list.
constexpr std::size_t kCursorDepth = 97;
constexpr std::string_view kDecision = "decision_point_outcome", kBatches = "batch_processing_outcome";

OutcomeText refused(std::string why) { return {{}, std::move(why)}; }

std::string number(std::size_t value) { return std::to_string(value); }

std::optional<std::string> step_name_fault(std::string_view name) {
    if (name.empty()) return "is empty";
    if (name.size() > kMaxStepName) return "is longer than 255 bytes: '" + printable(name, 60) + "'";
    const bool has_control = std::any_of(name.begin(), name.end(), [](char c) { return c >= 0 && c < ' '; });
    if (has_control || clean_utf8(name, kMaxStepName) != name)
        return "is not plain text: '" + printable(name, 60) + "'";
    return std::nullopt;
}

std::string_view trimmed(std::string_view text) {
    constexpr std::string_view kBlank = " \t\n\r";
    const auto first = text.find_first_not_of(kBlank);
    if (first == std::string_view::npos) return {};
    return text.substr(first, text.find_last_not_of(kBlank) - first + 1);
}

// Why `result` cannot carry the outcome `key`.
std::optional<std::string> result_fault(std::string_view result, std::string_view key) {
    if (result.empty()) return std::nullopt;
    if (const auto fault = json_fault(result)) return "the result is " + *fault;
    if (!json_is_object(result)) return "the result must be an object, since the outcome is a member of it";
    if (json_member(result, key))
        return "the result has a member '" + std::string(key) + "', which the host writes";
    return std::nullopt;
}

// The outcome is the first member: who reads only that need not walk over the rest.
OutcomeText joined(std::string_view key, std::string_view outcome, std::string_view result) {
    std::string_view rest = trimmed(result);
    if (!rest.empty()) rest = trimmed(rest.substr(1, rest.size() - 2));
    OutcomeText out;
    out.json.reserve(outcome.size() + rest.size() + key.size() + 8);
    out.json.append("{\"").append(key).append("\":").append(outcome);
    if (!rest.empty()) out.json.append(",").append(rest);
    out.json += '}';
    if (out.json.size() > kMaxResultBytes) {
        return refused("the result with its outcome is larger than " + number(kMaxResultBytes) + " bytes (" +
                       number(out.json.size()) + ")");
    }
    return out;
}

template <class T>
std::optional<T> integer(std::string_view text) {
    T value{};
    const auto [end, fault] = std::from_chars(text.data(), text.data() + text.size(), value);
    if (fault != std::errc{} || end != text.data() + text.size()) return std::nullopt;
    return value;
}

bool is_batch_id(std::string_view id) {
    return !id.empty() && id.size() <= kMaxBatchId && std::all_of(id.begin(), id.end(), [](char c) {
        return (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '_' ||
               c == '.' || c == '-';
    });
}

std::string batch_id_at(std::size_t index) {
    std::string id = number(index + 1);
    if (id.size() < 3) id.insert(0, 3 - id.size(), '0');
    return id;
}

// Reads the cursors one by one and writes them into the outcome.
class Cursors {
  public:
    // The rule that the cursor breaks, or nothing.
    std::optional<std::string> add(std::string_view cursor, std::size_t index);
    const std::string& list() const { return list_; }
    std::uint64_t items() const { return items_; }

  private:
    std::optional<std::string> read_id(std::string_view cursor, std::size_t index, std::string& id);
    static std::optional<std::string> read_size(std::string_view cursor, std::string_view start,
                                                std::string_view end, std::uint64_t& size);

    std::string list_;
    std::set<std::string, std::less<>> ids_;
    std::uint64_t items_ = 0;
};

std::optional<std::string> Cursors::read_id(std::string_view cursor, std::size_t index, std::string& id) {
    const auto given = json_member(cursor, "batch_id");
    id = given ? json_string_member(cursor, "batch_id").value_or(std::string{}) : batch_id_at(index);
    if (!is_batch_id(id)) {
        return "has the batch_id " + printable(given.value_or(std::string_view{}), 60) +
               ", which must be a text of 1 to 64 of A-Z a-z 0-9 _ . -";
    }
    if (!ids_.insert(id).second) return "has the batch_id '" + id + "' of an earlier one";
    return std::nullopt;
}

std::optional<std::string> Cursors::read_size(std::string_view cursor, std::string_view start,
                                              std::string_view end, std::uint64_t& size) {
    if (const auto given = json_member(cursor, "batch_size")) {
        const auto value = integer<std::uint32_t>(*given);
        if (!value)
            return "has a batch_size that is no integer from 0 to 4294967295: " + printable(*given, 60);
        size = *value;
        return std::nullopt;
    }
    const auto from = integer<std::int64_t>(start), to = integer<std::int64_t>(end);
    if (!from || !to || *to < *from) return "needs a batch_size, since its cursors are not two integers";
    size = static_cast<std::uint64_t>(*to) - static_cast<std::uint64_t>(*from);
    if (size > std::numeric_limits<std::uint32_t>::max()) return "has more than 4294967295 items";
    return std::nullopt;
}

std::optional<std::string> Cursors::add(std::string_view cursor, std::size_t index) {
    if (cursor.empty()) return "is empty";
    if (const auto fault = json_fault(cursor, {.max_depth = kCursorDepth, .max_bytes = kMaxCursorBytes}))
        return "is " + *fault;
    if (!json_is_object(cursor)) return "is no object";
    const auto start = json_member(cursor, "start_cursor"), end = json_member(cursor, "end_cursor");
    if (!start || *start == "null") return "has no start_cursor";
    if (!end || *end == "null") return "has no end_cursor";
    const auto from = integer<std::int64_t>(*start), to = integer<std::int64_t>(*end);
    if (from && to && *from > *to)
        return "starts at " + std::string(*start) + " behind its end " + std::string(*end);
    std::string id;
    if (auto fault = read_id(cursor, index, id)) return fault;
    std::uint64_t size = 0;
    if (auto fault = read_size(cursor, *start, *end, size)) return fault;
    items_ += size;
    list_ += list_.empty() ? "{\"batch_id\":" : ",{\"batch_id\":";
    append_json_string(list_, id);
    list_.append(",\"start_cursor\":").append(*start).append(",\"end_cursor\":").append(*end);
    list_.append(",\"batch_size\":").append(number(size)).append("}");
    return std::nullopt;
}
}  // namespace

OutcomeText decision_text(std::span<const std::string_view> steps, std::string_view result) {
    if (steps.size() > kMaxDecidedSteps) {
        return refused("a decision names at most " + number(kMaxDecidedSteps) + " steps, not " +
                       number(steps.size()));
    }
    if (auto fault = result_fault(result, kDecision)) return refused(*std::move(fault));
    if (steps.empty()) return joined(kDecision, R"({"type":"no_branches"})", result);
    std::string outcome = R"({"type":"create_steps","step_names":[)";
    std::set<std::string_view> seen;
    for (std::size_t i = 0; i < steps.size(); ++i) {
        if (const auto fault = step_name_fault(steps[i]))
            return refused("the name of step " + number(i + 1) + " " + *fault);
        if (!seen.insert(steps[i]).second) continue;
        if (seen.size() > 1) outcome += ',';
        append_json_string(outcome, steps[i]);
    }
    return joined(kDecision, outcome + "]}", result);
}

OutcomeText batches_text(std::string_view worker_template, std::span<const std::string_view> cursors,
                         std::string_view result) {
    if (cursors.size() > kMaxCursors)
        return refused("an analyzer makes at most 100000 batches, not " + number(cursors.size()));
    if (auto fault = result_fault(result, kBatches)) return refused(*std::move(fault));
    if (cursors.empty()) return joined(kBatches, R"({"type":"no_batches"})", result);
    if (const auto fault = step_name_fault(worker_template))
        return refused("the name of the worker's template step " + *fault);
    Cursors read;
    for (std::size_t i = 0; i < cursors.size(); ++i) {
        if (const auto fault = read.add(cursors[i], i))
            return refused("cursor " + number(i + 1) + " " + *fault);
    }
    std::optional<std::uint64_t> total;
    if (const auto given = json_member(result, "total_items")) total = integer<std::uint64_t>(*given);
    std::string outcome = R"({"type":"create_batches","worker_template_name":)";
    append_json_string(outcome, worker_template);
    outcome += ",\"worker_count\":" + number(cursors.size()) + ",\"cursor_configs\":[" + read.list() +
               "],\"total_items\":" + std::to_string(total.value_or(read.items())) + "}";
    return joined(kBatches, outcome, result);
}

std::optional<std::string> given_checkpoint_fault(const Checkpoint& checkpoint) {
    if (trimmed(checkpoint.cursor_json).empty() || trimmed(checkpoint.cursor_json) == "null")
        return "a checkpoint needs a cursor";
    // Two levels are the record's own.
    if (const auto fault =
            json_fault(checkpoint.cursor_json, {.max_depth = 98, .max_bytes = kMaxCursorBytes}))
        return "the checkpoint's cursor is " + *fault;
    const std::size_t left = kMaxResultBytes - checkpoint.cursor_json.size();
    if (!checkpoint.accumulated_json.empty()) {
        if (const auto fault = json_fault(checkpoint.accumulated_json, {.max_depth = 98, .max_bytes = left}))
            return "the checkpoint's accumulated results are " + *fault;
    }
    constexpr auto kMost = static_cast<std::uint64_t>(std::numeric_limits<std::int64_t>::max());
    if (checkpoint.items_processed > kMost)
        return "the checkpoint's items_processed is larger than 9223372036854775807; was it negative?";
    return std::nullopt;
}

bool is_large(const Checkpoint& checkpoint) {
    constexpr std::size_t kLarge = std::size_t{256} << 10U;
    return checkpoint.cursor_json.size() + checkpoint.accumulated_json.size() > kLarge;
}

bool may_be_event(std::string_view name) {
    if (name.empty() || name.size() > kMaxStepName || name.front() == '.' || name.back() == '.' ||
        name.find("..") != std::string_view::npos || name.find('.') == std::string_view::npos)
        return false;
    return std::all_of(name.begin(), name.end(), [](char c) {
        return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '_' || c == '.';
    });
}

}  // namespace tasker::host
