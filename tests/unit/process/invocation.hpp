#pragma once
// Runs the command line in this process, with its own environment and what it printed.

#include <fcntl.h>
#include <unistd.h>

#include <fstream>
#include <map>
#include <sstream>
#include <string>
#include <vector>

#include "host/process/command_runner.hpp"
#include "tests/support/temp_dir.hpp"

namespace tasker::host::testing {

struct Ran {
    int code = -1;
    std::string out, err;
};

class Shell {
  public:
    Shell() {
        std::filesystem::create_directories(dir_ / "cwd");
        std::filesystem::create_directories(dir_ / "bin");
        environment = {{"HOME", dir_.path().string()},
                       {"TASKER_STATE_DIR", (dir_ / "state").string()},
                       {"USER", "tester"}};
    }

    Ran run(const std::vector<std::string>& arguments) {
        Ran ran;
        {
            const File out(dir_ / "out"), err(dir_ / "err");
            Output to_out(out.fd), to_err(err.fd);
            ran.code = run_invocation({arguments, environment, dir_ / "cwd", dir_ / "bin/tasker-host"},
                                      to_out, to_err);
        }
        ran.out = text(dir_ / "out");
        ran.err = text(dir_ / "err");
        return ran;
    }
    void write(const std::string& name, const std::string& content) const {
        dir_.write("cwd/" + name, content);
    }
    std::filesystem::path path(const std::string& name) const { return dir_ / ("cwd/" + name); }
    const TempDir& dir() const { return dir_; }

    std::map<std::string, std::string> environment;

  private:
    struct File {
        explicit File(const std::filesystem::path& path)
            : fd(::open(path.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600)) {}
        ~File() { ::close(fd); }
        File(const File&) = delete;
        File& operator=(const File&) = delete;
        int fd;
    };
    static std::string text(const std::filesystem::path& path) {
        std::ifstream in(path, std::ios::binary);
        std::ostringstream out;
        out << in.rdbuf();
        return out.str();
    }

    TempDir dir_;
};

}  // namespace tasker::host::testing
