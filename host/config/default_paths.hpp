#pragma once
// Where things are when nobody says: state, templates, plugins.

#include <filesystem>
#include <string>

#include "host/config/config.hpp"

namespace tasker::host {

struct DefaultPath {
    std::filesystem::path path;  // empty: there is none
    std::string origin;          // "default (./plugins)", "default (installed)"
};

DefaultPath default_state_dir(const ConfigInputs& inputs);
// ./templates when it holds any, else the installed ones.
DefaultPath default_template_path(const ConfigInputs& inputs);
// ./plugins when it holds any, else the installed ones, else those of a build folder.
DefaultPath default_plugin_path(const ConfigInputs& inputs);

}  // namespace tasker::host
