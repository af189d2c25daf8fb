#include "host/core/json_text.hpp"

#include <algorithm>
#include <array>
#include <charconv>
#include <cstdint>
#include <cstring>

namespace tasker::host {

namespace {

// Bounds the bit stack below, whatever a caller asks for.
constexpr std::size_t kDepthCeiling = 4096;
// The most decimals that PostgreSQL's numeric (what jsonb stores) can hold.
constexpr std::int64_t kMaxDecimals = 16'383;

constexpr std::string_view kReplacement = "\xEF\xBF\xBD";  // U+FFFD

constexpr std::uint64_t kOnes = 0x0101010101010101U;
constexpr std::uint64_t kHighs = 0x8080808080808080U;

// True when none of the eight bytes is a quote, a backslash, a control character or outside of ASCII.
bool plain_word(const char* at) {
    std::uint64_t word = 0;
    std::memcpy(&word, at, sizeof word);
    const auto has_zero = [](std::uint64_t value) { return (value - kOnes) & ~value & kHighs; };
    const std::uint64_t control = (word - kOnes * 0x20U) & ~word & kHighs;
    return (control | has_zero(word ^ (kOnes * 0x22U)) | has_zero(word ^ (kOnes * 0x5CU)) |
            (word & kHighs)) == 0;
}

bool is_blank(char c) { return c == ' ' || c == '\n' || c == '\t' || c == '\r'; }
bool is_digit(char c) { return c >= '0' && c <= '9'; }

int hex_digit(char c) {
    if (is_digit(c)) return c - '0';
    if (c >= 'a' && c <= 'f') return c - 'a' + 10;
    if (c >= 'A' && c <= 'F') return c - 'A' + 10;
    return -1;
}

// Bytes of the UTF-8 sequence that starts at `at`, 0 when it is malformed (overlong, surrogate, beyond
// U+10FFFF, cut).
std::size_t utf8_length(const char* at, const char* end) {
    const auto byte = [&](std::size_t i) { return static_cast<std::uint8_t>(at[i]); };
    const auto left = static_cast<std::size_t>(end - at);
    const auto follows = [&](std::size_t i, std::uint8_t low = 0x80, std::uint8_t high = 0xBF) {
        return i < left && byte(i) >= low && byte(i) <= high;
    };
    const std::uint8_t first = byte(0);
    if (first < 0x80) return 1;
    if (first >= 0xC2 && first <= 0xDF) return follows(1) ? 2 : 0;
    if (first >= 0xE0 && first <= 0xEF) {
        const std::uint8_t low = first == 0xE0 ? 0xA0 : 0x80;
        const std::uint8_t high = first == 0xED ? 0x9F : 0xBF;
        return follows(1, low, high) && follows(2) ? 3 : 0;
    }
    if (first >= 0xF0 && first <= 0xF4) {
        const std::uint8_t low = first == 0xF0 ? 0x90 : 0x80;
        const std::uint8_t high = first == 0xF4 ? 0x8F : 0xBF;
        return follows(1, low, high) && follows(2) && follows(3) ? 4 : 0;
    }
    return 0;
}

// One pass, no recursion: which container is open at each depth is one bit.
class Scanner {
  public:
    Scanner(std::string_view text, std::size_t max_depth)
        : begin_(text.data()), at_(begin_), end_(begin_ + text.size()), max_depth_(max_depth) {}

    std::optional<std::string> run() {
        if (document()) return std::nullopt;
        return std::move(fault_);
    }

  private:
    enum class After : std::uint8_t { Value, Opened, Failed };

    bool document() {
        for (;;) {
            switch (value()) {
                case After::Failed:
                    return false;
                case After::Opened:
                    continue;
                case After::Value:
                    break;
            }
            for (;;) {
                if (depth_ == 0) return at_end();
                const After next = after_value();
                if (next == After::Failed) return false;
                if (next == After::Opened) break;  // a comma: another value follows
            }
        }
    }

    bool at_end() {
        skip_blanks();
        return at_ == end_ || not_json("text after the value");
    }

    After value() {
        skip_blanks();
        if (at_ == end_) return failed("it ends where a value is expected");
        switch (*at_) {
            case '{':
                return open(true);
            case '[':
                return open(false);
            case '"':
                return string() ? After::Value : After::Failed;
            case 't':
                return literal("true");
            case 'f':
                return literal("false");
            case 'n':
                return literal("null");
            default:
                return number() ? After::Value : After::Failed;
        }
    }

    After open(bool object) {
        if (depth_ == max_depth_) {
            fault_ = "nested deeper than " + std::to_string(max_depth_);
            return After::Failed;
        }
        const std::uint64_t bit = std::uint64_t{1} << (depth_ % 64);
        objects_[depth_ / 64] = object ? objects_[depth_ / 64] | bit : objects_[depth_ / 64] & ~bit;
        ++depth_;
        ++at_;
        skip_blanks();
        if (at_ != end_ && *at_ == (object ? '}' : ']')) {
            ++at_;
            --depth_;
            return After::Value;
        }
        if (!object) return After::Opened;
        return key() ? After::Opened : After::Failed;
    }

    // A value has ended inside a container: a comma (Opened) or the container's end (Value).
    After after_value() {
        const bool object = (objects_[(depth_ - 1) / 64] >> ((depth_ - 1) % 64) & 1U) != 0;
        skip_blanks();
        if (at_ == end_) return failed("it ends inside an object or array");
        if (*at_ == (object ? '}' : ']')) {
            ++at_;
            --depth_;
            return After::Value;
        }
        if (*at_ != ',') return failed(object ? "',' or '}' expected" : "',' or ']' expected");
        ++at_;
        if (object) return key() ? After::Opened : After::Failed;
        return After::Opened;
    }

    bool key() {
        skip_blanks();
        if (at_ == end_ || *at_ != '"') return not_json("an object key in quotes is expected");
        if (!string()) return false;
        skip_blanks();
        if (at_ == end_ || *at_ != ':') return not_json("':' expected");
        ++at_;
        return true;
    }

    bool string() {
        ++at_;
        for (;;) {
            while (end_ - at_ >= 8 && plain_word(at_)) at_ += 8;
            if (at_ == end_) return not_json("it ends inside a string");
            const auto c = static_cast<std::uint8_t>(*at_);
            if (c == '"') {
                ++at_;
                return true;
            }
            if (c == '\\') {
                if (!escape()) return false;
            } else if (c >= 0x80) {
                const std::size_t length = utf8_length(at_, end_);
                if (length == 0) return broken("invalid UTF-8");
                at_ += length;
            } else if (c == 0) {
                return broken("NUL character");
            } else if (c < 0x20) {
                return not_json("an unescaped control character");
            } else {
                ++at_;
            }
        }
    }

    bool escape() {
        if (end_ - at_ < 2) return not_json("it ends inside a string");
        if (std::strchr("\"\\/bfnrt", at_[1]) != nullptr && at_[1] != '\0') {
            at_ += 2;
            return true;
        }
        if (at_[1] != 'u') return not_json("an unknown escape");
        const int unit = code_unit();
        if (unit < 0) return not_json("\\u needs four hexadecimal digits");
        if (unit == 0) return broken("NUL character");
        if (unit >= 0xDC00 && unit <= 0xDFFF) return broken("lone surrogate");
        const char* const start = at_;
        at_ += 6;
        if (unit < 0xD800 || unit > 0xDBFF) return true;
        const bool paired = end_ - at_ >= 6 && at_[0] == '\\' && at_[1] == 'u';
        const int second = paired ? code_unit() : 0;
        if (second < 0) return not_json("\\u needs four hexadecimal digits");
        if (second < 0xDC00 || second > 0xDFFF) {
            at_ = start;
            return broken("lone surrogate");
        }
        at_ += 6;
        return true;
    }

    // The four digits after "\u" at the current place, or -1.
    int code_unit() const {
        if (end_ - at_ < 6) return -1;
        int unit = 0;
        for (int i = 2; i < 6; ++i) {
            const int digit = hex_digit(at_[i]);
            if (digit < 0) return -1;
            unit = unit * 16 + digit;
        }
        return unit;
    }

    bool number() {
        const char* const start = at_;
        if (*at_ == '-') ++at_;
        const char* const whole = at_;
        if (digits() == 0) {
            at_ = start;
            if (*start == '\0') return broken("NUL character");
            return not_json(*start == '-' ? "a digit is expected after '-'" : "an unexpected character");
        }
        const std::int64_t whole_digits = at_ - whole;
        if (*whole == '0' && whole_digits > 1) return not_json("a number starts with 0");
        std::int64_t decimals = 0;
        if (at_ != end_ && *at_ == '.') {
            ++at_;
            decimals = digits();
            if (decimals == 0) return not_json("a digit is expected after '.'");
        }
        std::int64_t exponent = 0;
        if (at_ != end_ && (*at_ == 'e' || *at_ == 'E')) {
            if (!read_exponent(exponent)) return not_json("a digit is expected in the exponent");
        }
        if (decimals - exponent > kMaxDecimals) return broken("number with more than 16383 decimals", start);
        return whole_digits + exponent <= 300 || finite(start) ||
               broken("number out of range for a double", start);
    }

    std::int64_t digits() {
        const char* const start = at_;
        while (at_ != end_ && is_digit(*at_)) ++at_;
        return at_ - start;
    }

    bool read_exponent(std::int64_t& exponent) {
        ++at_;
        bool negative = false;
        if (at_ != end_ && (*at_ == '+' || *at_ == '-')) negative = *at_++ == '-';
        const char* const start = at_;
        for (; at_ != end_ && is_digit(*at_); ++at_)
            exponent = std::min<std::int64_t>(exponent * 10 + (*at_ - '0'), 1 << 30);
        if (negative) exponent = -exponent;
        return at_ != start;
    }

    // Only reached when the magnitude may be near the limit, so it is off the hot path.
    bool finite(const char* start) const {
        if (std::all_of(start, at_, [](char c) { return c == '-' || c == '0' || c == '.'; })) return true;
        double ignored = 0;
        if (std::from_chars(start, at_, ignored).ec == std::errc{}) return true;
        // Out of range: zero times a huge power of ten is still zero.
        const char* const digits_end = std::find_if(start, at_, [](char c) { return c == 'e' || c == 'E'; });
        return std::all_of(start, digits_end, [](char c) { return c == '-' || c == '0' || c == '.'; });
    }

    After literal(std::string_view word) {
        if (std::string_view(at_, static_cast<std::size_t>(end_ - at_)).substr(0, word.size()) != word) {
            return failed("an unexpected character");
        }
        at_ += word.size();
        return After::Value;
    }

    void skip_blanks() {
        while (at_ != end_ && is_blank(*at_)) ++at_;
    }

    After failed(const char* what) {
        not_json(what);
        return After::Failed;
    }
    bool not_json(const char* what) { return broken(std::string("not JSON: ") + what); }
    bool broken(const std::string& what) { return broken(what, at_); }
    bool broken(const std::string& what, const char* where) {
        fault_ = what + " at byte " + std::to_string(where - begin_);
        return false;
    }

    const char* begin_;
    const char* at_;
    const char* end_;
    std::size_t max_depth_;
    std::size_t depth_ = 0;
    std::array<std::uint64_t, kDepthCeiling / 64> objects_;  // each bit is written before it is read
    std::string fault_;
};

void append_unicode_escape(std::string& out, unsigned code) {
    constexpr std::string_view kHex = "0123456789abcdef";
    out += "\\u";
    for (int shift = 12; shift >= 0; shift -= 4) out += kHex[code >> static_cast<unsigned>(shift) & 15U];
}

// What stays readable in a log or a terminal only when escaped: C1 controls and the line and paragraph
// separators.
bool escape_multibyte(std::string& out, const char* at, std::size_t length) {
    const auto byte = [&](std::size_t i) { return static_cast<std::uint8_t>(at[i]); };
    if (length == 2 && byte(0) == 0xC2 && byte(1) < 0xA0) {
        append_unicode_escape(out, byte(1));
        return true;
    }
    if (length == 3 && byte(0) == 0xE2 && byte(1) == 0x80 && (byte(2) == 0xA8 || byte(2) == 0xA9)) {
        append_unicode_escape(out, 0x2000U + (byte(2) & 0x3FU));
        return true;
    }
    return false;
}

void append_ascii(std::string& out, char c) {
    switch (c) {
        case '"':
            out += "\\\"";
            return;
        case '\\':
            out += "\\\\";
            return;
        case '\n':
            out += "\\n";
            return;
        case '\r':
            out += "\\r";
            return;
        case '\t':
            out += "\\t";
            return;
        case '\b':
            out += "\\b";
            return;
        case '\f':
            out += "\\f";
            return;
        case '\0':
            out += kReplacement;  // "\u0000" would be JSON, but no text that PostgreSQL can hold
            return;
        default:
            break;
    }
    if (static_cast<unsigned char>(c) < 0x20 || c == 0x7F) {
        append_unicode_escape(out, static_cast<unsigned char>(c));
    } else {
        out += c;
    }
}

}  // namespace

std::optional<std::string> json_fault(std::string_view text, const JsonRules& rules) {
    if (text.size() > rules.max_bytes) {
        return "larger than " + std::to_string(rules.max_bytes) + " bytes (" + std::to_string(text.size()) +
               ")";
    }
    return Scanner(text, std::min(rules.max_depth, kDepthCeiling)).run();
}

bool json_is_object(std::string_view text) {
    const auto first = text.find_first_not_of(" \n\t\r");
    return first != std::string_view::npos && text[first] == '{';
}

void append_json_string(std::string& out, std::string_view text) {
    out += '"';
    const char* at = text.data();
    const char* const end = at + text.size();
    while (at != end) {
        const char* const start = at;
        while (end - at >= 8 && plain_word(at) && std::memchr(at, 0x7F, 8) == nullptr) at += 8;
        if (at != start) {
            out.append(start, at);
            continue;
        }
        const std::size_t length = utf8_length(at, end);
        if (length == 1) {
            append_ascii(out, *at);
        } else if (length == 0) {
            out += kReplacement;
        } else if (!escape_multibyte(out, at, length)) {
            out.append(at, length);
        }
        at += std::max<std::size_t>(length, 1);
    }
    out += '"';
}

std::string json_string(std::string_view text) {
    std::string out;
    out.reserve(text.size() + 2);
    append_json_string(out, text);
    return out;
}

}  // namespace tasker::host
