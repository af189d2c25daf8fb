#pragma once
// What a plugin's section of the configuration keeps secret, told by the names of its keys. Pure.

#include <string>
#include <string_view>
#include <vector>

namespace tasker::host {

struct PluginSecrets {
    bool any = false;
    std::vector<std::string> values;  // the texts; what is too short to be told from other text is left out
};
PluginSecrets plugin_secrets(std::string_view section_json);

}  // namespace tasker::host
