#include "host/config/default_paths.hpp"

#include <algorithm>
#include <cctype>
#include <system_error>

namespace tasker::host {

namespace {
namespace fs = std::filesystem;

std::string variable(const ConfigInputs& inputs, const std::string& name) {
    const auto found = inputs.environment.find(name);
    return found == inputs.environment.end() ? std::string{} : found->second;
}

std::string lower_extension(const fs::path& path) {
    std::string text = path.extension().string();
    std::transform(text.begin(), text.end(), text.begin(),
                   [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
    return text;
}

bool holds_plugins(const fs::path& folder) {
    std::error_code fault;
    for (fs::directory_iterator at(folder, fault), end; !fault && at != end; at.increment(fault)) {
        if (at->path().extension() == ".so") return true;
    }
    return false;
}

bool holds_templates(const fs::path& folder) {
    // The walk is bounded: a folder that happens to be called templates may be huge.
    constexpr int kMaxEntries = 10'000;
    std::error_code fault;
    int seen = 0;
    for (fs::recursive_directory_iterator at(folder, fs::directory_options::skip_permission_denied, fault),
         end;
         !fault && at != end && seen < kMaxEntries; at.increment(fault), ++seen) {
        const std::string extension = lower_extension(at->path());
        if (extension == ".yaml" || extension == ".yml") return true;
    }
    return false;
}
}  // namespace

DefaultPath default_state_dir(const ConfigInputs& inputs) {
    // A relative XDG path is to be ignored, says its specification.
    if (const std::string xdg = variable(inputs, "XDG_STATE_HOME"); xdg.starts_with('/')) {
        return {fs::path{xdg} / "tasker-host", "default ($XDG_STATE_HOME/tasker-host)"};
    }
    if (const std::string home = variable(inputs, "HOME"); home.starts_with('/')) {
        return {fs::path{home} / ".local/state/tasker-host", "default (~/.local/state/tasker-host)"};
    }
    return {{}, "default"};
}

DefaultPath default_template_path(const ConfigInputs& inputs) {
    const fs::path local = inputs.working_directory / "templates";
    if (holds_templates(local)) return {local, "default (./templates)"};
    if (inputs.installed_prefix.empty()) return {local, "default (./templates)"};
    return {inputs.installed_prefix / "share/tasker-host/templates", "default (installed templates)"};
}

DefaultPath default_plugin_path(const ConfigInputs& inputs) {
    const fs::path local = inputs.working_directory / "plugins";
    if (holds_plugins(local)) return {local, "default (./plugins)"};
    if (inputs.installed_prefix.empty()) return {local, "default (./plugins)"};
    const fs::path installed = inputs.installed_prefix / "lib/tasker-host/plugins";
    const fs::path built = inputs.installed_prefix / "plugins";
    std::error_code ignored;
    if (!fs::exists(installed, ignored) && holds_plugins(built))
        return {built, "default (plugins of this build)"};
    return {installed, "default (installed plugins)"};
}

}  // namespace tasker::host
