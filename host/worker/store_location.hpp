#pragma once
// Which file a worker's store is.

#include <filesystem>
#include <string>

namespace tasker::host {

// From BootstrapConfig's three settings: `store`, else a sqlite:/// URL, else <state_dir>/tasker.db. Makes the folder
// (0700) when it is missing. Throws BootstrapError for a URL of another kind (its password masked), for no setting at
// all, and for a folder that cannot be made.
std::filesystem::path locate_store(const std::string& store, const std::string& database_url,
                                   const std::string& state_dir);

}  // namespace tasker::host
