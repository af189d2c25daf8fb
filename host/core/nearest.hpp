#pragma once
// "Did you mean": the candidate closest to a misspelt word.

#include <optional>
#include <span>
#include <string>
#include <string_view>

namespace tasker::host {

// Nothing when no candidate is close enough to be a plausible misspelling.
std::optional<std::string> nearest(std::string_view word, std::span<const std::string> candidates);

// ", did you mean 'x'?" or an empty string, ready to append to a message.
std::string did_you_mean(std::string_view word, std::span<const std::string> candidates);

}  // namespace tasker::host
