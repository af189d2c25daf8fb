// A request target: refused, or in parts that make the same target again.

#include <algorithm>
#include <utility>

#include "host/api/url_query.hpp"
#include "tests/fuzz/fuzz_input.hpp"

using namespace tasker::host;
using fuzzing::require;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    const std::string_view text(reinterpret_cast<const char*>(data), size);
    const auto clean = [](std::string_view part) {
        return std::ranges::none_of(part,
                                    [](char c) { return static_cast<unsigned char>(c) < 0x20 || c == 0x7f; });
    };
    if (const auto target = parse_target(text)) {
        require(text.starts_with('/'), "only origin-form is taken");
        std::string again;
        for (const std::string& segment : target->path) {
            require(clean(segment) && segment.find('/') == std::string::npos, "a segment has no slash in it");
            again += "/" + percent_encoded(segment);
        }
        if (again.empty()) again = "/";
        char sign = '?';
        for (const auto& [name, value] : target->query) {
            again += std::exchange(sign, '&') + percent_encoded(name) + "=" + percent_encoded(value);
        }
        const auto second = parse_target(again);
        require(second && second->path == target->path && second->query == target->query,
                "the parts make the same target again");
    }
    // Any text can be carried in a query, control characters apart.
    if (clean(text)) {
        const auto carried = parse_target("/x?v=" + percent_encoded(text));
        require(carried && carried->query.at("v") == text, "an encoded text comes out as it went in");
    }
    return 0;
}
