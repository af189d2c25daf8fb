#include "host/templates/findings.hpp"

#include <algorithm>
#include <utility>

#include "host/core/nearest.hpp"

namespace tasker::host {

namespace {

constexpr std::size_t kMaxFindings = 500;
// Pairs of characters compared for all suggestions of a file: well under a second.
constexpr std::size_t kMaxCompared = 20'000'000;

std::string_view word_for(Severity severity) {
    switch (severity) {
        case Severity::Error:
            return "error";
        case Severity::Warning:
            return "warning";
        case Severity::Info:
            return "info";
    }
    return "error";
}

// A file name or a value must not steer the terminal: control characters, also the two-byte ones, become
// \xNN.
std::string printable(std::string_view text) {
    constexpr std::string_view kHex = "0123456789abcdef";
    std::string out;
    out.reserve(text.size());
    const auto byte = [&](std::size_t i) { return static_cast<unsigned char>(text[i]); };
    const auto escape = [&](unsigned char value) {
        out += "\\x";
        out += kHex[value >> 4U];
        out += kHex[value & 15U];
    };
    for (std::size_t i = 0; i < text.size(); ++i) {
        const bool c1 = byte(i) == 0xC2 && i + 1 < text.size() && byte(i + 1) >= 0x80 && byte(i + 1) < 0xA0;
        if (c1) {
            escape(byte(++i));
        } else if (byte(i) < 0x20 || byte(i) == 0x7F) {
            escape(byte(i));
        } else {
            out += text[i];
        }
    }
    return out;
}

}  // namespace

std::string shortened(std::string_view text, std::size_t max) {
    if (text.size() <= max) return std::string(text);
    while (max > 0 && (static_cast<unsigned char>(text[max]) & 0xC0U) == 0x80U) --max;
    return std::string(text.substr(0, max)) + "...";
}

std::string shown(std::string_view text) { return "'" + shortened(text) + "'"; }

std::string Diagnostic::str() const {
    std::string out = file;
    if (line > 0) out += ":" + std::to_string(line) + ":" + std::to_string(column);
    out += ": ";
    out += word_for(severity);
    out += ": ";
    if (!path.empty()) out += path + ": ";
    out += message + " [" + code + "]";
    return printable(out);
}

void Findings::add(Severity severity, std::string code, Position at, std::string path, std::string message) {
    has_errors_ = has_errors_ || severity == Severity::Error;
    if (found_.size() >= kMaxFindings) {
        ++left_out_;
        return;
    }
    found_.push_back({.severity = severity,
                      .code = std::move(code),
                      .file = file_,
                      .line = at.line,
                      .column = at.column,
                      .path = std::move(path),
                      .message = std::move(message)});
}

void Findings::fatal(std::string code, Position at, std::string path, std::string message) {
    if (found_.size() >= kMaxFindings) {
        found_.pop_back();
        ++left_out_;
    }
    error(std::move(code), at, std::move(path), std::move(message));
}

std::string Findings::suggest(std::string_view word, std::span<const std::string> candidates) {
    std::size_t cost = 0;
    for (const std::string& candidate : candidates) cost += word.size() * candidate.size();
    if (compared_ + cost > kMaxCompared) return {};
    compared_ += cost;
    return did_you_mean(word, candidates);
}

std::vector<Diagnostic> Findings::take() {
    std::stable_sort(found_.begin(), found_.end(), [](const Diagnostic& a, const Diagnostic& b) {
        return std::pair(a.line, a.column) < std::pair(b.line, b.column);
    });
    if (left_out_ > 0) {
        found_.push_back({.severity = has_errors_ ? Severity::Error : Severity::Warning,
                          .code = "TOO_MANY_PROBLEMS",
                          .file = file_,
                          .line = found_.back().line,
                          .column = found_.back().column,
                          .path = {},
                          .message = std::to_string(left_out_) + " more problems are not shown"});
    }
    left_out_ = 0;
    return std::exchange(found_, {});
}

}  // namespace tasker::host
