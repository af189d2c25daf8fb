#pragma once
// Failures (disk, database, configuration) are exceptions; outcomes of the domain are values; bugs abort.
// A message says what was attempted, on what, and what to do about it: it is shown to people as it is.

#include <stdexcept>
#include <string>
#include <utility>

namespace tasker::host {

class Error : public std::runtime_error {
  public:
    explicit Error(const std::string& message, std::string hint = {})
        : std::runtime_error(message), hint_(std::move(hint)) {}
    // What to do next, in one sentence; empty when the message says it all.
    const std::string& hint() const noexcept { return hint_; }

  private:
    std::string hint_;
};

// A wrong flag, environment variable, configuration value or file: exit code 2.
class ConfigError : public Error {
    using Error::Error;
};
// The worker cannot start for a reason outside of its configuration (state dir, lock, database): exit code 3.
class BootstrapError : public Error {
    using Error::Error;
};
// The store is damaged, newer than this build, or not ours; it was not modified: exit code 7.
class StoreRefused : public Error {
    using Error::Error;
};
// The store failed while running (disk full, I/O error). Retrying later may help.
class StoreUnavailable : public Error {
    using Error::Error;
};
// A plugin file that cannot be used. Never stops the other plugins.
class PluginError : public Error {
    using Error::Error;
};

}  // namespace tasker::host
