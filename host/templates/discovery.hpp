#pragma once
// Which files below the roots are templates.

#include <filesystem>
#include <string>
#include <vector>

#include "host/templates/template_loader.hpp"

namespace tasker::host {

struct Discovery {
    std::vector<std::filesystem::path> files;  // regular ones, each once, in the order of the walk
    std::vector<Diagnostic> diagnostics;       // missing roots, what was skipped and why
};

// Opens nothing but folders.
Discovery discover(const std::vector<std::filesystem::path>& roots);

}  // namespace tasker::host
