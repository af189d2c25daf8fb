// Reports of a probe: first line the nonce, then the report. A complete one has facts that come back as they were written;
// whatever the bytes are, a cut report is not complete.
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "host/scan/probe_report.hpp"
#include "host/scan/verdict.hpp"
#include "host/scan/verdict_file.hpp"
#include "tests/fuzz/fuzz_input.hpp"

using namespace tasker::host;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    const std::string_view text(reinterpret_cast<const char*>(data), size);
    const auto end = text.find('\n');
    const std::string_view nonce = text.substr(0, end);
    const std::string_view given = end == std::string_view::npos ? std::string_view{} : text.substr(end + 1);

    const ProbeReport report = read_probe_report(given, nonce);
    fuzzing::require(report.complete == report.fault.empty(), "complete or a fault");
    fuzzing::require(report.complete || (!report.facts && report.verdict.empty()),
                     "nothing of an incomplete one");
    fuzzing::require((report.verdict == "ok") == report.facts.has_value(), "facts if and only if ok");
    if (report.complete)
        fuzzing::require(!read_probe_report(given.substr(0, given.size() - 1), nonce).complete, "a cut one");
    if (report.facts) {
        const std::string json = facts_json(*report.facts);
        const auto again = read_facts(json);
        fuzzing::require(again && facts_json(*again) == json, "facts come back");
    }
    ProbeEnding ending;
    ending.how = ProbeEnding::How::Exited;
    ending.report = given;
    ending.output = given;
    const Verdict verdict = judge(ending, nonce);
    fuzzing::require((verdict.kind == VerdictKind::Ok) == (report.verdict == "ok"),
                     "only a complete one is ok");
    if (is_kept(verdict.kind)) {
        KeptVerdicts kept;
        kept[std::string(64, 'a')] = {verdict, "f", 1, {}};
        const VerdictFile file = read_verdict_file(verdict_file_text(kept, "j"), "j");
        fuzzing::require(file.fault.empty() && file.verdicts.size() == 1, "a verdict can be kept");
    }
    static_cast<void>(read_verdict_file(given, "j"));
    return 0;
}
