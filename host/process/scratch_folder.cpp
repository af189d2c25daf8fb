#include "host/process/scratch_folder.hpp"

#include <cstdlib>
#include <string>
#include <system_error>

#include "host/core/error.hpp"

namespace tasker::host {

namespace fs = std::filesystem;

ScratchFolder::ScratchFolder() {
    std::error_code fault;
    std::string pattern = (fs::temp_directory_path(fault) / "tasker-run-XXXXXX").string();
    if (fault || ::mkdtemp(pattern.data()) == nullptr) {
        throw BootstrapError("no temporary folder can be made in " + fs::path{pattern}.parent_path().string(),
                             "set TMPDIR to a folder that this user can write");
    }
    path_ = pattern;
}

ScratchFolder::~ScratchFolder() {
    std::error_code ignored;
    fs::remove_all(path_, ignored);
}

}  // namespace tasker::host
