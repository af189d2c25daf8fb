#pragma once
// What the targets share: a failed assertion, and the input cut in parts by lines that hold only "--".

#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <string_view>
#include <vector>

namespace tasker::host::fuzzing {

inline void require(bool holds, const char* rule) {
    if (holds) return;
    std::fprintf(stderr, "broken: %s\n", rule);
    std::abort();
}

// Always `count` of them; what is missing is empty, what is left over stays in the last. One final line end is dropped,
// so that a seed is an ordinary text file.
inline std::vector<std::string_view> parts_of(const std::uint8_t* data, std::size_t size, std::size_t count) {
    constexpr std::string_view kCut = "\n--\n";
    std::string_view rest(reinterpret_cast<const char*>(data), size);
    if (rest.ends_with('\n')) rest.remove_suffix(1);
    std::vector<std::string_view> parts;
    while (parts.size() + 1 < count) {
        const auto at = rest.find(kCut);
        parts.push_back(rest.substr(0, at));
        rest = at == std::string_view::npos ? std::string_view{} : rest.substr(at + kCut.size());
    }
    parts.push_back(rest);
    return parts;
}

}  // namespace tasker::host::fuzzing
