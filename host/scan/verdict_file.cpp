#include "host/scan/verdict_file.hpp"

#include <algorithm>
#include <charconv>
#include <optional>
#include <system_error>
#include <utility>

#include "host/core/json_text.hpp"
#include "host/core/json_view.hpp"
#include "host/core/sha256.hpp"

namespace tasker::host {

namespace {
constexpr std::string_view kFormat = "1";

std::optional<KeptVerdict> read_one(std::string_view json) {
    KeptVerdict kept;
    const auto text = [&](std::string_view key) { return json_string_member(json, key).value_or(""); };
    const auto kind = verdict_kind(text("kind"));
    if (!kind || !is_kept(*kind)) return std::nullopt;
    kept.verdict.kind = *kind;
    kept.verdict.reason = text("reason");
    kept.verdict.output = text("output");
    kept.file = text("file");
    kept.loader = text("loader");
    const std::string_view made = json_member(json, "made_ms").value_or("");
    const auto [end, fault] = std::from_chars(made.data(), made.data() + made.size(), kept.made_ms);
    if (fault != std::errc{} || end != made.data() + made.size()) return std::nullopt;
    if (*kind == VerdictKind::Ok) {
        kept.verdict.facts = read_facts(json_member(json, "plugin").value_or(""));
        if (!kept.verdict.facts) return std::nullopt;
    }
    return kept;
}
}  // namespace

std::string verdict_file_text(const KeptVerdicts& verdicts, const std::string& judge) {
    std::string out =
        "{\"format\":" + std::string(kFormat) + ",\"judge\":" + json_string(judge) + ",\"verdicts\":[";
    bool first = true;
    for (const auto& [sha256, kept] : verdicts) {
        out += first ? "\n" : ",\n";
        first = false;
        out += "{\"sha256\":" + json_string(sha256) + ",\"kind\":" + json_string(name(kept.verdict.kind)) +
               ",\"reason\":" + json_string(kept.verdict.reason) +
               ",\"output\":" + json_string(kept.verdict.output) + ",\"file\":" + json_string(kept.file) +
               ",\"made_ms\":" + std::to_string(kept.made_ms) + ",\"loader\":" + json_string(kept.loader);
        if (kept.verdict.facts) out += ",\"plugin\":" + facts_json(*kept.verdict.facts);
        out += "}";
    }
    return out + "\n]}\n";
}

VerdictFile read_verdict_file(std::string_view text, const std::string& judge) {
    if (const auto fault = json_fault(text, {.max_depth = 16, .max_bytes = kMostVerdictFileBytes}))
        return {{}, *fault};
    if (json_member(text, "format") != kFormat) return {{}, "it is not of format " + std::string(kFormat)};
    const auto list = json_member(text, "verdicts");
    if (!list || !list->starts_with('[')) return {{}, "it has no list of verdicts"};
    VerdictFile file;
    if (json_string_member(text, "judge") != judge) return file;
    for (JsonWalk element(*list); element.next();) {
        const std::string sha256 = json_string_member(element.value(), "sha256").value_or("");
        auto kept = read_one(element.value());
        if (!is_sha256_hex(sha256) || !kept)
            return {{}, "the verdict of '" + sha256.substr(0, 64) + "' is damaged"};
        file.verdicts.insert_or_assign(sha256, std::move(*kept));
    }
    return file;
}

}  // namespace tasker::host
