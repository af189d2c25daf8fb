#include "tests/e2e/cli/sandbox.hpp"

#include <algorithm>
#include <cstdlib>
#include <fstream>
#include <sstream>

namespace tasker::host::e2e {

namespace fs = std::filesystem;

namespace {
constexpr const char* kBuild = TASKER_BINARY_DIR;
constexpr const char* kSource = TASKER_SOURCE_DIR;

std::string slow_template(const std::string& name) {
    return "name: " + name +
           "\nnamespace_name: slow\nversion: \"1.0.0\"\nidentity_strategy: always_unique\nsteps:\n"
           "  - name: only\n    handler:\n      callable: slow." +
           name + "\n    timeout_seconds: 600\n";
}
}  // namespace

Sandbox::Sandbox() {
    for (const char* part : {"state", "work"}) {
        fs::create_directories(path(part));
        fs::permissions(path(part), fs::perms::owner_all);
    }
    write("templates/hold.yaml", slow_template("hold"));
    write("templates/hung.yaml", slow_template("hung"));
    const std::string build = kBuild;
    env_ = {"PATH=/usr/local/bin:/usr/bin:/bin", "LANG=C", "HOME=" + folder_.path().string()};
    // A sanitizer's settings are the machine's, not the user's.
    for (const char* name : {"ASAN_OPTIONS", "LSAN_OPTIONS", "TSAN_OPTIONS", "UBSAN_OPTIONS"}) {
        if (const char* value = std::getenv(name)) set(name, value);
    }
    set("TASKER_STATE_DIR", path("state").string());
    set("TASKER_PLUGIN_PATH", build + "/plugins:" + build + "/tests/e2e-plugins");
    set("TASKER_TEMPLATE_PATH", std::string{kSource} + "/templates:" + path("templates").string());
}

fs::path Sandbox::write(const std::string& name, const std::string& content) const {
    return folder_.write(name, content);
}

void Sandbox::unset(const std::string& name) {
    std::erase_if(env_, [&](const std::string& entry) { return entry.rfind(name + "=", 0) == 0; });
}

void Sandbox::set(const std::string& name, const std::string& value) {
    unset(name);
    env_.push_back(name + "=" + value);
}

testing::ChildOptions Sandbox::command(const Arguments& arguments) const {
    testing::ChildOptions options;
    options.argv = {std::string{kBuild} + "/bin/tasker-host"};
    options.argv.insert(options.argv.end(), arguments.begin(), arguments.end());
    options.env = env_;
    options.cwd = path("work");
    return options;
}

Finished Sandbox::run(const Arguments& arguments, std::chrono::milliseconds limit) const {
    return testing::run_child(command(arguments), limit);
}

json Sandbox::document(Arguments arguments, int exit) const {
    arguments.emplace_back("--json");
    const Finished done = run(arguments);
    std::string said;
    for (const std::string& argument : arguments) said += argument + " ";
    if (done.status.code != exit || !document_fault(done.out).empty()) {
        FAIL(said, "ended with ", done.status.code, ", expected ", exit, "; ", document_fault(done.out), "\n",
             done.out, done.err);
    }
    return json::parse(done.out);
}

std::unique_ptr<ChildProcess> Sandbox::start(const Arguments& arguments) const {
    return std::make_unique<ChildProcess>(command(arguments));
}

std::unique_ptr<ChildProcess> Sandbox::worker(const Arguments& arguments) const {
    Arguments all{"worker"};
    all.insert(all.end(), arguments.begin(), arguments.end());
    auto child = start(all);
    if (!child->wait_for_err(kReady, kPatience)) FAIL("the worker did not come up: ", child->err());
    return child;
}

std::string Sandbox::submit_slow(const std::string& name, const std::string& label,
                                 const Arguments& more) const {
    const json context{{"label", label},
                       {"journal", path("journal").string()},
                       {"release", path("release-" + label).string()}};
    Arguments arguments{"task", "create", name, "--context", context.dump()};
    arguments.insert(arguments.end(), more.begin(), more.end());
    return document(arguments)["task_uuid"];
}

std::vector<std::string> Sandbox::journal() const {
    return fs::exists(path("journal")) ? lines(read_file(path("journal"))) : std::vector<std::string>{};
}

bool Sandbox::started(std::size_t times) const {
    return eventually(kPatience, [&] { return journal().size() >= times; });
}

void stop(ChildProcess& worker, int exit, int signal) {
    worker.signal(signal);
    const auto status = worker.wait(kPatience);
    REQUIRE_MESSAGE(status.has_value(), "the worker did not stop: ", worker.err());
    CHECK_MESSAGE(status->code == exit, "exit ", status->code, " by signal ", status->signal, ": ",
                  worker.err());
}

std::string document_fault(const std::string& text) {
    if (text.empty()) return "nothing was written";
    if (text.back() != '\n') return "the line has no end";
    if (std::count(text.begin(), text.end(), '\n') != 1) return "more than one line";
    if (!json::accept(text)) return "no valid JSON";
    bool quoted = false;
    for (std::size_t i = 0; i + 1 < text.size(); ++i) {
        if (quoted && text[i] == '\\') {
            ++i;
        } else if (text[i] == '"') {
            quoted = !quoted;
        } else if (!quoted && (text[i] == ' ' || text[i] == '\t')) {
            return "not compact";
        }
    }
    return {};
}

bool has_crash_text(const std::string& text) {
    for (const char* mark : {"terminate called", "what():", "Segmentation", "Assertion",
                             "runtime error:", "Sanitizer", "#0 0x", "std::", ".cpp:"}) {
        if (text.find(mark) != std::string::npos) return true;
    }
    return false;
}

const json& step(const json& task, const std::string& name) {
    for (const json& one : task.at("steps")) {
        if (one.at("name") == name) return one;
    }
    throw std::runtime_error("the task has no step " + name);
}

std::vector<std::string> lines(const std::string& text) {
    std::vector<std::string> out;
    std::istringstream in(text);
    for (std::string line; std::getline(in, line);) out.push_back(line);
    return out;
}

std::string trimmed(std::string text) {
    while (!text.empty() && (text.back() == '\n' || text.back() == ' ')) text.pop_back();
    return text;
}

std::string read_file(const fs::path& path) {
    std::ifstream file(path, std::ios::binary);
    std::ostringstream text;
    text << file.rdbuf();
    return text.str();
}

}  // namespace tasker::host::e2e
