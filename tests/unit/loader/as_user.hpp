#pragma once
// Runs a piece of a test as an ordinary user, because root passes every permission check.

#include <grp.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <functional>
#include <stdexcept>
#include <string>

namespace tasker::host::testing {

inline constexpr unsigned kNobody = 65534;

// The text that `body` returns, from a child process of user and group `kNobody` when the test runs as root.
inline std::string as_nobody(const std::function<std::string()>& body) {
    if (geteuid() != 0) return body();
    std::array<int, 2> ends{};
    if (pipe(ends.data()) != 0) throw std::runtime_error("no pipe");
    const pid_t child = fork();
    if (child == 0) {
        close(ends[0]);
        std::string text = "cannot become an ordinary user";
        if (setgroups(0, nullptr) == 0 && setgid(kNobody) == 0 && setuid(kNobody) == 0) text = body();
        const auto put = write(ends[1], text.data(), text.size());
        _exit(put == static_cast<ssize_t>(text.size()) ? 0 : 1);
    }
    close(ends[1]);
    std::string text;
    std::array<char, 4096> chunk{};
    for (ssize_t got = 0; (got = read(ends[0], chunk.data(), chunk.size())) > 0;) {
        text.append(chunk.data(), static_cast<std::size_t>(got));
    }
    close(ends[0]);
    int status = 0;
    waitpid(child, &status, 0);
    return status == 0 ? text : "child died: " + text;
}

}  // namespace tasker::host::testing
