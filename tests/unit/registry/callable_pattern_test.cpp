#include "host/registry/callable_pattern.hpp"

#include <doctest/doctest.h>

#include <chrono>

#include "host/core/error.hpp"

using namespace tasker::host;

namespace {
using Groups = std::vector<std::string>;

std::string fault_of(const std::string& pattern) {
    try {
        const CallablePattern made(pattern);
        return "(good)";
    } catch (const Error& error) {
        return error.what();
    }
}
}  // namespace

TEST_CASE("V03: a pattern matches the whole callable and gives what its groups caught") {
    const CallablePattern report("report\\.([a-z]+)(?:-(v\\d{1,3}))?");
    CHECK(report.groups("report.daily") == Groups{"daily", ""});
    CHECK(report.groups("report.daily-v12") == Groups{"daily", "v12"});
    for (const char* other :
         {"report.daily-v1234", "xreport.daily", "report.daily ", "report.", "Report.daily", ""})
        CHECK_FALSE(report.matches(other));
    const CallablePattern uuid("[0-9a-f]{8}-([0-9a-f]{4}-){3}[0-9a-f]{12}");
    CHECK(uuid.groups("01234567-89ab-cdef-0123-456789abcdef") == Groups{"0123-"});
    CHECK(CallablePattern("(a|ab)(c|bcd)(d*)").groups("abcd") == Groups{"a", "bcd", ""});
    CHECK(CallablePattern("[^:\\-]+?:(\\w+|\\S)").groups("a.b:_x1") == Groups{"_x1"});
    CHECK(CallablePattern(".*").matches(std::string(500, 'x')));
    CHECK_FALSE(CallablePattern(".*").matches(std::string(501, 'x')));
}

TEST_CASE("V03: a pattern outside the grammar is refused with the reason") {
    const std::vector<std::pair<std::string, std::string>> faults{
        {"", "is empty"},
        {std::string(257, 'a'), "has 257 bytes"},
        {"a\tb", "not printable ASCII"},
        {"\xC3\xA4", "not printable ASCII"},
        {"(a", "a ( that is not closed"},
        {"a)", "a ) that closes nothing at byte 2"},
        {"[a", "a [ that is not closed"},
        {"[]", "an empty class"},
        {"[[:alpha:]]", "a named class"},
        {"a]", "a bracket that closes nothing"},
        {"*a", "a repetition of nothing"},
        {"a**", "a repetition of a repetition"},
        {"a{2}{3}", "a repetition of a repetition"},
        {"a{", "a { that is no"},
        {"a{x}", "a { that is no"},
        {"a{3,2}", "n above m"},
        {"^a", "an anchor"},
        {"a$", "an anchor"},
        {"(a)\\1", "an escape that is not offered at byte 5"},
        {"\\ba", "an escape that is not offered"},
        {"a\\", "ends with a backslash"},
        {"(?=a)a", "a look-ahead"},
        {"(?!a)b", "a look-ahead"},
        {"[z-a]", "is no regular expression"},
        {"a{1001}", "more than 1000 elements"},
        {"(a{100}){100}", "more than 1000 elements"},
        {"((((a{9}){9}){9}){9}){9}", "more than 1000 elements"},
        {"a{99999999999999999999}", "more than 1000 elements"},
    };
    for (const auto& [pattern, part] : faults) {
        const std::string fault = fault_of(pattern);
        CHECK_MESSAGE(fault.find(part) != std::string::npos, pattern, ": ", fault);
    }
    std::string deep, many;
    for (int i = 0; i < 17; ++i) {
        deep = "(?:" + deep + "a)";
        many += "(a)";
    }
    CHECK(fault_of(deep).find("groups deeper than 16") != std::string::npos);
    CHECK(fault_of(many).find("more than 16 groups") != std::string::npos);
}

TEST_CASE("V03: no pattern takes long, whatever the callable") {
    const std::string worst(500, 'a');
    const auto begin = std::chrono::steady_clock::now();
    for (const char* pattern :
         {"(a+)+b", "(a|a)*b", "(a|aa)+b", "(.*)*b", "(a*)*(a*)*(a*)*b", ".*.*.*.*.*.*b",
          "(([a-z])+.)+[A-Z]b", "((((((a?)?)?)?)?)?)*b", "(?:a{1,30}){1,30}b"}) {
        CAPTURE(pattern);
        CHECK_FALSE(CallablePattern(pattern).matches(worst));
    }
    // A search that goes back would need 2^500 steps: any limit tells the two apart.
    CHECK(std::chrono::steady_clock::now() - begin < std::chrono::seconds(60));
}
