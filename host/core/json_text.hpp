#pragma once
// JSON as text, without a document tree: what the hot path and the host's headers need. Pure.

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>

namespace tasker::host {

struct JsonRules {
    std::size_t max_depth = 100;
    std::size_t max_bytes = std::size_t{1} << 20U;
};

// The rule that `text` breaks, in words ("invalid UTF-8 at byte 12", "nested deeper than 100", "NUL
// character", "lone surrogate", "number out of range for a double", "not JSON: ..."), or nothing when it is
// one valid JSON value that PostgreSQL's jsonb would take too.
std::optional<std::string> json_fault(std::string_view text, const JsonRules& rules = {});

// True when the first non-blank character opens an object. Cheap; says nothing about validity.
bool json_is_object(std::string_view text);

// Appends `text` as a quoted JSON string. Invalid UTF-8 and NUL become U+FFFD, so json_fault never finds a
// fault in the result.
void append_json_string(std::string& out, std::string_view text);
std::string json_string(std::string_view text);

}  // namespace tasker::host
