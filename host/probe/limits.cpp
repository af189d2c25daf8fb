#include "host/probe/limits.hpp"

#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/landlock.h>
#include <linux/seccomp.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <csignal>
#include <cstddef>
#include <cstdint>

namespace tasker::host {

namespace {
// Lowering a limit is refused only by a filter of system calls that was put on the host.
void lower(__rlimit_resource which, rlim_t soft, rlim_t hard) {
    rlimit now{};
    if (::getrlimit(which, &now) != 0) return;
    const rlimit wanted{std::min(soft, now.rlim_max), std::min(hard, now.rlim_max)};
    ::setrlimit(which, &wanted);
}

void set_limits() {
    lower(RLIMIT_CPU, 5, 6);
    lower(RLIMIT_CORE, 0, 0);
    lower(RLIMIT_NOFILE, 64, 64);
    lower(RLIMIT_NPROC, 4096, 4096);
#if !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__)
    lower(RLIMIT_AS, rlim_t{2} << 30U, rlim_t{2} << 30U);
#endif
}

// Without Landlock in the kernel nothing happens.
void forbid_writing() {
    landlock_ruleset_attr rules{};
    rules.handled_access_fs = LANDLOCK_ACCESS_FS_WRITE_FILE | LANDLOCK_ACCESS_FS_REMOVE_DIR |
                              LANDLOCK_ACCESS_FS_REMOVE_FILE | LANDLOCK_ACCESS_FS_MAKE_CHAR |
                              LANDLOCK_ACCESS_FS_MAKE_DIR | LANDLOCK_ACCESS_FS_MAKE_REG |
                              LANDLOCK_ACCESS_FS_MAKE_SOCK | LANDLOCK_ACCESS_FS_MAKE_FIFO |
                              LANDLOCK_ACCESS_FS_MAKE_BLOCK | LANDLOCK_ACCESS_FS_MAKE_SYM;
    const long ruleset = ::syscall(SYS_landlock_create_ruleset, &rules, sizeof rules, 0);
    if (ruleset < 0) return;
    ::syscall(SYS_landlock_restrict_self, ruleset, 0);
    ::close(static_cast<int>(ruleset));
}

constexpr std::uint32_t kRefuse = SECCOMP_RET_ERRNO | EPERM;

sock_filter load(std::size_t offset) {
    return {BPF_LD | BPF_W | BPF_ABS, 0, 0, static_cast<std::uint32_t>(offset)};
}
sock_filter skip_unless(std::uint32_t value, std::uint8_t skipped) {
    return {BPF_JMP | BPF_JEQ | BPF_K, 0, skipped, value};
}
sock_filter answer(std::uint32_t value) { return {BPF_RET | BPF_K, 0, 0, value}; }

// setsid() and setpgid() would lead out of the group that is killed at the end; sockets only within the machine.
void forbid_leaving() {
#if defined(__x86_64__)
    std::array<sock_filter, 12> program{{
        /*0*/ load(offsetof(seccomp_data, arch)),
        /*1*/ skip_unless(AUDIT_ARCH_X86_64, 9),
        /*2*/ load(offsetof(seccomp_data, nr)),
        /*3*/ skip_unless(SYS_setsid, 1),
        /*4*/ answer(kRefuse),
        /*5*/ skip_unless(SYS_setpgid, 1),
        /*6*/ answer(kRefuse),
        /*7*/ skip_unless(SYS_socket, 3),
        /*8*/ load(offsetof(seccomp_data, args)),
        /*9*/ {BPF_JMP | BPF_JEQ | BPF_K, 1, 0, AF_UNIX},
        /*10*/ answer(kRefuse),
        /*11*/ answer(SECCOMP_RET_ALLOW),
    }};
    const sock_fprog filter{static_cast<unsigned short>(program.size()), program.data()};
    ::prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &filter);
#endif
}
}  // namespace

bool limit_process() {
    const pid_t parent = ::getppid();
    if (::prctl(PR_SET_PDEATHSIG, SIGKILL) != 0 || ::getppid() != parent) return false;
    ::prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
    set_limits();
    forbid_writing();
    forbid_leaving();
    return true;
}

}  // namespace tasker::host
