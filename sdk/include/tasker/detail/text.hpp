#pragma once
// Text at compile time and at the boundary.

#include <algorithm>
#include <array>
#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

#include "tasker/abi.h"

namespace tasker {

// A string literal as a template argument.
template <std::size_t N>
struct fixed_string {
    char bytes[N]{};

    constexpr fixed_string(const char (&literal)[N]) { std::copy_n(literal, N, bytes); }  // NOLINT: implicit
    constexpr std::string_view view() const { return {bytes, N - 1}; }
};

namespace detail {

inline std::string_view view(const tasker_str& text) noexcept {
    return text.len == 0 ? std::string_view{} : std::string_view{text.ptr, text.len};
}

inline tasker_str borrow(std::string_view text) noexcept { return {text.data(), text.size()}; }

inline std::vector<tasker_str> borrow_all(const std::vector<std::string>& texts) {
    std::vector<tasker_str> views;
    views.reserve(texts.size());
    for (const auto& text : texts) views.push_back(borrow(text));
    return views;
}

// Source::get() as NUL-terminated bytes with static storage.
template <class Source>
struct StaticText {
    static constexpr std::string_view source = Source::get();
    static constexpr auto bytes = [] {
        std::array<char, source.size() + 1> copy{};
        std::copy(source.begin(), source.end(), copy.begin());
        return copy;
    }();
    static constexpr const char* c_str() { return source.empty() ? nullptr : bytes.data(); }
};

constexpr bool is_name_char(char c) {
    return (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '_' ||
           c == '.' || c == ':' || c == '-';
}

// 1..128 of [A-Za-z0-9_.:-]
constexpr bool is_good_name(std::string_view name) {
    return !name.empty() && name.size() <= 128 && std::all_of(name.begin(), name.end(), is_name_char);
}

template <std::size_t N>
constexpr bool all_distinct(const std::array<std::string_view, N>& names) {
    for (std::size_t i = 0; i < N; ++i) {
        for (std::size_t j = i + 1; j < N; ++j) {
            if (names[i] == names[j]) return false;
        }
    }
    return true;
}

}  // namespace detail
}  // namespace tasker
