// Flight recorders that a plugin may have scribbled on: whatever the bytes are, texts are short and plain, and who is to
// blame is one of those that ran.
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "host/core/flight_layout.hpp"
#include "host/model/flight_report.hpp"
#include "host/model/loss.hpp"
#include "tests/fuzz/fuzz_input.hpp"

using namespace tasker::host;

namespace {
void require_plain(const std::string& text, std::size_t most) {
    fuzzing::require(text.size() <= most, "a text that is too long");
    fuzzing::require(std::ranges::all_of(text, [](char c) { return c >= 0x20 && c <= 0x7e; }), "not plain");
}
}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    const std::string_view bytes(reinterpret_cast<const char*>(data), size);
    Uuid boot;
    boot.bytes.fill(0x11);  // of the corpus
    const auto report = flight_report(bytes, boot);
    if (!report) return 0;
    fuzzing::require(report->running.size() <= kMaxFlightSlots, "more than there are slots");
    if (report->crash && report->crash->culprit)
        fuzzing::require(*report->crash->culprit < report->running.size(), "a culprit that did not run");
    int blamed = 0;
    for (const FlightEntry& entry : report->running) {
        require_plain(entry.plugin, 64);
        require_plain(entry.callable, 104);
        require_plain(entry.step, 64);
        const LossFinding finding = find_loss({&*report, 1}, entry.step_uuid, entry.claimed_ms);
        if (finding.part == LossPart::Blamed && finding.entry == &entry) ++blamed;
        require_plain(loss_note(finding, "gone"), 1000);
    }
    fuzzing::require(blamed <= 1, "more than one to blame");
    require_plain(end_text(*report, "ended", 0), 4000);
    return 0;
}
