#pragma once
// A request's body as a JSON object whose members are taken out one by one; the first fault is kept. Not thread-safe.

#include <cstddef>
#include <cstdint>
#include <initializer_list>
#include <optional>
#include <string>
#include <string_view>

namespace tasker::host {

class JsonBody {
  public:
    // A body with other keys than these is refused.
    JsonBody(std::string_view json, std::initializer_list<std::string_view> keys);

    // In words; empty when all was as it should be.
    const std::string& fault() const { return fault_; }

    // Absent and null are the same: nothing, which is a fault only when it is required.
    std::optional<std::string> text(std::string_view key, std::size_t limit, bool required = false);
    std::optional<std::int64_t> number(std::string_view key, std::int64_t low, std::int64_t high,
                                       bool required = false);
    std::optional<bool> boolean(std::string_view key);
    // The text of a value of any kind.
    std::optional<std::string> value(std::string_view key, bool required = false);
    std::optional<std::string> object(std::string_view key, bool required = false);

  private:
    std::optional<std::string_view> member(std::string_view key, bool required);
    void refuse_unknown(std::initializer_list<std::string_view> keys);
    void fail(const std::string& what);

    std::string_view json_;
    std::string fault_;
};

}  // namespace tasker::host
