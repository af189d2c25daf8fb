#pragma once
// A folder for what nobody keeps; gone with the object.

#include <filesystem>

namespace tasker::host {

class ScratchFolder {
  public:
    // Below TMPDIR, 0700. Throws BootstrapError.
    ScratchFolder();
    ~ScratchFolder();
    ScratchFolder(const ScratchFolder&) = delete;
    ScratchFolder& operator=(const ScratchFolder&) = delete;
    const std::filesystem::path& path() const { return path_; }

  private:
    std::filesystem::path path_;
};

}  // namespace tasker::host
