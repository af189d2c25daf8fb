// Steps that leave a trace outside of the store: every run appends "STEP ATTEMPT PID begin|end|fail NONCE" to the file
// named by TASKER_CHAOS_LEDGER, synced before it goes on. The result carries the nonce of its run.

#include <fcntl.h>
#include <unistd.h>

#include <array>
#include <cstdlib>
#include <functional>
#include <random>
#include <string>
#include <string_view>
#include <tasker/sdk.hpp>

namespace {

std::string new_nonce() {
    static thread_local std::mt19937_64 engine{std::random_device{}()};
    constexpr std::string_view kHex = "0123456789abcdef";
    std::string nonce(24, '0');
    for (char& digit : nonce) digit = kHex[engine() % kHex.size()];
    return nonce;
}

void append(const tasker::StepContext& context, std::string_view what, const std::string& nonce) {
    const char* path = std::getenv("TASKER_CHAOS_LEDGER");
    if (path == nullptr) throw tasker::PermanentError("TASKER_CHAOS_LEDGER is not set");
    // Begins a line of its own: what a kill tore off in the middle of a write stays alone.
    const std::string line = '\n' + std::string(context.step_uuid()) + ' ' +
                             std::to_string(context.attempt()) + ' ' + std::to_string(getpid()) + ' ' +
                             std::string(what) + ' ' + nonce + '\n';
    const int fd = open(path, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0600);
    // One write: lines of several threads and processes do not mix.
    const bool written = fd >= 0 && write(fd, line.data(), line.size()) == static_cast<ssize_t>(line.size());
    const bool synced = written && fdatasync(fd) == 0;
    if (fd >= 0) close(fd);
    if (!synced) throw tasker::RetryableError("the ledger cannot be written");
}

class Work : public tasker::StepHandler {
  public:
    static constexpr std::string_view handler_name = "chaos.work";
    static constexpr std::string_view summary = "leaves its trace in the ledger";
    tasker::StepHandlerResult call(tasker::StepContext& context) override {
        const std::string nonce = new_nonce();
        append(context, "begin", nonce);
        append(context, "end", nonce);
        return tasker::StepHandlerResult::success({{"nonce", nonce}});
    }
};

// Fails its first attempt for one step in four.
class Flaky : public tasker::StepHandler {
  public:
    static constexpr std::string_view handler_name = "chaos.flaky";
    static constexpr std::string_view summary = "as chaos.work, with failures that are retried";
    tasker::StepHandlerResult call(tasker::StepContext& context) override {
        const std::string nonce = new_nonce();
        append(context, "begin", nonce);
        if (context.attempt() == 1 && std::hash<std::string>{}(std::string(context.step_uuid())) % 4 == 0) {
            append(context, "fail", nonce);
            throw tasker::RetryableError("the first attempt of this step fails");
        }
        append(context, "end", nonce);
        return tasker::StepHandlerResult::success({{"nonce", nonce}});
    }
};

}  // namespace

TASKER_PLUGIN("chaos_ledger", "1.0.0", Work, Flaky);
