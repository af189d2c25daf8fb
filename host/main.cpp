#include <sys/syscall.h>
#include <unistd.h>

#include "host/process/command_runner.hpp"
#include "host/process/crash_watch.hpp"

#if defined(__SANITIZE_ADDRESS__)
// The sanitizer's guess at where the thread-local blocks of plugins begin can be wrong, and its leak checker then reads what
// is not there.
extern "C" const char* __asan_default_options();
extern "C" const char* __asan_default_options() { return "intercept_tls_get_addr=0"; }
#endif

#if !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__)
// A plugin that calls these finds the program's own ones first (the linker exports them), so that the step is named. A
// sanitizer has its own, in the same way.
extern "C" void _exit(int status) {
    tasker::host::record_exit_of_handler();
    ::syscall(SYS_exit_group, status);
    __builtin_unreachable();
}
extern "C" void _Exit(int status) { _exit(status); }
#endif

int main(int argc, char** argv) { return tasker::host::run_process(argc, argv); }
