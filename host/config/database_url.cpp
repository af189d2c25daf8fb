#include "host/config/database_url.hpp"

#include <algorithm>
#include <cctype>
#include <charconv>
#include <vector>

namespace tasker::host {

namespace {
constexpr std::string_view kRedacted = "[REDACTED]";
constexpr std::string_view kSqlite = "sqlite://";

struct Span {
    std::size_t from = 0, size = 0;
};

// Where the password of scheme://user:password@host stands. The last '@' before the path ends it: a raw '@'
// inside a password must not leave half of it behind.
Span userinfo_password(std::string_view url) {
    const std::size_t scheme = url.find("://");
    if (scheme == std::string_view::npos) return {};
    const std::size_t start = scheme + 3;
    const std::size_t at = url.rfind('@');
    if (at == std::string_view::npos || at < start) return {};
    const std::size_t colon = url.find(':', start);
    if (colon == std::string_view::npos || colon >= at) return {};
    return {colon + 1, at - colon - 1};
}

// password=... in the query of a URL or, there also quoted, in a key=value connection string; the next one from `start` on.
Span parameter_password(std::string_view url, std::size_t start = 0) {
    constexpr std::string_view kKey = "password=";
    const std::size_t key = url.find(kKey, start);
    if (key == std::string_view::npos) return {};
    const std::size_t from = key + kKey.size();
    if (url.substr(from).starts_with('\'')) {
        std::size_t end = from + 1;
        while (end < url.size() && url[end] != '\'') end += url[end] == '\\' ? 2 : 1;
        return {from, std::min(end + 1, url.size()) - from};
    }
    const std::size_t end = std::min(url.find_first_of("& ", from), url.size());
    return {from, end - from};
}

// "postgresql" of postgresql://...; nothing when what stands before the first colon is no scheme.
std::string_view scheme_of(std::string_view url) {
    const std::string_view scheme = url.substr(0, url.find(':'));
    const bool plain = scheme.size() < url.size() && std::ranges::all_of(scheme, [](unsigned char c) {
                           return std::isalnum(c) != 0 || c == '+' || c == '-' || c == '.';
                       });
    return plain ? scheme : std::string_view{};
}

Span password(std::string_view url) {
    const Span userinfo = userinfo_password(url);
    return userinfo.size > 0 ? userinfo : parameter_password(url);
}

int hex(char c) {
    if (c >= '0' && c <= '9') return c - '0';
    const int lower = std::tolower(static_cast<unsigned char>(c));
    return lower >= 'a' && lower <= 'f' ? lower - 'a' + 10 : -1;
}

// Nothing when a percent sign is not followed by two digits, or the text holds a NUL.
std::optional<std::string> percent_decoded(std::string_view text) {
    std::string out;
    for (std::size_t i = 0; i < text.size(); ++i) {
        if (text[i] != '%') {
            out += text[i];
            continue;
        }
        if (i + 2 >= text.size() || hex(text[i + 1]) < 0 || hex(text[i + 2]) < 0) return std::nullopt;
        out += static_cast<char>(hex(text[i + 1]) * 16 + hex(text[i + 2]));
        i += 2;
    }
    if (out.find('\0') != std::string::npos) return std::nullopt;
    return out;
}

std::optional<std::string> sqlite_fault(std::string_view url) {
    const std::string_view path = url.substr(kSqlite.size());
    if (path.empty() || path.front() != '/')
        return "a sqlite URL needs an absolute path: sqlite:///var/lib/tasker-host/tasker.db";
    if (path.find_first_of("?#") != std::string_view::npos)
        return "a sqlite URL takes no '?' or '#'; write them as %3F and %23";
    const auto decoded = percent_decoded(path);
    if (!decoded) return "the path of the sqlite URL has a broken percent escape";
    if (decoded->back() == '/') return "the sqlite URL names a folder, not a file";
    return std::nullopt;
}

std::optional<std::string> postgres_fault(std::string_view url) {
    const std::string shown = redacted_url(url);
    std::string_view rest = url.substr(url.find("://") + 3);
    const std::size_t at = rest.rfind('@');
    if (at != std::string_view::npos) rest = rest.substr(at + 1);
    std::string_view hosts = rest.substr(0, rest.find_first_of("/?"));
    while (!hosts.empty()) {
        const std::string_view one = hosts.substr(0, hosts.find(','));
        hosts.remove_prefix(std::min(one.size() + 1, hosts.size()));
        const std::size_t colon = one.rfind(':');
        if (colon == std::string_view::npos || one.find(']', colon) != std::string_view::npos) continue;
        const std::string_view digits = one.substr(colon + 1);
        unsigned port = 0;
        const auto [end, fault] = std::from_chars(digits.data(), digits.data() + digits.size(), port);
        if (fault != std::errc{} || end != digits.data() + digits.size() || port == 0 || port > 65535) {
            return "the port of '" + shown + "' is not a number from 1 to 65535";
        }
    }
    return std::nullopt;
}
}  // namespace

std::optional<std::string> database_url_fault(std::string_view url) {
    if (url.empty()) return std::nullopt;
    if (std::any_of(url.begin(), url.end(), [](unsigned char c) { return c < 0x20 || c == 0x7f; })) {
        return "the URL holds a control character";
    }
    if (url.starts_with(kSqlite)) return sqlite_fault(url);
    if (url.starts_with("postgresql://") || url.starts_with("postgres://")) return postgres_fault(url);
    const std::string_view scheme = scheme_of(url);
    return "'" + (scheme.empty() ? redacted_url(url) : std::string(scheme)) +
           "' is not a database this host knows; allowed: sqlite:///path, postgresql://...";
}

std::string_view url_password(std::string_view url) {
    const Span span = password(url);
    return url.substr(span.from, span.size);
}
bool has_password(std::string_view url) { return !url_password(url).empty(); }

std::string redacted_url(std::string_view url) {
    std::vector<Span> spans{userinfo_password(url)};
    for (Span next = parameter_password(url); next.from > 0; next = parameter_password(url, next.from))
        spans.push_back(next);
    std::ranges::sort(spans, {}, &Span::from);
    std::string out;
    std::size_t done = 0;
    for (const Span& span : spans) {
        if (span.size == 0) continue;
        // They may overlap.
        if (span.from >= done) out.append(url.substr(done, span.from - done)).append(kRedacted);
        done = std::max(done, span.from + span.size);
    }
    return out.append(url.substr(done));
}

std::filesystem::path sqlite_path(std::string_view url) {
    return percent_decoded(url.substr(kSqlite.size())).value_or(std::string{});
}

}  // namespace tasker::host
