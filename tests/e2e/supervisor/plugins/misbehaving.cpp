// A handler that misbehaves as its task's input says, and one that does not. Built twice: MISBEHAVES, and a build of the
// same name that always behaves. Each start appends a line to the file `journal`.

#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <sched.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cerrno>
#include <cfenv>
#include <clocale>
#include <csetjmp>
#include <csignal>
#include <cstdlib>
#include <cstring>
#include <exception>
#include <filesystem>
#include <fstream>
#include <functional>
#include <iostream>
#include <map>
#include <mutex>
#include <stdexcept>
#include <string>
#include <string_view>
#include <tasker/sdk.hpp>
#include <thread>
#include <vector>

namespace {
using Act = std::function<void(tasker::StepContext&)>;

// What the optimizer knows nothing of.
template <class T>
T unknown(T value) {
    volatile T kept = value;
    return kept;
}

[[gnu::noinline]] int deeper(volatile char* before, int depth) {
    volatile char here[4096];  // NOLINT: an array<> has no volatile access
    here[0] = before == nullptr ? '\0' : before[0];
    return depth < 0 ? here[0] : deeper(here, depth + 1) + here[0];
}

void throw_it() { throw std::runtime_error("out of noexcept"); }
void let_nothing_out() noexcept { unknown (&throw_it)(); }

void raise_it(int signal) { ::syscall(SYS_tgkill, ::getpid(), ::syscall(SYS_gettid), signal); }

[[gnu::noinline]] void write_beyond_an_array() {
    char here[16] = {};
    char* const at = unknown(&here[0]);
    for (int i = 0; i < unknown(64); ++i) at[i] = 'x';
    std::cerr << here[0];
}

void leak() {
    constexpr std::size_t kBytes = std::size_t{10} << 20U, kPage = 4096;
    auto* const all = static_cast<volatile char*>(std::malloc(kBytes));
    for (std::size_t i = 0; i < kBytes; i += kPage) all[i] = 'x';
}

std::jmp_buf elsewhere;
[[gnu::noinline]] void leave_a_mark() {
    if (setjmp(elsewhere) != 0) std::abort();
}

void read_beyond_a_file() {
    const int fd = ::memfd_create("short", 0);
    auto* page = static_cast<volatile char*>(::mmap(nullptr, 4096, PROT_READ, MAP_PRIVATE, fd, 0));
    std::cerr << page[0];
}

void hang(tasker::StepContext&) {
    while (true) ::poll(nullptr, 0, 1000);
}

void write_much() {
    const std::string line(1023, 'x');
    for (int i = 0; i < 100 * 1024; ++i) std::cout << line << '\n';
    std::cout.flush();
}

void leave_threads() {
    for (int i = 0; i < 100; ++i) std::thread([] { ::poll(nullptr, 0, -1); }).detach();
}

void open_all() {
    while (::open("/dev/null", O_RDONLY | O_CLOEXEC) >= 0) {
    }
}

void block_signals() {
    sigset_t all;
    sigfillset(&all);
    ::pthread_sigmask(SIG_BLOCK, &all, nullptr);
}

void ignore_signals() {
    for (const int one : {SIGTERM, SIGINT, SIGHUP, SIGPIPE, SIGCHLD, SIGUSR1, SIGALRM})
        std::signal(one, SIG_IGN);
}

void forget_signals() {
    for (int one = 1; one < 32; ++one) std::signal(one, SIG_DFL);
}

void limit(int what, rlim_t to) {
    const rlimit none{to, RLIM_INFINITY};
    ::setrlimit(static_cast<__rlimit_resource>(what), &none);
}

void lock_twice() {
    static std::mutex mutex;
    mutex.lock();
    mutex.lock();
}

// The process is the same one, so that it ends as this does.
void become_another() { ::execl("/bin/true", "true", nullptr); }

[[maybe_unused]] const std::map<std::string, Act, std::less<>>& acts() {
    static const std::map<std::string, Act, std::less<>> all{
        // Ends the process, on the thread that runs the handler.
        {"null", [](auto&) { *unknown<volatile int*>(nullptr) = 1; }},
        {"wild", [](auto&) { *unknown(reinterpret_cast<volatile int*>(std::uintptr_t{0x5555})) = 1; }},
        {"call-null", [](auto&) { unknown<void (*)()>(nullptr)(); }},
        {"overflow", [](auto&) { std::cerr << deeper(nullptr, unknown(0)); }},
        {"bus", [](auto&) { read_beyond_a_file(); }},
        {"divide", [](auto&) { std::cerr << 7 / unknown(0); }},
        {"illegal", [](auto&) { __builtin_trap(); }},
        {"abort", [](auto&) { std::abort(); }},
        {"terminate", [](auto&) { std::terminate(); }},
        {"noexcept", [](auto&) { let_nothing_out(); }},
        {"smash", [](auto&) { write_beyond_an_array(); }},
        {"double-free",
         [](auto&) {
             void* const one = std::malloc(100'000);
             void* const again = unknown(one);
             std::free(one);
             std::free(again);
         }},
        {"free-stack",
         [](auto&) {
             int here = 0;
             std::free(unknown(&here));
         }},
        {"raise-segv", [](auto&) { std::raise(SIGSEGV); }},
        {"raise-trap", [](auto&) { std::raise(SIGTRAP); }},
        {"raise-sys", [](auto&) { std::raise(SIGSYS); }},
        {"exit", [](auto&) { std::exit(0); }},
        {"quick-exit", [](auto&) { std::quick_exit(0); }},
        {"_exit", [](auto&) { ::_exit(0); }},
        {"_Exit", [](auto&) { std::_Exit(0); }},
        {"pthread_exit", [](auto&) { ::pthread_exit(nullptr); }},
        {"pthread_cancel",
         [](auto&) {
             ::pthread_cancel(::pthread_self());
             ::pthread_testcancel();
         }},
        {"longjmp",
         [](auto&) {
             leave_a_mark();
             std::longjmp(elsewhere, 1);
         }},
        {"stack-gone",
         [](auto&) {
             int here = 0;
             const auto page = reinterpret_cast<std::uintptr_t>(&here) & ~std::uintptr_t{4095};
             ::munmap(reinterpret_cast<void*>(page - 64 * 4096), std::size_t{64} * 4096);
             std::cerr << unknown(here);
         }},
        // Ends the process, and nobody can say whose fault that is.
        {"kill", [](auto&) { ::kill(::getpid(), SIGKILL); }},
        {"exec", [](auto&) { become_another(); }},
        {"alarm", [](auto&) { raise_it(SIGALRM); }},
        {"thread-aborts", [](auto&) { std::thread([] { throw std::runtime_error("in a thread"); }).join(); }},
        {"stop", [](auto&) { std::raise(SIGSTOP); }},
        // The step fails.
        {"throw", [](auto&) { throw std::runtime_error("no luck"); }},
        {"throw-number", [](auto&) { throw 42; }},
        {"throw-null", [](auto&) { throw static_cast<const char*>(nullptr); }},
        {"allocate",
         [](auto&) {
             const std::vector<char> much(unknown(std::size_t{1} << 46U), 'x');
             std::cerr << much.size();
         }},
        {"hang", hang},
        {"spin",
         [](auto&) {
             while (unknown(true)) {
             }
         }},
        {"deadlock", [](auto&) { lock_twice(); }},
        // The step ends well, and leaves its process in a bad state.
        {"close", [](auto&) { ::close_range(3, ~0U, 0); }},
        {"close-standard", [](auto&) { ::close_range(0, 2, 0); }},
        {"fork",
         [](auto&) {
             if (::fork() == 0) ::poll(nullptr, 0, -1);
         }},
        {"fork-returns", [](auto&) { static_cast<void>(::fork()); }},
        {"fork-throws",
         [](auto&) {
             if (::fork() == 0) throw std::runtime_error("in the child");
         }},
        {"fork-exit",
         [](auto&) {
             if (::fork() == 0) ::_exit(0);
         }},
        {"chdir",
         [](auto&) {
             if (::chdir("/proc/self/fd") != 0) throw std::runtime_error("chdir");
         }},
        {"locale", [](auto&) { std::setlocale(LC_ALL, "C.UTF-8"); }},
        {"rounding", [](auto&) { std::fesetround(FE_UPWARD); }},
        {"float-traps", [](auto&) { ::feenableexcept(FE_ALL_EXCEPT & ~FE_INEXACT); }},
        {"umask", [](auto&) { ::umask(0777); }},
        {"environment", [](auto&) { ::clearenv(); }},
        {"output", [](auto&) { write_much(); }},
        {"threads", [](auto&) { leave_threads(); }},
        {"files", [](auto&) { open_all(); }},
        {"block-signals", [](auto&) { block_signals(); }},
        {"ignore-signals", [](auto&) { ignore_signals(); }},
        {"forget-signals", [](auto&) { forget_signals(); }},
        {"no-files", [](auto&) { limit(RLIMIT_NOFILE, 0); }},
        {"no-writes", [](auto&) { limit(RLIMIT_FSIZE, 0); }},
        {"leak", [](auto&) { leak(); }},
        {"nice", [](auto&) { ::setpriority(PRIO_PROCESS, 0, 19); }},
        {"undumpable", [](auto&) { ::prctl(PR_SET_DUMPABLE, 0); }},
        {"rename-threads", [](auto&) { ::prctl(PR_SET_NAME, "tasker-host"); }},
        {"no-terminate", [](auto&) { std::set_terminate([] { std::_Exit(0); }); }},
        {"kill-group", [](auto&) { ::kill(0, SIGUSR2); }},
    };
    return all;
}

class Misbehave : public tasker::StepHandler {
  public:
    static constexpr std::string_view handler_name = "misbehave.act";
    tasker::StepHandlerResult call(tasker::StepContext& context) override {
        std::ofstream(context.require_input<std::string>("journal"), std::ios::app) << '.' << std::endl;
        const std::string ready = context.get_input_or("ready", std::string{});
        while (!ready.empty() && !std::filesystem::exists(ready)) ::poll(nullptr, 0, 2);
#ifdef MISBEHAVES
        acts().at(context.require_input<std::string>("how"))(context);
        return success({{ "survived", true }});
#else
        return success({{"behaved", true}});
#endif
    }
};

class Wait : public tasker::StepHandler {
  public:
    static constexpr std::string_view handler_name = "misbehave.wait";
    tasker::StepHandlerResult call(tasker::StepContext& context) override {
        std::ofstream(context.require_input<std::string>("ready")) << '.';
        const auto release = context.require_input<std::string>("release");
        while (!std::filesystem::exists(release)) ::poll(nullptr, 0, 2);
        return success({{"waited", true}});
    }
};

}  // namespace

TASKER_PLUGIN("misbehaving", "1.0.0", Misbehave, Wait);
