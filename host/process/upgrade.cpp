#include "host/process/upgrade.hpp"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/mman.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <charconv>
#include <cstring>
#include <fstream>
#include <iterator>
#include <nlohmann/json.hpp>
#include <vector>

#include "host/core/error.hpp"
#include "host/core/owned_fd.hpp"
#include "host/core/spawn.hpp"
#include "host/supervisor/child_process.hpp"

namespace tasker::host {

namespace {
constexpr std::int64_t kTestWithinMs = 10'000;
constexpr std::size_t kMostBytes = 1U << 20U;
constexpr off_t kMostHandover = off_t{64} << 20U;

// All that a program prints, until it has ended or its time is over.
std::string said(ChildProcess& child, int output, const Clock& clock, std::optional<ChildEnd>& end) {
    std::string text;
    const std::int64_t until = clock.steady_ms() + kTestWithinMs;
    while (!(end = child.reap()) && clock.steady_ms() < until && text.size() < kMostBytes) {
        std::array<pollfd, 2> both{{{output, POLLIN, 0}, {child.end_fd(), POLLIN, 0}}};
        ::poll(both.data(), both.size(), 100);
        std::array<char, 4096> some;
        if ((both[0].revents & POLLIN) == 0) continue;
        const auto got = ::read(output, some.data(), some.size());
        if (got > 0) text.append(some.data(), static_cast<std::size_t>(got));
    }
    std::array<char, 4096> rest;
    for (ssize_t got = 0; end && (got = ::read(output, rest.data(), rest.size())) > 0;)
        text.append(rest.data(), static_cast<std::size_t>(got));
    return text;
}

std::vector<std::string> own_arguments() {
    std::ifstream file("/proc/self/cmdline", std::ios::binary);
    std::vector<std::string> all;
    for (std::string one; std::getline(file, one, '\0');) all.push_back(one);
    return all;
}

}  // namespace

std::optional<std::string> upgrade_fault(const std::filesystem::path& program,
                                         const std::map<std::string, std::string>& environment,
                                         const Clock& clock, Random& random) {
    std::array<int, 2> ends{};
    if (::pipe2(ends.data(), O_CLOEXEC | O_NONBLOCK) != 0) return std::strerror(errno);
    const OwnedFd ours(ends[0]);
    OwnedFd theirs(ends[1]);
    try {
        ChildProcess child({program, {"version", "--json"}, environment, theirs.get()}, random.next());
        theirs.reset();
        std::optional<ChildEnd> end;
        const std::string text = said(child, ours.get(), clock, end);
        if (!end) return "it does not answer `version` in time";
        if (!end->exited || end->code != 0) return "it ended with " + end->text();
        const auto document = nlohmann::json::parse(text, nullptr, false);
        if (!document.is_object() || document.value("name", "") != "tasker-host")
            return "it is no tasker-host";
        if (document.value("handover", 0) != kHandoverVersion)
            return "version " + document.value("version", "?") +
                   " takes over in another format; stop this one and start that one";
    } catch (const Error& error) {
        return error.what();
    }
    return std::nullopt;
}

std::string become(const std::filesystem::path& program, std::map<std::string, std::string> environment,
                   const Handover& handover) {
    const OwnedFd state(::memfd_create("tasker-handover", 0));
    const std::string text = to_json(handover);
    for (std::size_t at = 0; state && at < text.size();) {
        const auto wrote = ::write(state.get(), text.data() + at, text.size() - at);
        if (wrote < 0 && errno == EINTR) continue;
        if (wrote <= 0) return std::strerror(errno);
        at += static_cast<std::size_t>(wrote);
    }
    if (!state) return std::strerror(errno);
    environment[kHandoverFd] = std::to_string(state.get());
    std::vector<std::string> lines;
    for (const auto& [name, value] : environment) lines.push_back(name + "=" + value);
    std::vector<std::string> arguments = own_arguments();
    ::execve(program.c_str(), null_ended(arguments).data(), null_ended(lines).data());
    return std::strerror(errno);
}

std::optional<Handover> inherited_handover(const std::map<std::string, std::string>& environment) {
    const auto found = environment.find(kHandoverFd);
    if (found == environment.end()) return std::nullopt;
    int number = -1;
    const auto [end, fault] =
        std::from_chars(found->second.data(), found->second.data() + found->second.size(), number);
    if (fault != std::errc{} || number < 3) throw Error(std::string(kHandoverFd) + " is no descriptor");
    const OwnedFd state(number);
    const off_t size = ::lseek(number, 0, SEEK_END);
    std::string text(size > 0 && size <= kMostHandover ? static_cast<std::size_t>(size) : 0, '\0');
    if (text.empty() || ::pread(number, text.data(), text.size(), 0) != size)
        throw Error("what the program before has left cannot be read");
    auto handover = handover_from(text);
    if (!handover) throw Error("what the program before has left is not understood");
    return handover;
}

}  // namespace tasker::host
