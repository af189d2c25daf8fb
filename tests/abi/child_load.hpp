#pragma once
// Loads a plugin file in a child process with little time and no core dump, as a host that starts would.

#include <doctest/doctest.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>

#include "host/loader/plugin_notes.hpp"
#include "host/loader/plugin_set.hpp"

namespace tasker::host::testing {

inline std::string plugin_bytes(const std::filesystem::path& file) {
    std::ifstream in(file, std::ios::binary);
    std::string content{std::istreambuf_iterator<char>(in), {}};
    REQUIRE_MESSAGE(content.size() > 4096, file);
    return content;
}

inline bool passes_precheck(const std::string& file, std::string& reason) {
    try {
        precheck_plugin(file);
        return true;
    } catch (const PluginError& error) {
        reason = error.what();
        return false;
    }
}

enum class Ending { Loaded, Refused, Died };

inline Ending load_in_child(const std::filesystem::path& folder, const std::string& content) {
    const auto root = folder / "plugins";
    std::filesystem::create_directories(root);
    std::ofstream(root / "damaged.so", std::ios::binary) << content;
    const pid_t child = fork();
    if (child == 0) {
        // The test framework's handlers would report the child's death as the test's.
        for (const int signal : {SIGSEGV, SIGBUS, SIGABRT, SIGILL, SIGFPE}) std::signal(signal, SIG_DFL);
        const rlimit no_core{0, 0};
        const rlimit little_time{5, 5};
        setrlimit(RLIMIT_CORE, &no_core);
        setrlimit(RLIMIT_CPU, &little_time);
        PluginOptions options;
        options.roots = {root};
        options.cache_dir = folder / "cas";
        const auto loaded = load_plugins(options, Logger{});
        const bool good = loaded.reports.size() == 1 && loaded.reports[0].state == "loaded";
        const bool named = loaded.reports.size() == 1 && !loaded.reports[0].reason.empty();
        _exit(good ? 10 : named ? 11 : 12);
    }
    int status = 0;
    REQUIRE(waitpid(child, &status, 0) == child);
    if (!WIFEXITED(status)) return Ending::Died;
    if (WEXITSTATUS(status) == 10) return Ending::Loaded;
    return WEXITSTATUS(status) == 11 ? Ending::Refused : Ending::Died;
}

}  // namespace tasker::host::testing
