#pragma once
// Text of unknown origin, made fit for messages and records. Pure.

#include <cstddef>
#include <string>
#include <string_view>

namespace tasker::host {

// For messages: control characters and bytes outside of ASCII as \xNN, cut with "..." after `max_bytes` of
// input.
std::string printable(std::string_view text, std::size_t max_bytes = 200);

// For records: always valid UTF-8 without NUL. Broken sequences become U+FFFD, the end is cut at a character.
std::string clean_utf8(std::string_view text, std::size_t max_bytes);

// For a remedy that is pasted into a shell: quoted when it needs to be.
std::string shell_word(std::string_view text);

}  // namespace tasker::host
