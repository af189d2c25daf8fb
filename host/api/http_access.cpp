#include "host/api/http_access.hpp"

#include <algorithm>
#include <cctype>

#include "host/api/routes.hpp"
#include "host/core/sha256.hpp"

namespace tasker::host {

namespace {
bool same_word(std::string_view one, std::string_view other) {
    return std::equal(one.begin(), one.end(), other.begin(), other.end(),
                      [](unsigned char a, unsigned char b) { return std::tolower(a) == std::tolower(b); });
}

// The name without its port.
bool of_this_machine(std::string_view host) {
    if (host == "::1" || host == "[::1]") return true;
    const std::string_view name = host.substr(0, host.rfind(':'));
    return same_word(name, "localhost") || name == "127.0.0.1" || name == "[::1]";
}

std::string_view without_blanks(std::string_view text) {
    while (!text.empty() && (text.front() == ' ' || text.front() == '\t')) text.remove_prefix(1);
    while (!text.empty() && (text.back() == ' ' || text.back() == '\t')) text.remove_suffix(1);
    return text;
}

bool shows_token(const HttpRules& rules, const HeaderFacts& header) {
    if (header.api_key && same_secret(without_blanks(*header.api_key), rules.token)) return true;
    if (!header.authorization) return false;
    constexpr std::string_view kScheme = "bearer ";
    const std::string_view value = *header.authorization;
    return value.size() > kScheme.size() && same_word(value.substr(0, kScheme.size()), kScheme) &&
           same_secret(without_blanks(value.substr(kScheme.size())), rules.token);
}
}  // namespace

bool same_secret(std::string_view one, std::string_view other) {
    const Sha256Digest a = sha256(one), b = sha256(other);
    unsigned difference = 0;
    for (std::size_t i = 0; i < a.size(); ++i) difference |= static_cast<unsigned>(a[i] ^ b[i]);
    return difference == 0;
}

Admission admit(const HttpRules& rules, const HeaderFacts& header) {
    if (rules.local) {
        const bool ours = !header.host || header.host->empty() || of_this_machine(*header.host);
        return {.status = ours ? 0 : 421};
    }
    // Browsers send it with what a page asks for; there is no page of ours.
    if (header.origin) return {.status = 403};
    if (!header.host) return {.status = 400};
    if (rules.token.empty()) return {.status = of_this_machine(*header.host) ? 0 : 421};
    if (shows_token(rules, header)) return {};
    return open_to_all(header.target) ? Admission{.trusted = false}
                                      : Admission{.status = 401, .trusted = false};
}

}  // namespace tasker::host
