#pragma once
// The regular expressions of a JSON Schema: which are taken, and how long they can take. Pure; any thread.
// They are the ECMAScript of std::regex, which by itself may search for hours, and needs stack for each character.

#include <optional>
#include <regex>
#include <string>

namespace tasker::host {

// Texts longer than this (bytes) are not matched, and patterns longer than this not read.
inline constexpr int kMaxMatched = 1024;

// What is wrong with a `pattern`, or nothing: no regular expression, or one whose search is too long (see compiled).
std::optional<std::string> pattern_fault(const std::string& pattern);

// The same for a key of `patternProperties`, whose search goes back and tries again: the validator compiles it itself.
std::optional<std::string> key_pattern_fault(const std::string& pattern);

// For a pattern without a fault: keeps all states at once, so that a search takes at most elements times characters.
std::regex compiled_pattern(const std::string& pattern);

}  // namespace tasker::host
