#include <doctest/doctest.h>

#include <csignal>

#include "host/scan/probe_report.hpp"
#include "host/scan/verdict.hpp"
#include "tests/unit/scan/sample_facts.hpp"

using namespace tasker::host;
using namespace tasker::host::testing;

namespace {
const std::string kNonce = "0123456789abcdef0123456789abcdef";
using How = ProbeEnding::How;

ProbeEnding ending(How how, int code, const std::string& report) {
    ProbeEnding out;
    out.how = how;
    out.code = code;
    out.report = report;
    return out;
}
bool has(const std::string& text, const char* part) { return text.find(part) != std::string::npos; }

void check(const ProbeEnding& given, VerdictKind kind, const char* says) {
    const Verdict verdict = judge(given, kNonce);
    CHECK_MESSAGE(verdict.kind == kind, name(verdict.kind), ": ", verdict.reason);
    CHECK_MESSAGE(has(verdict.reason, says), verdict.reason);
    CHECK(verdict.facts.has_value() == (kind == VerdictKind::Ok));
}
}  // namespace

TEST_CASE("only a complete report and exit code 0 accept a plugin") {
    const std::string good = phase_line("load") + accepted_line(sample_facts()) + completion_line(kNonce);
    check(ending(How::Exited, 0, good), VerdictKind::Ok, "");
    check(ending(How::Exited, 1, good), VerdictKind::Exited, "exited 1 in load");
    check(ending(How::Exited, 1, good), VerdictKind::Exited, "after its report");
    check(ending(How::Killed, SIGSEGV, good), VerdictKind::Crashed, "SIGSEGV");
    ProbeEnding cut = ending(How::Exited, 0, good);
    cut.report_cut = true;
    check(cut, VerdictKind::Exited, "4 MiB");
}

TEST_CASE("each way to end has the verdict of the table") {
    const std::string load = phase_line("load"), entry = load + phase_line("entry");
    check(ending(How::Exited, 0, load), VerdictKind::Exited, "exited 0 in load");
    check(ending(How::Exited, 3, entry), VerdictKind::Exited, "exited 3 in its entry");
    check(ending(How::Exited, 0, ""), VerdictKind::Exited, "before it was loaded");
    check(ending(How::Exited, 0, load + completion_line(kNonce)), VerdictKind::Exited, "without a verdict");
    check(ending(How::Killed, SIGABRT, load), VerdictKind::Crashed, "died with SIGABRT in load");
    check(ending(How::Killed, SIGXCPU, load), VerdictKind::Hung, "processor time");
    check(ending(How::Killed, SIGKILL, load), VerdictKind::Unknown, "killed from outside in load");
    check(ending(How::Exited, kProbeCannotBegin, ""), VerdictKind::Unknown, "could not begin");
    // A plugin that has learned that code is no trouble of the machine.
    check(ending(How::Exited, kProbeCannotBegin, load), VerdictKind::Exited, "exited 75");
    ProbeEnding slow = ending(How::TimedOut, 0, entry);
    slow.limit_ms = 6000;
    check(slow, VerdictKind::Hung, "took longer than 6 s in its entry");
    ProbeEnding none;
    none.start_fault = "/no/probe: No such file or directory";
    check(none, VerdictKind::Unknown, "/no/probe");
    check(ending(How::Exited, 0, load + refused_line("unloadable", "why") + completion_line(kNonce)),
          VerdictKind::Unloadable, "why");
    check(ending(How::Exited, 0, load + refused_line("incompatible", "why") + completion_line(kNonce)),
          VerdictKind::Incompatible, "why");
}

TEST_CASE("what is kept and what is quarantined") {
    for (const auto kind :
         {VerdictKind::Ok, VerdictKind::Incompatible, VerdictKind::Unloadable, VerdictKind::Crashed,
          VerdictKind::Hung, VerdictKind::Exited, VerdictKind::Unknown}) {
        CHECK(verdict_kind(name(kind)) == kind);
        CHECK(is_kept(kind) == (kind != VerdictKind::Unknown));
    }
    CHECK_FALSE(verdict_kind("odd"));
    CHECK(is_quarantined(VerdictKind::Crashed));
    CHECK(is_quarantined(VerdictKind::Hung));
    CHECK(is_quarantined(VerdictKind::Exited));
    CHECK_FALSE(is_quarantined(VerdictKind::Unloadable));
    CHECK_FALSE(is_quarantined(VerdictKind::Ok));
}

TEST_CASE("what a plugin printed is kept short and clean") {
    ProbeEnding loud = ending(How::Exited, 0, "");
    loud.output = "one\xff" + std::string(10'000, 'x');
    const Verdict verdict = judge(loud, kNonce);
    CHECK(verdict.output.starts_with("one\xef\xbf\xbdxxx"));
    CHECK(verdict.output.size() < 2100);
}
