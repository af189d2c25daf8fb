#include "tests/e2e/clients/served.hpp"

#include <sys/stat.h>

#include <cstdio>
#include <cstdlib>

namespace tasker::host::e2e {

namespace fs = std::filesystem;

namespace {
std::string environment(const char* name) {
    const char* value = std::getenv(name);
    return value == nullptr ? std::string{} : value;
}

// As scripts/lib/common.sh has it.
fs::path cache() {
    if (const std::string given = environment("TASKER_CLIENTS_CACHE"); !given.empty()) return given;
    std::string base = environment("XDG_CACHE_HOME");
    if (base.empty()) base = (environment("HOME").empty() ? "/var/tmp" : environment("HOME")) + "/.cache";
    return fs::path(base) / "tasker-host/clients";
}
}  // namespace

std::optional<fs::path> client(const std::string& file) {
    const fs::path path = cache() / file;
    if (fs::exists(path)) return path;
    std::printf("SKIPPED: there is no %s; scripts/tasker-clients brings it\n", path.c_str());
    return std::nullopt;
}

Served::Served(const std::string& token, const std::function<void(Sandbox&)>& prepare) {
    sandbox_.set("TASKER_WEB_BIND_ADDRESS", "127.0.0.1:0");
    if (!token.empty()) {
        const fs::path file = sandbox_.write("token", token + "\n");
        ::chmod(file.c_str(), 0600);
        sandbox_.set("TASKER_WEB_TOKEN_FILE", file.string());
    }
    if (prepare) prepare(sandbox_);
    start_worker();
}

void Served::start_worker() {
    worker_ = sandbox_.worker();
    const std::string mark = "REST API: ";
    const std::string& log = worker_->err();
    const auto begin = log.find(mark);
    REQUIRE_MESSAGE(begin != std::string::npos, log);
    const auto from = begin + mark.size();
    url_ = log.substr(from, log.find_first_of(" \"", from) - from);
}

Finished Served::run(const fs::path& program, const Arguments& arguments, const Arguments& more,
                     std::chrono::milliseconds limit) const {
    testing::ChildOptions options = sandbox_.command(arguments);
    options.argv.front() = program.string();
    options.env.push_back("TASKER_ORCHESTRATION_URL=" + url_);
    options.env.push_back("TASKER_WORKER_URL=" + url_);
    options.env.push_back("TASKER_CLIENT_TRANSPORT=rest");
    options.env.insert(options.env.end(), more.begin(), more.end());
    return testing::run_child(options, limit);
}

}  // namespace tasker::host::e2e
