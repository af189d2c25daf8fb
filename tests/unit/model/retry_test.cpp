#include "host/model/retry.hpp"

#include <doctest/doctest.h>

#include <array>
#include <limits>
#include <random>

using namespace tasker::host;

namespace {
// The middle of the jitter's range is the delay itself.
std::int64_t middle(const RetryPolicy& policy, int attempts) {
    RetryPolicy still = policy;
    const std::int64_t low = backoff_ms(still, attempts, 0);
    if (low < 8000 * 85 / 100) return low;
    std::int64_t high = low;
    for (std::uint64_t jitter = 0; jitter < 3'000'000; jitter += 997)
        high = std::max(high, backoff_ms(still, attempts, jitter));
    return (low + high + 1) / 2;
}

RetryPolicy policy(Backoff backoff, std::int64_t base_ms = 1000, std::int64_t max_ms = 3'600'000) {
    return {.retryable = true, .max_attempts = 10, .backoff = backoff, .base_ms = base_ms, .max_ms = max_ms};
}
}  // namespace

TEST_CASE("Backoff: the delays of attempts 1 to 6") {
    struct Row {
        Backoff backoff;
        std::array<std::int64_t, 6> seconds;
    };
    for (const Row& row :
         {Row{Backoff::None, {0, 0, 0, 0, 0, 0}}, Row{Backoff::Linear, {1, 2, 3, 4, 5, 6}},
          Row{Backoff::Exponential, {2, 4, 8, 16, 32, 64}}, Row{Backoff::Fibonacci, {1, 2, 3, 5, 8, 13}}}) {
        for (int attempt = 1; attempt <= 6; ++attempt) {
            CAPTURE(name(row.backoff));
            CAPTURE(attempt);
            const std::int64_t expected = row.seconds[static_cast<std::size_t>(attempt - 1)] * 1000;
            const std::int64_t delay = middle(policy(row.backoff), attempt);
            CHECK(delay >= expected - expected / 200);
            CHECK(delay <= expected + expected / 200);
        }
    }
}

TEST_CASE("Backoff: below 8 s the delay is exact, from there it varies by 15 percent and no more") {
    CHECK(backoff_ms(policy(Backoff::Exponential), 2, 12345) == 4000);
    CHECK(backoff_ms(policy(Backoff::Linear), 7, 999) == 7000);
    CHECK(backoff_ms(policy(Backoff::Exponential), 3, 0) == 6800);
    CHECK(backoff_ms(policy(Backoff::Exponential), 3, 2400) == 9200);
    CHECK(backoff_ms(policy(Backoff::Exponential), 3, 1200) == 8000);
    std::mt19937_64 random(3);
    for (int i = 0; i < 1000; ++i) {
        const auto delay = backoff_ms(policy(Backoff::Exponential), 6, random());
        REQUIRE(delay >= 54'400);
        REQUIRE(delay <= 73'600);
    }
}

TEST_CASE("Backoff: the cap holds before jitter, for any number of attempts") {
    CHECK(backoff_ms(policy(Backoff::Exponential, 1000, 5000), 30, 77) == 5000);
    CHECK(backoff_ms(policy(Backoff::Exponential, 1000, 30'000), 10, 4500) == 30'000);
    CHECK(backoff_ms(policy(Backoff::Linear, 3'600'000, 7000), 1, 0) == 7000);
    for (const Backoff backoff : {Backoff::Linear, Backoff::Exponential, Backoff::Fibonacci}) {
        const auto delay = backoff_ms(policy(backoff), std::numeric_limits<int>::max(), 0);
        CHECK(delay == 3'600'000 * 85 / 100);
    }
    CHECK(backoff_ms(policy(Backoff::Exponential, 0, 1000), 50, 0) == 0);
    CHECK(backoff_ms(policy(Backoff::Exponential), 0, 0) == 1000);
    CHECK(backoff_ms(policy(Backoff::Linear), -5, 0) == 0);
}

TEST_CASE("Backoff: names read back") {
    for (const Backoff value : {Backoff::None, Backoff::Linear, Backoff::Exponential, Backoff::Fibonacci}) {
        CHECK(backoff(name(value)) == value);
    }
    CHECK_FALSE(backoff("quadratic"));
}

TEST_CASE("Retry-After: whole seconds, capped at an hour") {
    CHECK(retry_after_ms("0", 0) == 0);
    CHECK(retry_after_ms(" 120 ", 0) == 120'000);
    CHECK(retry_after_ms("3600", 0) == 3'600'000);
    CHECK(retry_after_ms("3601", 0) == 3'600'000);
    CHECK(retry_after_ms("99999999999999999999999", 0) == 3'600'000);
    for (const char* text : {"", "  ", "-1", "1.5", "+5", "5s", "soon"}) {
        CAPTURE(text);
        CHECK_FALSE(retry_after_ms(text, 0));
    }
}

TEST_CASE("Retry-After: an RFC 2822 date in the future, in any zone") {
    constexpr std::int64_t kNow = 1'795'461'614'000;  // Mon, 23 Nov 2026 19:20:14 GMT
    CHECK(retry_after_ms("Mon, 23 Nov 2026 19:21:14 GMT", kNow) == 60'000);
    CHECK(retry_after_ms("Mon, 23 Nov 2026 20:21:14 +0100", kNow) == 60'000);
    CHECK(retry_after_ms("23 Nov 2026 13:50:15 -0530", kNow) == 1000);
    CHECK(retry_after_ms("Mon, 23 Nov 2026 19:21 Z", kNow) == 46'000);
    CHECK(retry_after_ms("Tue, 24 Nov 2026 19:20:14 GMT", kNow) == 3'600'000);
    for (const char* text :
         {"Mon, 23 Nov 2026 19:20:14 GMT", "Mon, 23 Nov 2020 19:20:14 GMT", "Xyz, 23 Nov 2027 19:21:14 GMT",
          "Mon, 31 Feb 2027 19:21:14 GMT", "Mon, 23 Nov 2027 25:21:14 GMT", "Mon, 23 Nov 2027 19:61:14 GMT",
          "Mon, 23 Nov 2027 19:21:14", "Mon, 23 Nov 2027 19:21:14 PST", "Mon, 23 Nov 27 19:21:14 GMT",
          "Mon, 23 Nov 2027 19:21:14 GMT x", "Mon, 23 Nov 2027 19:21:14 +01", "2027-11-23T19:21:14Z", "Mon,",
          "Mon, 23", "Mon, 23 Nov", ",", "Mon, -3 Nov 2027 19:21:14 GMT"}) {
        CAPTURE(text);
        CHECK_FALSE(retry_after_ms(text, kNow));
    }
}

TEST_CASE("Retry: all three must agree, and the claim's attempt is counted") {
    RetryPolicy three{
        .retryable = true, .max_attempts = 3, .backoff = Backoff::None, .base_ms = 0, .max_ms = 0};
    CHECK(may_retry(three, 1, true));
    CHECK(may_retry(three, 2, true));
    CHECK_FALSE(may_retry(three, 3, true));
    CHECK_FALSE(may_retry(three, 1, false));
    three.retryable = false;
    CHECK_FALSE(may_retry(three, 1, true));
}
