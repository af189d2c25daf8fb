#include "host/process/command_runner.hpp"

#if defined(__SANITIZE_ADDRESS__)
// The sanitizer's guess at where the thread-local blocks of plugins begin can be wrong, and its leak checker then reads what
// is not there.
extern "C" const char* __asan_default_options();
extern "C" const char* __asan_default_options() { return "intercept_tls_get_addr=0"; }
#endif

int main(int argc, char** argv) { return tasker::host::run_process(argc, argv); }
