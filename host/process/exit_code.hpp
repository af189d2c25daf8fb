#pragma once
// The exit codes of tasker-host: the only list. Printed in --help.

#include <string_view>

namespace tasker::host {

enum class ExitCode : int {
    Done = 0,
    Failed = 1,           // the operation failed: a task that ended badly, an error during shutdown
    Usage = 2,            // usage or configuration
    Bootstrap = 3,        // bootstrap or validation failed
    StartUnexpected = 4,  // unexpected error during start
    Unhandled = 5,        // unhandled error
    HandedBack = 6,       // forced stop, work handed back
    StoreRefused = 7,     // store damaged or not ours, left untouched
    Unreachable = 8,      // host or database not reachable
    TimedOut = 9,
    NotFound = 10,
    Refused = 11,  // duplicate, permission, state
};

// The same list for people.
std::string_view exit_code_help();

}  // namespace tasker::host
