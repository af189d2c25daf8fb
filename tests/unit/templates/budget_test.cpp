// Files made to hurt: they are refused quickly and cheaply.

#include <doctest/doctest.h>
#include <sys/resource.h>
#include <time.h>

#include "tests/unit/templates/template_text.hpp"

using namespace tasker::host;
using namespace tasker::host::testing;

namespace {

// CPU time of this thread. The bound tells milliseconds, also a slow machine's and a sanitizer's, from an explosion.
constexpr double kExplosion = 20;
double cpu_seconds() {
    timespec now{};
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
    return static_cast<double>(now.tv_sec) + static_cast<double>(now.tv_nsec) / 1e9;
}

std::string repeated(std::string_view text, std::size_t times) {
    std::string out;
    for (std::size_t i = 0; i < times; ++i) out += text;
    return out;
}

// Levels of lists, each of nine aliases of the one before: nine to the power of `levels` values when written out.
std::string bomb(int levels) {
    std::string yaml = "a0: &a0 x\n";
    for (int level = 1; level <= levels; ++level) {
        const std::string below = "*a" + std::to_string(level - 1);
        yaml += "a" + std::to_string(level) + ": &a" + std::to_string(level) + " [" + below +
                repeated(", " + below, 8) + "]\n";
    }
    return yaml;
}

void refused(const std::string& yaml, std::string_view code, std::string_view words) {
    const double start = cpu_seconds();
    const auto loaded = parsed(yaml);
    const double spent = cpu_seconds() - start;
    CAPTURE(all_text(loaded.diagnostics).substr(0, 500));
    const Diagnostic* found = with_code(loaded, code);
    REQUIRE(found != nullptr);
    CHECK(found->message.find(words) != std::string::npos);
    CHECK(found->line > 0);
    CHECK(loaded.failed == 1);
    CHECK(spent < kExplosion);
}

}  // namespace

TEST_CASE("nesting beyond 32 is refused in every notation before it gets deep") {
    refused(repeated("[", 1'000'000), "TOO_DEEP", "nesting deeper than 32");
    refused(repeated("[", 500), "TOO_DEEP", "nesting deeper than 32");
    refused("a: " + repeated("[", 20'000) + repeated("]", 20'000), "TOO_DEEP", "nesting deeper than 32");
    refused(repeated("{a: ", 100'000), "TOO_DEEP", "nesting deeper than 32");
    refused(repeated("- ", 100'000) + "x", "TOO_DEEP", "nesting deeper than 32");
    std::string indented;
    for (std::size_t i = 0; i < 1000; ++i) indented += std::string(i, ' ') + "a:\n";
    refused(indented, "TOO_DEEP", "nesting deeper than 32");
}

TEST_CASE("32 levels are accepted and 33 are not") {
    const auto nested = [](std::size_t lists) {
        // The template, steps, step, handler and initialization are five levels.
        return minimal("demo",
                       "      initialization: {deep: " + repeated("[", lists) + repeated("]", lists) + "}\n");
    };
    CHECK(parsed(nested(27)).diagnostics.empty());
    const auto loaded = parsed(nested(28));
    CHECK(with_code(loaded, "TOO_DEEP") != nullptr);
}

TEST_CASE("depth that aliases add counts too") {
    std::string yaml = "a0: &a0 [x]\n";
    for (int level = 1; level <= 40; ++level) {
        yaml += "a" + std::to_string(level) + ": &a" + std::to_string(level) + " [*a" +
                std::to_string(level - 1) + "]\n";
    }
    refused(yaml, "TOO_DEEP", "nesting deeper than 32");
}

TEST_CASE("an alias bomb is refused before it is written out") {
    rusage before{}, after{};
    getrusage(RUSAGE_SELF, &before);
    refused(bomb(9), "ALIAS_BUDGET", "alias budget");
    refused(bomb(30), "ALIAS_BUDGET", "alias budget");
    getrusage(RUSAGE_SELF, &after);
    CHECK(after.ru_maxrss - before.ru_maxrss < 64 * 1024);
}

TEST_CASE("many aliases, or aliases of a large text, exceed the alias budget") {
    refused("a: &a x\nb: [*a" + repeated(", *a", 1000) + "]\n", "ALIAS_BUDGET", "more than 1000 aliases");
    refused("a: &a " + std::string(200'000, 'x') + "\nb: [*a, *a, *a, *a, *a, *a]\n", "ALIAS_BUDGET",
            "1048576 bytes");
}

TEST_CASE("a few aliases are fine and mean their anchor's value") {
    const auto loaded = parsed(
        "name: demo\nnamespace_name: n\nversion: '1'\nsteps:\n"
        "  - {name: a, handler: &h {callable: x, initialization: {k: 1}}, retry: &r {max_attempts: 7}}\n"
        "  - {name: b, handler: *h, retry: *r}\n");
    REQUIRE(all_text(loaded.diagnostics) == "");
    const auto& steps = loaded.catalog.all().at(0)->steps;
    CHECK(steps[1].handler == steps[0].handler);
    CHECK(steps[1].retry.max_attempts == 7);
}

TEST_CASE("more than 10,000 values are refused") {
    refused("a: [" + repeated("1,", 20'000) + "]", "TOO_MANY_NODES", "more than 10000 values");
    refused(repeated("a: b\n", 20'000), "TOO_MANY_NODES", "more than 10000 values");
}

TEST_CASE("a file beyond 1 MiB is not parsed") {
    const auto loaded = parsed(minimal() + "# " + std::string(1U << 20U, 'x'));
    REQUIRE(loaded.diagnostics.size() == 1);
    CHECK(loaded.diagnostics[0].code == "TOO_LARGE");
    CHECK(loaded.diagnostics[0].message.find("larger than 1 MiB") != std::string::npos);
    CHECK(parsed(minimal() + "#" + std::string((1U << 20U) - minimal().size() - 1, 'x')).failed == 0);
}

TEST_CASE("thousands of problems give a bounded report in bounded time") {
    std::string keys;
    for (int i = 0; i < 9000; ++i) keys += "unknown_key_" + std::to_string(i) + ": x\n";
    const double start = cpu_seconds();
    const auto loaded = parsed(minimal("demo", keys));
    CHECK(cpu_seconds() - start < 10);
    CHECK(loaded.diagnostics.size() == 501);
    CHECK(loaded.diagnostics.back().code == "TOO_MANY_PROBLEMS");
    CHECK(loaded.diagnostics.back().message == "8500 more problems are not shown");

    std::string wide;
    for (int i = 0; i < 900; ++i) {
        wide += "  - {name: " + std::string(100, 's') + std::to_string(i) +
                ", handler: {callable: x}, depends_on: [" + std::string(100, 't') + std::to_string(i) +
                "]}\n";
    }
    const double second = cpu_seconds();
    CHECK(parsed(minimal("demo", wide)).failed == 1);
    CHECK(cpu_seconds() - second < 20);
}

TEST_CASE("a thousand chained steps are linked and 1,001 are refused") {
    const auto chain = [](int count) {
        std::string yaml = "name: demo\nnamespace_name: n\nversion: '1'\nsteps:\n";
        for (int i = 0; i < count; ++i) {
            const std::string above = i == 0 ? "" : "s" + std::to_string(i - 1);
            yaml += "  - {name: s" + std::to_string(i) + ", handler: {callable: x}, depends_on: [" + above +
                    "]}\n";
        }
        return parsed(yaml);
    };
    const auto fits = chain(1000);
    REQUIRE(all_text(fits.diagnostics) == "");
    CHECK(fits.catalog.all().at(0)->steps.back().ancestor_ids.size() == 999);
    const auto more = chain(1001);
    const Diagnostic* found = with_code(more, "OUT_OF_RANGE");
    REQUIRE(found != nullptr);
    CHECK(found->message == "steps must have 1 to 1000 items, but has 1001");
}
