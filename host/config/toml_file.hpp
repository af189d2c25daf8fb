#pragma once
// A TOML text as a flat list of keys with places. Knows nothing of the settings. Pure: the fuzz target feeds
// it bytes.

#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <vector>

namespace tasker::host {

enum class TomlType : std::uint8_t { Text, Integer, Boolean, Float, List, Table, Other };
std::string_view name(TomlType type);

struct TomlEntry {
    std::vector<std::string> path;  // {"host", "handlers", "shop.charge", "concurrency"}
    TomlType type = TomlType::Text;
    std::vector<std::string> values;  // scalars: one; lists: one an item; ${VAR} already replaced
    std::string raw;                  // a text before ${VAR} was replaced
    std::string json;                 // tables taken whole: the section as a JSON object
    int line = 0, column = 0;

    std::string key() const;  // "host.handlers.\"shop.charge\".concurrency"
};

struct TomlFile {
    std::vector<TomlEntry> entries;    // in file order
    std::vector<std::string> ignored;  // top-level tables of a Tasker server's file: "common"
    std::vector<std::string> faults;   // "file:line:column: what"
};

// `variables` resolves ${NAME} and ${NAME:-fallback} in texts; $${ stands for a plain ${.
TomlFile parse_toml(std::string_view text, const std::string& file,
                    const std::map<std::string, std::string>& variables);

}  // namespace tasker::host
