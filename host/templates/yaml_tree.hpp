#pragma once
// A YAML document as a small tree with positions, built under budgets. Aliases share their target's node; the
// budgets count what a walk over the tree will meet, so a walk is always short.

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "host/templates/findings.hpp"

namespace tasker::host {

using NodeId = std::uint32_t;

struct YamlMember {
    std::string key{};
    Position at{};  // of the key
    NodeId value = 0;
};

struct YamlNode {
    enum class Kind : std::uint8_t { Null, Scalar, List, Map };
    Kind kind = Kind::Null;
    Position at{};
    bool quoted = false;                // a scalar in quotes or a block scalar: always a string
    std::string text{};                 // of a scalar
    std::vector<NodeId> items{};        // of a list
    std::vector<YamlMember> members{};  // of a map; keys are unique
};

class YamlTree {
  public:
    const YamlNode& operator[](NodeId id) const { return nodes_[id]; }
    YamlNode& operator[](NodeId id) { return nodes_[id]; }
    NodeId add(YamlNode node);
    // Null when `map` is not a map or has no such member.
    const YamlMember* find(NodeId map, std::string_view key) const;

    NodeId root = 0;

  private:
    std::vector<YamlNode> nodes_;
};

// The single document of `text`, which must be UTF-8 without a byte order mark. Duplicate keys, tags and
// merge keys are recorded and parsing goes on; on a syntax error or a broken budget there is no tree.
std::optional<YamlTree> parse_yaml(const std::string& text, const TemplateOptions& limits,
                                   Findings& findings);

}  // namespace tasker::host
