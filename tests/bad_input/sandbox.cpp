#include "tests/bad_input/sandbox.hpp"

#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <algorithm>
#include <fstream>
#include <sstream>

#include "tests/support/eventually.hpp"

namespace tasker::host::bad_input {

namespace fs = std::filesystem;
using testing::ChildOptions;
using testing::ChildProcess;
using testing::Finished;

namespace {

constexpr int kNobody = 65534;
constexpr std::size_t kMaxShown = 4000;

bool listens(const fs::path& socket_path) {
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    const std::string path = socket_path.string();
    if (path.size() >= sizeof address.sun_path) return false;
    std::copy(path.begin(), path.end(), address.sun_path);
    const testing::OwnedFd fd(socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
    return connect(fd.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0;
}

std::string in_sandbox(std::string text, const Sandbox& sandbox) {
    for (auto at = text.find("{DIR}"); at != std::string::npos; at = text.find("{DIR}")) {
        text.replace(at, 5, sandbox.path("").parent_path().string());
    }
    return text;
}

}  // namespace

Sandbox::Sandbox() {
    for (const char* part : {"state", "plugins", "templates"}) {
        fs::create_directories(path(part));
        fs::permissions(path(part), fs::perms::owner_all);
    }
    env_ = {"PATH=/usr/bin:/bin", "LANG=C", "HOME=" + folder_.path().string()};
    set("TASKER_STATE_DIR", path("state").string());
    set("TASKER_PLUGIN_PATH", path("plugins").string());
    set("TASKER_TEMPLATE_PATH", path("templates").string());
}

fs::path Sandbox::write(const std::string& name, const std::string& content) const {
    const fs::path file = folder_.write(name, content);
    fs::permissions(file, fs::perms::owner_read | fs::perms::owner_write | fs::perms::group_read |
                              fs::perms::others_read);
    return file;
}

void Sandbox::set(const std::string& name, const std::string& value) {
    std::erase_if(env_, [&](const std::string& entry) { return entry.rfind(name + "=", 0) == 0; });
    env_.push_back(name + "=" + value);
}

void Sandbox::drop_privileges() {
    if (geteuid() != 0) return;
    dropped_ = true;
    const auto give = [](const fs::path& what) {
        if (lchown(what.c_str(), kNobody, kNobody) != 0) throw std::runtime_error("lchown " + what.string());
    };
    give(folder_.path());
    for (const auto& entry : fs::recursive_directory_iterator(folder_.path())) give(entry.path());
}

ChildOptions Sandbox::host(const Arguments& arguments) const {
    ChildOptions options;
    if (dropped_) options.argv = {"setpriv", "--reuid=65534", "--regid=65534", "--clear-groups"};
    options.argv.emplace_back(TASKER_BINARY_DIR "/bin/tasker-host");
    for (const std::string& argument : arguments) options.argv.push_back(in_sandbox(argument, *this));
    options.env = env_;
    options.cwd = folder_.path();
    return options;
}

Finished Sandbox::run(const Arguments& arguments, std::chrono::milliseconds limit) const {
    return testing::run_child(host(arguments), limit);
}

std::unique_ptr<ChildProcess> Sandbox::start_worker(const Arguments& arguments) const {
    Arguments all{"worker", "--all-namespaces"};
    all.insert(all.end(), arguments.begin(), arguments.end());
    auto worker = std::make_unique<ChildProcess>(host(all));
    const bool up =
        testing::eventually(60s, [&] { return !worker->running() || listens(path("state/api.sock")); });
    if (!up || !worker->running()) FAIL("the worker did not come up: ", worker->err());
    return worker;
}

void Sandbox::install(const std::string& built, const std::string& name) const {
    const fs::path target = path("plugins/" + name);
    fs::copy_file(built, target, fs::copy_options::overwrite_existing);
    fs::permissions(target, fs::perms::owner_read | fs::perms::owner_write | fs::perms::group_read |
                                fs::perms::others_read);
}

std::string Sandbox::submit(const std::string& template_name, const std::string& context) const {
    const Finished created = run({"task", "create", template_name, "--context", context});
    if (created.status.code != 0) FAIL("task create: ", created.err);
    std::string uuid = created.out;
    while (!uuid.empty() && (uuid.back() == '\n' || uuid.back() == ' ')) uuid.pop_back();
    return uuid;
}

std::string Sandbox::wait(const std::string& task, const std::string& timeout) const {
    return run({"task", "wait", task, "--json", "--timeout", timeout}, 120s).out;
}

void check_rows(const std::vector<Row>& rows) {
    for (const Row& row : rows) {
        Sandbox sandbox;
        if (row.prepare) row.prepare(sandbox);
        const Finished done = sandbox.run(row.arguments);
        const std::string name = "row " + std::to_string(row.number) + ", " + row.what;
        const std::string said = done.out + done.err;
        CHECK_MESSAGE(done.status.code == row.exit, name, ": exit ", done.status.code, " signal ",
                      done.status.signal, ", expected ", row.exit, "; said:\n", said.substr(0, kMaxShown));
        for (const std::string& part : row.says) {
            CHECK_MESSAGE(said.find(in_sandbox(part, sandbox)) != std::string::npos, name, ": did not say '",
                          in_sandbox(part, sandbox), "' but:\n", said.substr(0, kMaxShown));
        }
        for (const std::string& part : row.not_said) {
            CHECK_MESSAGE(said.find(part) == std::string::npos, name, ": said '", part, "'");
        }
    }
}

std::string one_step(const std::string& name, const std::string& callable, const std::string& extra) {
    return "name: " + name +
           "\nnamespace_name: bad\nversion: 1.0.0\nidentity_strategy: always_unique\nsteps:\n" +
           "  - name: only\n    handler:\n      callable: " + callable + "\n" + extra;
}

std::string read_file(const fs::path& path) {
    std::ifstream file(path, std::ios::binary);
    std::ostringstream text;
    text << file.rdbuf();
    return text.str();
}

}  // namespace tasker::host::bad_input
