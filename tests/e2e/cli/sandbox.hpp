#pragma once
// A user's machine: a state dir, a templates folder, the shipped plugins, and the program.

#include <doctest/doctest.h>

#include <chrono>
#include <filesystem>
#include <memory>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "tests/support/child_process.hpp"
#include "tests/support/eventually.hpp"
#include "tests/support/temp_dir.hpp"

namespace tasker::host::e2e {

using namespace std::chrono_literals;
using nlohmann::json;
using Arguments = std::vector<std::string>;
using testing::ChildProcess;
using testing::eventually;
using testing::ExitStatus;
using testing::Finished;

// Far beyond what anything takes; only a stuck program reaches it.
inline constexpr std::chrono::milliseconds kPatience = 60s;
// The two seconds within which a worker ends that must end. Sanitized programs are several times slower.
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
inline constexpr bool kSanitized = true;  // its handlers tell crashes in their own way
#else
inline constexpr bool kSanitized = false;
#endif
inline constexpr std::chrono::milliseconds kSoon = kSanitized ? 8s : 2s;
inline constexpr const char* kReady = "Worker ready and processing tasks";
inline constexpr const char* kUnknownTask = "01900000-0000-7000-8000-000000000000";

class Sandbox {
  public:
    // With the shipped templates and plugins, and the test's slow ones (namespace `slow`: hold, hung).
    Sandbox();

    std::filesystem::path path(const std::string& name) const { return folder_ / name; }
    std::filesystem::path write(const std::string& name, const std::string& content) const;
    void set(const std::string& name, const std::string& value);
    void unset(const std::string& name);

    testing::ChildOptions command(const Arguments& arguments) const;
    Finished run(const Arguments& arguments, std::chrono::milliseconds limit = kPatience) const;
    // Requires the exit code and, with --json, the one document.
    json document(Arguments arguments, int exit = 0) const;

    std::unique_ptr<ChildProcess> start(const Arguments& arguments) const;
    // A worker that is ready.
    std::unique_ptr<ChildProcess> worker(const Arguments& arguments = {"--all-namespaces"}) const;

    // Submits a slow task that `release(label)` lets go on; gives its UUID.
    std::string submit_slow(const std::string& name, const std::string& label,
                            const Arguments& more = {}) const;
    void release(const std::string& label) const { write("release-" + label, ""); }
    // The lines that the slow handlers have written: "label attempt".
    std::vector<std::string> journal() const;
    // Waits for that many starts.
    bool started(std::size_t times) const;

  private:
    testing::TempDir folder_;
    std::vector<std::string> env_;
};

// Stops it and requires that exit code.
void stop(ChildProcess& worker, int exit = 0, int signal = SIGTERM);

// One JSON value, on one line, without a blank outside strings, and nothing else. Empty: that is so.
std::string document_fault(const std::string& text);
// What a program must never write for its user.
bool has_crash_text(const std::string& text);

const json& step(const json& task, const std::string& name);
std::vector<std::string> lines(const std::string& text);
std::string trimmed(std::string text);
std::string read_file(const std::filesystem::path& path);

}  // namespace tasker::host::e2e
