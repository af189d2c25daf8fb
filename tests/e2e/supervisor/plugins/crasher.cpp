// Ends its process as the task's input says, and a neighbour that waits beside it. Each start appends a line to the file
// `journal`.

#include <poll.h>
#include <unistd.h>

#include <csignal>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <string>
#include <string_view>
#include <tasker/sdk.hpp>
#include <thread>

namespace {

int starts(const std::string& journal) {
    std::ifstream file(journal);
    int lines = 0;
    for (std::string line; std::getline(file, line);) ++lines;
    return lines;
}

// What the optimizer cannot turn into a loop.
[[gnu::noinline]] int deeper(volatile char* before, int depth) {
    volatile char here[4096];
    here[0] = before == nullptr ? '\0' : before[0];
    return depth < 0 ? here[0] : deeper(here, depth + 1) + here[0];
}

class Now : public tasker::StepHandler {
  public:
    static constexpr std::string_view handler_name = "crash.now";
    tasker::StepHandlerResult call(tasker::StepContext& context) override {
        const auto how = context.require_input<std::string>("how");
        const auto journal = context.require_input<std::string>("journal");
        // Not before its neighbour runs.
        const auto ready = context.require_input<std::string>("ready");
        while (!std::filesystem::exists(ready)) ::poll(nullptr, 0, 2);
        std::ofstream(journal, std::ios::app) << how << std::endl;
        if (how == "segv") std::raise(SIGSEGV);
        if (how == "wild") *reinterpret_cast<volatile int*>(context.retry_count() + 16) = 1;
        if (how == "abort") std::abort();
        if (how == "thread") std::thread([] { std::abort(); }).join();
        if (how == "overflow") return success({{"depth", deeper(nullptr, 0)}});
        if (how == "exit") std::exit(0);
        // By chance, as it were: not for ever.
        if (how == "kill" && starts(journal) < 2) ::kill(::getpid(), SIGKILL);
        if (how == "quit") ::_exit(0);
        if (how == "close") ::close_range(3, ~0U, 0);
        if (how == "fork" && ::fork() == 0)
            ::poll(nullptr, 0, -1);  // a child that outlives the step, without exec
        return success({{"survived", true}});
    }
};

class Wait : public tasker::StepHandler {
  public:
    static constexpr std::string_view handler_name = "crash.wait";
    tasker::StepHandlerResult call(tasker::StepContext& context) override {
        std::ofstream(context.require_input<std::string>("ready")) << '.';
        const auto release = context.require_input<std::string>("release");
        while (!std::filesystem::exists(release)) ::poll(nullptr, 0, 2);
        return success({{"waited", true}});
    }
};

}  // namespace

TASKER_PLUGIN("crasher", "1.0.0", Now, Wait);
