#include <doctest/doctest.h>

#include "host/scan/probe_report.hpp"
#include "tests/unit/scan/sample_facts.hpp"

using namespace tasker::host;
using namespace tasker::host::testing;

namespace {
const std::string kNonce = "0123456789abcdef0123456789abcdef";

std::string good_report() {
    return phase_line("load") + phase_line("entry") + phase_line("describe") + accepted_line(sample_facts()) +
           completion_line(kNonce);
}

std::string fault_of(const std::string& text) {
    const ProbeReport report = read_probe_report(text, kNonce);
    CHECK_FALSE(report.complete);
    CHECK(report.verdict.empty());
    CHECK_FALSE(report.facts);
    return report.fault;
}

bool has(const std::string& text, const char* part) { return text.find(part) != std::string::npos; }
}  // namespace

TEST_CASE("a complete report tells what the plugin is") {
    const ProbeReport report = read_probe_report(good_report(), kNonce);
    CHECK(report.complete);
    CHECK(report.fault.empty());
    CHECK(report.phase == "describe");
    CHECK(report.verdict == "ok");
    REQUIRE(report.facts);
    CHECK(report.facts->handlers.size() == 2);
}

TEST_CASE("a refusal carries its reason, whatever characters are in it") {
    const ProbeReport report = read_probe_report(
        phase_line("load") + refused_line("unloadable", "no \"x\"\n\xff") + completion_line(kNonce), kNonce);
    CHECK(report.complete);
    CHECK(report.verdict == "unloadable");
    CHECK(report.reason == "no \"x\"\n\xef\xbf\xbd");
}

TEST_CASE("a report cut at any byte is not complete, and never says it was") {
    const std::string whole = good_report();
    for (std::size_t size = 0; size < whole.size(); ++size) {
        const ProbeReport report = read_probe_report(whole.substr(0, size), kNonce);
        REQUIRE_MESSAGE(!report.complete, size);
        REQUIRE_FALSE(report.fault.empty());
        REQUIRE_FALSE(report.facts);
    }
}

TEST_CASE("what was written by somebody else than the probe makes no report") {
    const std::string accepted = accepted_line(sample_facts());
    CHECK(has(fault_of(accepted + completion_line("00000000000000000000000000000000")), "wrong nonce"));
    CHECK(has(fault_of(completion_line(kNonce)), "without a verdict"));
    CHECK(has(fault_of(good_report() + good_report()), "behind its end"));
    CHECK(has(fault_of("hello\n" + good_report()), "not a JSON object: 'hello'"));
    CHECK(has(fault_of(phase_line("dance") + good_report()), "'dance'"));
    CHECK(has(fault_of(accepted + accepted + completion_line(kNonce)), "two verdicts"));
    CHECK(has(fault_of(accepted + phase_line("load") + completion_line(kNonce)), "where none can be"));
    CHECK(has(fault_of("{\"verdict\":\"fine\"}\n" + completion_line(kNonce)), "'fine'"));
    CHECK(has(fault_of("{\"verdict\":\"ok\",\"plugin\":{}}\n" + completion_line(kNonce)), "damaged"));
    CHECK(has(fault_of("{\"other\":1}\n"), "nothing that is known"));
    CHECK(has(fault_of("\n" + good_report()), "not a JSON object"));
}

TEST_CASE("the phase that was begun last is known of an unfinished report") {
    CHECK(read_probe_report("", kNonce).phase.empty());
    CHECK(read_probe_report(phase_line("load"), kNonce).phase == "load");
    CHECK(read_probe_report(phase_line("load") + phase_line("entry") + "{", kNonce).phase == "entry");
}
