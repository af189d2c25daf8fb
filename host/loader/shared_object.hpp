#pragma once
// The one place that loads shared objects (Boost.DLL). What is loaded stays mapped until the process ends: unloading
// runs static destructors under live threads, objects and function pointers.

#include <filesystem>
#include <string>

namespace tasker::host {

// Loads with all symbols bound now and none shared with other plugins. `file` is an absolute path. Throws PluginError
// with the system loader's text and what to do about it.
class SharedObject {
  public:
    explicit SharedObject(const std::filesystem::path& file);
    // The address of an exported function. Throws PluginError when there is none.
    void* function(const std::string& symbol) const;

  private:
    const void* library_;  // owned by the list of what was ever loaded
};

// What the system loader's text means for the person who reads it; empty when it says it all.
std::string load_error_hint(const std::string& loader_text);

}  // namespace tasker::host
