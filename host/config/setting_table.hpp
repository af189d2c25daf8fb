#pragma once
// The one table of settings. Parsing, `config show`, `config explain` and `--help` all walk it, so they
// cannot disagree.

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "host/config/config.hpp"
#include "host/config/toml_file.hpp"

namespace tasker::host {

struct SettingSpec {
    std::string key;
    std::string environment;  // the variable; empty: none
    std::string flag;         // the flag; empty: none
    TomlType type = TomlType::Text;
    std::string range;
    std::string help;
    // Stores the texts of one source. What is wrong with them, or nothing. Relative paths are taken from
    // `base`.
    std::function<std::optional<std::string>(Config&, const std::vector<std::string>&,
                                             const std::filesystem::path& base)>
        set;
    std::function<std::string(const Config&)> show;  // as text; secrets are redacted by whoever prints it
};

const std::vector<SettingSpec>& setting_table();

// Also for the CLI, which checks a namespace before it asks anybody.
bool valid_namespace(std::string_view name);

}  // namespace tasker::host
