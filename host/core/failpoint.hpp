#pragma once
// Named places where a test build can be told to crash, fail or wait. Empty in a release build.
// TASKER_FAILPOINTS_SET="complete.before_commit=crash;claim.after_commit=error@3" arms them at start
// (@N: only the Nth hit); so does the content of the file that TASKER_FAILPOINTS_FILE names, for processes that start later. Names are listed in failpoint.cpp; an unknown name is refused.

#include <functional>
#include <string_view>

namespace tasker::host {

#ifdef TASKER_FAILPOINTS
inline constexpr bool kFailpointsCompiledIn = true;
// Throws StoreUnavailable for the action `error`, raises SIGKILL for `crash` and SIGSTOP for `stop`, returns otherwise.
void failpoint(std::string_view name);
// Parses the list above; replaces what was armed. Throws ConfigError on an unknown name or action.
void arm_failpoints(std::string_view list);
// Called at each failpoint that is reached, before what is armed there; it may throw. Empty: none.
void watch_failpoints(std::function<void(std::string_view)> watcher);
#else
inline constexpr bool kFailpointsCompiledIn = false;
inline void failpoint(std::string_view) {}
inline void arm_failpoints(std::string_view) {}
#endif

}  // namespace tasker::host
