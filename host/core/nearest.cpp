#include "host/core/nearest.hpp"

#include <algorithm>
#include <cctype>
#include <limits>
#include <vector>

namespace tasker::host {

namespace {
char lower(char c) { return static_cast<char>(std::tolower(static_cast<unsigned char>(c))); }

// Optimal string alignment distance: a swap of neighbours counts as one edit.
std::size_t distance(std::string_view a, std::string_view b) {
    const std::size_t width = b.size() + 1;
    std::vector<std::size_t> before(width), above(width), row(width);
    for (std::size_t j = 0; j < width; ++j) above[j] = j;
    for (std::size_t i = 1; i <= a.size(); ++i) {
        row[0] = i;
        for (std::size_t j = 1; j < width; ++j) {
            const std::size_t cost = lower(a[i - 1]) == lower(b[j - 1]) ? 0 : 1;
            row[j] = std::min({above[j] + 1, row[j - 1] + 1, above[j - 1] + cost});
            if (i > 1 && j > 1 && lower(a[i - 1]) == lower(b[j - 2]) && lower(a[i - 2]) == lower(b[j - 1])) {
                row[j] = std::min(row[j], before[j - 2] + 1);
            }
        }
        before.swap(above);
        above.swap(row);
    }
    return above[b.size()];
}
}  // namespace

std::optional<std::string> nearest(std::string_view word, std::span<const std::string> candidates) {
    // A hostile word must not cost more than an honest one.
    word = word.substr(0, 128);
    std::size_t best = std::numeric_limits<std::size_t>::max();
    const std::string* found = nullptr;
    for (const std::string& candidate : candidates) {
        if (candidate.size() > 256) continue;
        const std::size_t edits = distance(word, candidate);
        if (edits < best) {
            best = edits;
            found = &candidate;
        }
    }
    if (found == nullptr) return std::nullopt;
    const std::size_t limit = std::max<std::size_t>(2, std::max(word.size(), found->size()) / 3);
    if (best > limit || best >= std::max(word.size(), found->size())) return std::nullopt;
    return *found;
}

std::string did_you_mean(std::string_view word, std::span<const std::string> candidates) {
    const auto found = nearest(word, candidates);
    return found ? ", did you mean '" + *found + "'?" : std::string{};
}

}  // namespace tasker::host
