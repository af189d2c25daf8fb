#pragma once
// A folder with plugins, templates and a state dir, and the host run in it with nothing else in its environment.

#include <doctest/doctest.h>

#include <chrono>
#include <filesystem>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "tests/support/child_process.hpp"
#include "tests/support/temp_dir.hpp"

namespace tasker::host::bad_input {

using namespace std::chrono_literals;
using Arguments = std::vector<std::string>;

class Sandbox {
  public:
    Sandbox();

    std::filesystem::path path(const std::string& name) const { return folder_ / name; }
    std::filesystem::path write(const std::string& name, const std::string& content) const;
    void set(const std::string& name, const std::string& value);
    // From now on the host runs as somebody who is not root and owns the sandbox. Does nothing when we are not root.
    void drop_privileges();

    testing::ChildOptions host(const Arguments& arguments) const;
    testing::Finished run(const Arguments& arguments, std::chrono::milliseconds limit = 60s) const;
    // Requires that it comes up: its API answers.
    std::unique_ptr<testing::ChildProcess> start_worker(const Arguments& arguments = {}) const;

    // Copies a built plugin into the plugins folder, mode 0644.
    void install(const std::string& built, const std::string& name) const;

    // Submits and waits: the final document. `template_name` is also the callable's.
    std::string submit(const std::string& template_name, const std::string& context = "{}") const;
    std::string wait(const std::string& task, const std::string& timeout = "60s") const;

  private:
    testing::TempDir folder_;
    std::vector<std::string> env_;
    bool dropped_ = false;
};

// One row of the table: what is prepared, what is run, what must come of it.
struct Row {
    int number = 0;
    std::string what;
    Arguments arguments;
    int exit = 0;
    std::vector<std::string> says;  // on standard output or error; {DIR} is the sandbox
    std::function<void(Sandbox&)> prepare = {};
    std::vector<std::string> not_said = {};
};
void check_rows(const std::vector<Row>& rows);

// A template with one step whose callable is `callable`.
std::string one_step(const std::string& name, const std::string& callable, const std::string& extra = {});
std::string read_file(const std::filesystem::path& path);

}  // namespace tasker::host::bad_input
