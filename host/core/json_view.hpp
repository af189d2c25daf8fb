#pragma once
// Walking a JSON text by views into it, for callers that need a member or two and no document tree. Pure.
// The text should be valid JSON (json_fault); on any other text the walk ends early but never leaves its
// bounds.

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>

namespace tasker::host {

// The members of an object or the items of an array, one after the other.
class JsonWalk {
  public:
    // `container` is the text of an object or an array; anything else has no elements.
    explicit JsonWalk(std::string_view container);

    // Steps to the next element. False at the end.
    bool next();
    // Without its quotes, escapes not undone; empty in an array. Valid after next() returned true.
    std::string_view raw_key() const { return key_; }
    // The text of the value, blanks around it removed.
    std::string_view value() const { return value_; }

  private:
    std::string_view text_;
    std::size_t at_ = 0;
    char close_ = '\0';
    std::string_view key_;
    std::string_view value_;
};

// A quoted or unquoted JSON string's content with its escapes undone.
std::string json_unescape(std::string_view text);

// The text of the member's value; nothing when `object` has no such member. Of duplicates the first counts.
std::optional<std::string_view> json_member(std::string_view object, std::string_view key);
// The member as a string with escapes undone; nothing when it is absent or not a string.
std::optional<std::string> json_string_member(std::string_view object, std::string_view key);

}  // namespace tasker::host
