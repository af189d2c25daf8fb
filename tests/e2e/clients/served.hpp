#pragma once
// A worker that serves the REST API over TCP, and where the clients are.

#include <filesystem>
#include <functional>
#include <memory>
#include <optional>
#include <string>

#include "tests/e2e/cli/sandbox.hpp"

namespace tasker::host::e2e {

class Served {
  public:
    // With a token when one is given. `prepare` is called before the worker starts.
    explicit Served(const std::string& token = {}, const std::function<void(Sandbox&)>& prepare = {});

    Sandbox& sandbox() { return sandbox_; }
    const std::string& url() const { return url_; }  // "http://127.0.0.1:41234"
    // Runs a program that is told of the host by the variables that Tasker's clients read.
    Finished run(const std::filesystem::path& program, const Arguments& arguments,
                 const Arguments& environment = {}, std::chrono::milliseconds limit = kPatience) const;
    void start_worker();
    void stop_worker() { stop(*worker_); }

  private:
    Sandbox sandbox_;
    std::unique_ptr<ChildProcess> worker_;
    std::string url_;
};

// A file below TASKER_CLIENTS_CACHE; nothing when it is not there, which is said in a line that ctest knows as a skip.
std::optional<std::filesystem::path> client(const std::string& file);

}  // namespace tasker::host::e2e
