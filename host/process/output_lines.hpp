#pragma once
// From what a plugin prints to the lines that are logged of it. Pure: bytes and times in, lines and counts out.

#include <cstddef>
#include <cstdint>
#include <functional>
#include <string>
#include <string_view>

namespace tasker::host {

// Which lines are logged and how many are not. A burst is logged in full, after it a steady number a second.
class LineBudget {
  public:
    static constexpr std::int64_t kBurst = 200;
    static constexpr std::int64_t kPerSecond = 200;

    // Whether one more line may be logged; one that may not is counted.
    bool take(std::int64_t now_ms);
    std::uint64_t dropped() const { return dropped_; }
    // When the drops are to be reported: a second after the first of them; kNever while there is none.
    std::int64_t report_due_ms() const;
    // The drops so far; counting starts anew.
    std::uint64_t reported();

  private:
    std::int64_t left_ = kBurst;
    std::int64_t full_at_ms_ = 0;  // the last time at which lines were added to `left_`
    std::uint64_t dropped_ = 0;
    std::int64_t first_drop_ms_ = 0;
};

// One stream's bytes, cut into lines. A line that is longer than the cap is cut, its rest skipped.
class LineCutter {
  public:
    static constexpr std::size_t kMaxLine = 8192;
    using Take = std::function<void(std::string_view line)>;

    void feed(std::string_view bytes, const Take& take);
    // What was written without the end of its line.
    void end(const Take& take);

  private:
    std::string begun_;
    bool skipping_ = false;
};

}  // namespace tasker::host
