#pragma once
// Which configuration file is used, and its text.

#include <filesystem>
#include <optional>
#include <string>

#include "host/config/config.hpp"

namespace tasker::host {

struct ConfigText {
    std::filesystem::path path;
    std::string text;
    bool world_readable = false;
};

// --config, else TASKER_CONFIG_PATH, else ./tasker-host.toml, else the XDG and /etc places; only the first
// two must exist. Throws ConfigError for a file that cannot be used: missing, a folder, unreadable, larger
// than 1 MiB.
std::optional<ConfigText> find_config_file(const ConfigInputs& inputs);

}  // namespace tasker::host
