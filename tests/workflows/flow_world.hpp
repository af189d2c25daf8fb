#pragma once
// A worker with every template and plugin of this folder, over an engine in a folder of its own and a clock that the test
// moves. Nothing runs before run(): what a submission makes by itself can be looked at.

#include <doctest/doctest.h>

#include <memory>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "host/templates/template_loader.hpp"
#include "host/worker/worker.hpp"
#include "tests/support/eventually.hpp"
#include "tests/support/manual_clock.hpp"
#include "tests/support/temp_dir.hpp"

namespace tasker::host::flows {

using nlohmann::json;
using Names = std::vector<std::string>;

// The folder of this suite's files.
std::filesystem::path files(const std::string& name);
LoadedTemplates templates_of(const std::vector<std::filesystem::path>& roots,
                             const std::string& environment = "test");

struct WorldOptions {
    std::vector<std::filesystem::path> templates = {files("templates")};
    std::string environment = "test";
    std::map<std::string, unsigned> handler_concurrency = {};
};

class FlowWorld {
  public:
    explicit FlowWorld(const WorldOptions& options = {});

    // Fails the test when it is refused.
    Uuid submit(const std::string& namespace_name, const std::string& name,
                const json& context = json::object());
    SubmitOutcome try_submit(const std::string& namespace_name, const std::string& name, const json& context);
    // Until the task has ended, or nothing more can be done for it; time goes on to where its retries are due.
    TaskView run(const Uuid& task);
    TaskView view(const Uuid& task);

    // The handler's own result of a step, null when the step was not made.
    json result(const Uuid& task, const std::string& step);
    // All of what is stored of a step's last attempt.
    json envelope(const Uuid& task, const std::string& step);
    json error(const Uuid& task, const std::string& step) { return envelope(task, step)["error"]; }
    // One for each attempt that was answered, the first one first.
    std::vector<json> attempts(const Uuid& task, const std::string& step);
    StepView step(const Uuid& task, const std::string& step);
    Names step_names(const Uuid& task);  // sorted

    Worker& worker() { return *started_.worker; }
    testing::ManualClock& clock() { return clock_; }
    const std::filesystem::path& folder() const { return folder_.path(); }

  private:
    testing::TempDir folder_;
    testing::ManualClock clock_;
    Bootstrapped started_;
};

}  // namespace tasker::host::flows
