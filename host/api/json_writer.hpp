#pragma once
// Appends an object's members in order. Text only: nothing is kept but the output. Not thread-safe.

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace tasker::host {

class JsonObject {
  public:
    explicit JsonObject(std::string& out) : out_(out) { out_ += '{'; }

    JsonObject& text(std::string_view key, std::string_view value);
    // null when the text is empty.
    JsonObject& maybe_text(std::string_view key, std::string_view value);
    JsonObject& number(std::string_view key, std::int64_t value);
    JsonObject& fraction(std::string_view key, double value);
    JsonObject& boolean(std::string_view key, bool value);
    // Milliseconds since the epoch as a time; null when there is none.
    JsonObject& time(std::string_view key, std::optional<std::int64_t> unix_ms);
    // Valid JSON, or `absent` when it is empty.
    JsonObject& raw(std::string_view key, std::string_view json, std::string_view absent = "null");
    void end() { out_ += '}'; }

  private:
    void key(std::string_view name);

    std::string& out_;
    bool first_ = true;
};

}  // namespace tasker::host
