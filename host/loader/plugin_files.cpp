#include "host/loader/plugin_files.hpp"

#include <algorithm>
#include <system_error>

namespace tasker::host {

namespace {
void list_root(const std::filesystem::path& root, std::size_t most, PluginFiles& files) {
    std::error_code failed;
    std::filesystem::directory_iterator entries(root, failed);
    while (!failed && entries != std::filesystem::directory_iterator()) {
        if (is_plugin_name(entries->path().filename().string())) {
            if (files.paths.size() >= most) {
                files.faults.push_back({root, "there are more than " + std::to_string(most) +
                                                  " plugin files; the rest is not looked at"});
                return;
            }
            files.paths.push_back(entries->path());
        }
        entries.increment(failed);
    }
    if (failed) files.faults.push_back({root, failed.message()});
}
}  // namespace

bool is_plugin_name(std::string_view name) {
    return name.size() > 3 && name.front() != '.' && name.ends_with(".so");
}

PluginFiles find_plugin_files(const std::vector<std::filesystem::path>& roots, std::size_t most) {
    PluginFiles files;
    for (const auto& root : roots) list_root(root, most, files);
    std::sort(files.paths.begin(), files.paths.end());
    files.paths.erase(std::unique(files.paths.begin(), files.paths.end()), files.paths.end());
    return files;
}

}  // namespace tasker::host
