#include "host/process/exit_code.hpp"

namespace tasker::host {

std::string_view exit_code_help() {
    return "Exit codes:\n"
           "  0   done\n"
           "  1   the operation failed (a task that ended badly, an error during shutdown)\n"
           "  2   usage or configuration\n"
           "  3   bootstrap or validation failed\n"
           "  4   unexpected error during start\n"
           "  5   unhandled error\n"
           "  6   forced stop, work handed back\n"
           "  7   store damaged or not ours, left untouched\n"
           "  8   host or database not reachable\n"
           "  9   timed out\n"
           "  10  not found\n"
           "  11  refused (duplicate, permission, state)\n";
}

}  // namespace tasker::host
