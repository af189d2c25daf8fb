#include "host/logging/redact.hpp"

#include <algorithm>
#include <cctype>

#include "host/logging/sinks.hpp"

namespace tasker::host {

namespace {

constexpr std::string_view kRedacted = "[REDACTED]";
constexpr std::string_view kBlanks = " \t\r\n";
constexpr std::string_view kTokenEnd = " \t\r\n\"'<>`";
constexpr auto kNone = std::string_view::npos;

// Where a URL's user part ends and its host begins: the '@' of the authority. Passwords are often not
// percent-encoded, so when no '@' comes before the path but the "port" is no number, the last '@' of the
// whole token counts.
std::size_t user_end(std::string_view token) {
    const std::string_view authority = token.substr(0, token.find_first_of("/?#"));
    if (const auto at = authority.rfind('@'); at != kNone) return at;
    const auto colon = authority.find(':');
    if (colon == kNone) return kNone;
    const std::string_view port = authority.substr(colon + 1);
    if (!port.empty() && port.find_first_not_of("0123456789") == kNone) return kNone;
    return token.rfind('@');
}

std::string redact_user_info(std::string_view text) {
    std::string out;
    for (;;) {
        const auto scheme = text.find("://");
        if (scheme == kNone) break;
        const std::size_t start = scheme + 3;
        const std::string_view token = text.substr(start, text.find_first_of(kTokenEnd, start) - start);
        // Of a connection string people paste passwords with slashes; nothing behind its @ looks like one.
        const bool database =
            text.substr(0, scheme).ends_with("postgresql") || text.substr(0, scheme).ends_with("postgres");
        out += text.substr(0, start);
        text.remove_prefix(start);
        const auto at = database ? token.rfind('@') : user_end(token);
        const auto colon = token.find(':');
        if (at == kNone || colon == kNone || colon > at) continue;
        out += token.substr(0, colon + 1);
        out += kRedacted;
        text.remove_prefix(at);
    }
    out += text;
    return out;
}

std::size_t find_password(std::string_view text) {
    constexpr std::string_view kWord = "password";
    const auto found = std::search(text.begin(), text.end(), kWord.begin(), kWord.end(), [](char a, char b) {
        return std::tolower(static_cast<unsigned char>(a)) == b;
    });
    return found == text.end() ? kNone : static_cast<std::size_t>(found - text.begin()) + kWord.size();
}

// The place of the value after `password`, or npos when no value follows: password=x, password = 'x',
// "password": "x".
std::size_t value_start(std::string_view text, std::size_t at) {
    const bool quoted_key = at < text.size() && (text[at] == '"' || text[at] == '\'');
    if (quoted_key) ++at;
    at = text.find_first_not_of(kBlanks, at);
    if (at == kNone || (text[at] != '=' && !(quoted_key && text[at] == ':'))) return kNone;
    return text.find_first_not_of(kBlanks, at + 1);
}

std::size_t value_end(std::string_view text, std::size_t at) {
    const char quote = text[at];
    if (quote != '"' && quote != '\'') return std::min(text.find_first_of(kTokenEnd, at), text.size());
    for (++at; at < text.size() && text[at] != quote; ++at) {
        if (text[at] == '\\') ++at;
    }
    return std::min(at + 1, text.size());
}

std::string redact_conninfo(std::string_view text) {
    std::string out;
    for (;;) {
        const auto after = find_password(text);
        if (after == kNone) break;
        const auto start = value_start(text, after);
        if (start == kNone) {
            out += text.substr(0, after);
            text.remove_prefix(after);
            continue;
        }
        const auto end = value_end(text, start);
        out += text.substr(0, start);
        if (end > start) out += kRedacted;
        text.remove_prefix(std::max(end, start));
    }
    out += text;
    return out;
}

}  // namespace

std::string redact_urls(std::string_view text) { return redact_conninfo(redact_user_info(text)); }

bool names_a_secret(std::string_view key) {
    std::string lower(key);
    std::transform(lower.begin(), lower.end(), lower.begin(), [](unsigned char c) {
        return c == '-' || c == '.' ? '_' : static_cast<char>(std::tolower(c));
    });
    for (const char* word : {"password", "passwd", "secret", "authorization", "credential", "api_key",
                             "apikey", "private_key", "access_key"}) {
        if (lower.find(word) != std::string::npos) return true;
    }
    // `token_count` is none.
    const std::string_view last = std::string_view(lower).substr(lower.rfind('_') + 1);
    return last == "token" || last == "cookie";
}

std::string redact(std::string_view text, const std::vector<std::string>& secrets) {
    std::string out(text);
    for (const std::string& secret : secrets) {
        if (secret.empty()) continue;
        for (auto at = out.find(secret); at != std::string::npos;
             at = out.find(secret, at + kRedacted.size())) {
            out.replace(at, secret.size(), kRedacted);
        }
    }
    return redact_urls(out);
}

}  // namespace tasker::host
