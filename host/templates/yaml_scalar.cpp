#include "host/templates/yaml_scalar.hpp"

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>
#include <string_view>

#include "host/core/json_text.hpp"

namespace tasker::host {

namespace {

using Kind = ScalarValue::Kind;

template <std::size_t N>
bool one_of(std::string_view text, const std::array<std::string_view, N>& words) {
    return std::find(words.begin(), words.end(), text) != words.end();
}

bool is_digit(char c) { return c >= '0' && c <= '9'; }

std::string_view without_sign(std::string_view text) {
    return !text.empty() && (text[0] == '-' || text[0] == '+') ? text.substr(1) : text;
}

ScalarValue integer_of(std::string_view digits, int base) {
    ScalarValue value{.kind = Kind::Integer};
    const auto [end, status] =
        std::from_chars(digits.data(), digits.data() + digits.size(), value.integer, base);
    if (status == std::errc::result_out_of_range) value.kind = Kind::TooBig;
    return status == std::errc::invalid_argument || end != digits.data() + digits.size() ? ScalarValue{}
                                                                                         : value;
}

// [0-9]* ( . [0-9]* )? ( [eE] [-+]? [0-9]+ )? with at least one digit before the exponent.
bool is_float(std::string_view text) {
    std::size_t at = 0, digits = 0;
    const auto run = [&] {
        const std::size_t from = at;
        while (at < text.size() && is_digit(text[at])) ++at;
        return at - from;
    };
    digits += run();
    if (at < text.size() && text[at] == '.') {
        ++at;
        digits += run();
    }
    if (digits == 0) return false;
    if (at < text.size() && (text[at] == 'e' || text[at] == 'E')) {
        ++at;
        if (at < text.size() && (text[at] == '-' || text[at] == '+')) ++at;
        if (run() == 0) return false;
    }
    return at == text.size();
}

ScalarValue float_of(std::string_view text) {
    ScalarValue value{.kind = Kind::Float};
    if (text[0] == '+') text.remove_prefix(1);
    const auto [end, status] = std::from_chars(text.data(), text.data() + text.size(), value.number);
    if (status != std::errc{} || end != text.data() + text.size() || !std::isfinite(value.number)) {
        value.kind = Kind::NotFinite;
    }
    return value;
}

void append_float(std::string& out, double number) {
    std::array<char, 32> text{};
    const auto [end, status] = std::to_chars(text.data(), text.data() + text.size(), number);
    const std::string_view digits(text.data(), static_cast<std::size_t>(end - text.data()));
    out += digits;
    if (digits.find_first_of(".e") == std::string_view::npos) out += ".0";
}

void append_scalar(std::string& out, const YamlNode& node) {
    const ScalarValue value = scalar_value(node);
    switch (value.kind) {
        case Kind::Boolean:
            out += value.boolean ? "true" : "false";
            return;
        case Kind::Integer:
            out += std::to_string(value.integer);
            return;
        case Kind::Float:
            append_float(out, value.number);
            return;
        case Kind::Text:
            append_json_string(out, node.text);
            return;
        case Kind::Null:
        case Kind::NotFinite:
        case Kind::TooBig:
            out += "null";
            return;
    }
}

}  // namespace

ScalarValue scalar_value(const YamlNode& node) {
    if (node.kind == YamlNode::Kind::Null) return {.kind = Kind::Null};
    if (node.quoted) return {};
    const std::string_view text = node.text;
    if (one_of<5>(text, {"", "~", "null", "Null", "NULL"})) return {.kind = Kind::Null};
    if (one_of<3>(text, {"true", "True", "TRUE"})) return {.kind = Kind::Boolean, .boolean = true};
    if (one_of<3>(text, {"false", "False", "FALSE"})) return {.kind = Kind::Boolean};
    if (text.starts_with("0o") && text.size() > 2 && text[2] != '-') return integer_of(text.substr(2), 8);
    if (text.starts_with("0x") && text.size() > 2 && text[2] != '-') return integer_of(text.substr(2), 16);
    const std::string_view bare = without_sign(text);
    if (!bare.empty() && std::all_of(bare.begin(), bare.end(), is_digit)) {
        return integer_of(text[0] == '+' ? bare : text, 10);
    }
    if (one_of<3>(bare, {".inf", ".Inf", ".INF"}) || one_of<3>(text, {".nan", ".NaN", ".NAN"})) {
        return {.kind = Kind::NotFinite};
    }
    return is_float(bare) ? float_of(text) : ScalarValue{};
}

std::string described(const YamlNode& node) {
    if (node.kind == YamlNode::Kind::List) return "a list";
    if (node.kind == YamlNode::Kind::Map) return "a map";
    switch (scalar_value(node).kind) {
        case Kind::Null:
            return "nothing";
        case Kind::Boolean:
            return "the truth value " + node.text;
        case Kind::Integer:
        case Kind::Float:
        case Kind::NotFinite:
        case Kind::TooBig:
            return "the number " + shortened(node.text);
        case Kind::Text:
            return "the text " + shown(node.text);
    }
    return "nothing";
}

void append_json(std::string& out, const YamlTree& tree, NodeId id) {
    const YamlNode& node = tree[id];
    if (node.kind == YamlNode::Kind::List) {
        out += '[';
        for (std::size_t i = 0; i < node.items.size(); ++i) {
            if (i > 0) out += ',';
            append_json(out, tree, node.items[i]);
        }
        out += ']';
    } else if (node.kind == YamlNode::Kind::Map) {
        out += '{';
        for (std::size_t i = 0; i < node.members.size(); ++i) {
            if (i > 0) out += ',';
            append_json_string(out, node.members[i].key);
            out += ':';
            append_json(out, tree, node.members[i].value);
        }
        out += '}';
    } else {
        append_scalar(out, node);
    }
}

}  // namespace tasker::host
