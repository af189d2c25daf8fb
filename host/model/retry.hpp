#pragma once
// After a failed attempt: again, and when? Pure; randomness comes in as a number.

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace tasker::host {

enum class Backoff : std::uint8_t { None, Linear, Exponential, Fibonacci };
std::string_view name(Backoff backoff);
std::optional<Backoff> backoff(std::string_view name);

struct RetryPolicy {
    bool retryable = true;
    int max_attempts = 3;  // in all, the first one included
    Backoff backoff = Backoff::Exponential;
    std::int64_t base_ms = 1000;
    // 3,600,000 when `retry` is given without max_backoff_ms, 30,000 when `retry` is absent.
    std::int64_t max_ms = 30'000;
    friend bool operator==(const RetryPolicy&, const RetryPolicy&) = default;
};

// delay = min(base * f(attempts), max); attempts counts the one that just failed; f: none 0, linear n,
// exponential 2^n, fibonacci F(n+1). From 8 s up +-15 % jitter: `jitter` in [0, 2^64) picks the point.
std::int64_t backoff_ms(const RetryPolicy& policy, int attempts, std::uint64_t jitter);

// The value of a Retry-After header: whole seconds or an RFC 2822 date in the future. Capped at 3600 s.
// Nothing when it cannot be parsed or lies in the past.
std::optional<std::int64_t> retry_after_ms(std::string_view header, std::int64_t now_unix_ms);
inline constexpr std::int64_t kMaxRetryAfterMs = 3'600'000;

// Another attempt is allowed: the handler said retryable, the template allows it, attempts are left.
bool may_retry(const RetryPolicy& policy, int attempts, bool handler_says_retryable);

}  // namespace tasker::host
