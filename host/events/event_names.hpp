#pragma once
// The seed's event names. The bridge is typed; the names are for logs and for people who know them from Tasker.

#include <string_view>

namespace tasker::host::event_names {

inline constexpr std::string_view kStepExecutionReceived = "step:execution:received";
inline constexpr std::string_view kPollerError = "poller:error";
inline constexpr std::string_view kPollerStopped = "poller:stopped";

}  // namespace tasker::host::event_names
