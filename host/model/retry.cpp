#include "host/model/retry.hpp"

#include <algorithm>
#include <array>
#include <charconv>
#include <chrono>

namespace tasker::host {

namespace {

constexpr std::array<std::string_view, 4> kNames{"none", "linear", "exponential", "fibonacci"};
constexpr std::int64_t kJitterFrom = 8000;

// The factor saturates here: times the smallest base it is far above every cap.
constexpr std::int64_t kFactorCeiling = std::int64_t{1} << 40;

std::int64_t exponential(int n) { return n >= 40 ? kFactorCeiling : std::int64_t{1} << n; }

// F(1) = F(2) = 1, F(n + 1) for n = 1, 2, 3 is 1, 2, 3.
std::int64_t fibonacci_after(int n) {
    std::int64_t current = 1;
    std::int64_t following = 1;
    for (int i = 0; i < n && current < kFactorCeiling; ++i) {
        const std::int64_t sum = current + following;
        current = following;
        following = sum;
    }
    return std::min(current, kFactorCeiling);
}

std::int64_t factor(Backoff backoff, int n) {
    switch (backoff) {
        case Backoff::None:
            return 0;
        case Backoff::Linear:
            return n;
        case Backoff::Exponential:
            return exponential(n);
        case Backoff::Fibonacci:
            return fibonacci_after(n);
    }
    return 0;
}

// Reads the pieces of an RFC 2822 date one by one: "Mon, 23 Nov 2026 19:20:14 +0100" (or GMT, UT, Z).
class DateReader {
  public:
    explicit DateReader(std::string_view text) : text_(text) {}

    std::optional<std::int64_t> unix_ms() {
        using namespace std::chrono;
        if (!weekday()) return std::nullopt;
        const auto day = number(1, 2);
        const auto month = month_number();
        const auto year = number(4, 4);
        const auto hour = number(1, 2);
        const auto minute = colon_number();
        if (!day || !month || !year || !hour || !minute) return std::nullopt;
        const auto second = !text_.empty() && text_.front() == ':' ? colon_number() : std::optional{0};
        const auto zone = offset_minutes();
        if (!second || !zone || *hour > 23 || *minute > 59 || *second > 60) return std::nullopt;
        skip_blanks();
        const year_month_day date{std::chrono::year{*year}, std::chrono::month{static_cast<unsigned>(*month)},
                                  std::chrono::day{static_cast<unsigned>(*day)}};
        if (!date.ok() || !text_.empty()) return std::nullopt;
        const seconds since =
            sys_days{date}.time_since_epoch() + hours{*hour} + minutes{*minute} + seconds{*second};
        return milliseconds{since - minutes{*zone}}.count();
    }

  private:
    void skip_blanks() {
        while (!text_.empty() && (text_.front() == ' ' || text_.front() == '\t')) text_.remove_prefix(1);
    }

    // The weekday may be left out; a wrong one is not checked.
    bool weekday() {
        skip_blanks();
        if (text_.size() < 4 || text_[3] != ',') return true;
        const std::string_view name = text_.substr(0, 3);
        text_.remove_prefix(4);
        constexpr std::array<std::string_view, 7> kDays{"Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun"};
        return std::find(kDays.begin(), kDays.end(), name) != kDays.end();
    }

    std::optional<int> number(std::size_t least, std::size_t most) {
        skip_blanks();
        int value = 0;
        const char* const end = text_.data() + std::min(text_.size(), most);
        const auto [stop, fault] = std::from_chars(text_.data(), end, value);
        const auto read = static_cast<std::size_t>(stop - text_.data());
        if (fault != std::errc{} || read < least || value < 0) return std::nullopt;
        text_.remove_prefix(read);
        return value;
    }

    std::optional<int> colon_number() {
        if (text_.empty() || text_.front() != ':') return std::nullopt;
        text_.remove_prefix(1);
        return number(2, 2);
    }

    std::optional<int> month_number() {
        skip_blanks();
        constexpr std::array<std::string_view, 12> kMonths{"Jan", "Feb", "Mar", "Apr", "May", "Jun",
                                                           "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};
        const auto* const found = std::find(kMonths.begin(), kMonths.end(), text_.substr(0, 3));
        if (found == kMonths.end()) return std::nullopt;
        text_.remove_prefix(3);
        return static_cast<int>(found - kMonths.begin()) + 1;
    }

    std::optional<int> offset_minutes() {
        skip_blanks();
        for (const std::string_view utc : {"GMT", "UTC", "UT", "Z"}) {
            if (text_.substr(0, utc.size()) == utc) {
                text_.remove_prefix(utc.size());
                return 0;
            }
        }
        if (text_.empty() || (text_.front() != '+' && text_.front() != '-')) return std::nullopt;
        const int sign = text_.front() == '-' ? -1 : 1;
        text_.remove_prefix(1);
        const auto value = number(4, 4);
        if (!value || *value % 100 > 59) return std::nullopt;
        return sign * (*value / 100 * 60 + *value % 100);
    }

    std::string_view text_;
};

std::string_view trimmed(std::string_view text) {
    const auto first = text.find_first_not_of(" \t");
    if (first == std::string_view::npos) return {};
    return text.substr(first, text.find_last_not_of(" \t") - first + 1);
}

}  // namespace

std::string_view name(Backoff backoff) { return kNames[static_cast<std::size_t>(backoff)]; }

std::optional<Backoff> backoff(std::string_view name) {
    const auto* const found = std::find(kNames.begin(), kNames.end(), name);
    if (found == kNames.end()) return std::nullopt;
    return static_cast<Backoff>(found - kNames.begin());
}

std::int64_t backoff_ms(const RetryPolicy& policy, int attempts, std::uint64_t jitter) {
    const std::int64_t times = factor(policy.backoff, std::max(attempts, 0));
    const std::int64_t base = std::max<std::int64_t>(policy.base_ms, 0);
    const std::int64_t cap = std::max<std::int64_t>(policy.max_ms, 0);
    // Divided instead of multiplied: the product may not fit.
    const std::int64_t delay = times != 0 && base > cap / times ? cap : std::min(base * times, cap);
    if (delay < kJitterFrom) return delay;
    const auto span = static_cast<std::uint64_t>(delay / 100 * 15 + delay % 100 * 15 / 100);
    return delay - static_cast<std::int64_t>(span) + static_cast<std::int64_t>(jitter % (2 * span + 1));
}

std::optional<std::int64_t> retry_after_ms(std::string_view header, std::int64_t now_unix_ms) {
    header = trimmed(header);
    if (header.empty()) return std::nullopt;
    const bool whole = header.find_first_not_of("0123456789") == std::string_view::npos;
    if (whole) {
        std::int64_t seconds = 0;
        const auto parsed = std::from_chars(header.data(), header.data() + header.size(), seconds);
        const bool huge = parsed.ec == std::errc::result_out_of_range || seconds > kMaxRetryAfterMs / 1000;
        return huge ? kMaxRetryAfterMs : seconds * 1000;
    }
    const auto when = DateReader(header).unix_ms();
    if (!when || *when <= now_unix_ms) return std::nullopt;
    return std::min(*when - now_unix_ms, kMaxRetryAfterMs);
}

bool may_retry(const RetryPolicy& policy, int attempts, bool handler_says_retryable) {
    return handler_says_retryable && policy.retryable && attempts < policy.max_attempts;
}

}  // namespace tasker::host
