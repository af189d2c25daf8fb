#include "host/api/url_query.hpp"

#include <algorithm>
#include <cctype>

namespace tasker::host {

namespace {
int hex(char c) {
    if (c >= '0' && c <= '9') return c - '0';
    const int lower = std::tolower(static_cast<unsigned char>(c));
    return lower >= 'a' && lower <= 'f' ? lower - 'a' + 10 : -1;
}

std::optional<std::string> decoded(std::string_view text, bool plus_is_blank) {
    std::string out;
    for (std::size_t i = 0; i < text.size(); ++i) {
        char c = text[i];
        if (c == '+' && plus_is_blank) c = ' ';
        if (c == '%') {
            if (i + 2 >= text.size() || hex(text[i + 1]) < 0 || hex(text[i + 2]) < 0) return std::nullopt;
            c = static_cast<char>(hex(text[i + 1]) * 16 + hex(text[i + 2]));
            i += 2;
        }
        if (static_cast<unsigned char>(c) < 0x20 || c == 0x7f) return std::nullopt;
        out += c;
    }
    return out;
}

bool parse_query(std::string_view text, Target& out) {
    while (!text.empty()) {
        const std::string_view pair = text.substr(0, text.find('&'));
        text.remove_prefix(std::min(pair.size() + 1, text.size()));
        if (pair.empty()) continue;
        const std::size_t equals = std::min(pair.find('='), pair.size());
        const auto key = decoded(pair.substr(0, equals), true);
        const auto value = decoded(equals < pair.size() ? pair.substr(equals + 1) : std::string_view{}, true);
        if (!key || !value) return false;
        out.query[*key] = *value;
    }
    return true;
}
}  // namespace

std::optional<Target> parse_target(std::string_view target) {
    if (target.empty() || target.front() != '/') return std::nullopt;
    const std::size_t question = std::min(target.find('?'), target.size());
    Target out;
    for (std::string_view rest = target.substr(1, question - 1);;) {
        const std::size_t slash = std::min(rest.find('/'), rest.size());
        const auto segment = decoded(rest.substr(0, slash), false);
        if (!segment || segment->find('/') != std::string::npos) return std::nullopt;
        if (!segment->empty()) out.path.push_back(*segment);
        if (slash == rest.size()) break;
        rest.remove_prefix(slash + 1);
    }
    if (question < target.size() && !parse_query(target.substr(question + 1), out)) return std::nullopt;
    return out;
}

std::string percent_encoded(std::string_view text) {
    constexpr std::string_view kDigits = "0123456789ABCDEF";
    std::string out;
    for (const char c : text) {
        const auto byte = static_cast<unsigned char>(c);
        if (std::isalnum(byte) != 0 || c == '-' || c == '_' || c == '.' || c == '~') {
            out += c;
        } else {
            out += '%';
            out += kDigits[byte >> 4U];
            out += kDigits[byte & 15U];
        }
    }
    return out;
}

}  // namespace tasker::host
