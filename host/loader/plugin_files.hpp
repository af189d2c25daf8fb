#pragma once
// Which files of the plugin folders are looked at. Reads folders only; opens no file.

#include <cstddef>
#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

namespace tasker::host {

// A folder with more is not a folder of plugins; what is beyond is named as a fault.
inline constexpr std::size_t kMostPluginFiles = 20'000;

// Ends with .so and does not begin with a dot; so neither foo.so.tmp, foo.so.part nor foo.so~.
bool is_plugin_name(std::string_view name);

struct FolderFault {
    std::filesystem::path folder;
    std::string reason;
};
struct PluginFiles {
    std::vector<std::filesystem::path> paths;  // sorted, each once; one level deep
    std::vector<FolderFault> faults;
};
PluginFiles find_plugin_files(const std::vector<std::filesystem::path>& roots,
                              std::size_t most = kMostPluginFiles);

}  // namespace tasker::host
