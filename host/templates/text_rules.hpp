#pragma once
// The rules of the texts in a template, each as a predicate. Pure. Template_schema.hpp has the same rules as patterns.

#include <cstdint>
#include <string_view>

namespace tasker::host {

// Code points, which is what a store's length limit counts.
std::int64_t text_length(std::string_view text);
bool is_namespace(std::string_view text);
// 2026-01-31T12:00:00Z, fractions and numeric offsets allowed.
bool is_timestamp(std::string_view text);
// Identifiers joined by :: or a dot.
bool is_publisher(std::string_view text);
bool has_control(std::string_view text);

}  // namespace tasker::host
