#pragma once
// What a plain scalar means by the core schema of YAML 1.2: `yes` and `on` are texts, `0x1f` is a number.
// Pure.

#include <cstdint>
#include <string>

#include "host/templates/yaml_tree.hpp"

namespace tasker::host {

struct ScalarValue {
    enum class Kind : std::uint8_t {
        Null,
        Boolean,
        Integer,
        Float,
        NotFinite,  // .inf, .nan, or a float beyond a double
        TooBig,     // an integer beyond 64 bits
        Text
    };
    Kind kind = Kind::Text;
    bool boolean = false;
    std::int64_t integer = 0;
    double number = 0;
};

// `node` is a scalar or null.
ScalarValue scalar_value(const YamlNode& node);

// "the number 1.0", "the text 'x'", "a list": for "expected ..., found ...".
std::string described(const YamlNode& node);

// Appends the node, whatever it is, as JSON. Numbers must have been found finite.
void append_json(std::string& out, const YamlTree& tree, NodeId id);

}  // namespace tasker::host
