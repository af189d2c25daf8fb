#pragma once
// `run` replaced in place by another program (SIGUSR2): the same process, so its children stay its own.

#include <filesystem>
#include <map>
#include <optional>
#include <string>

#include "host/core/clock.hpp"
#include "host/core/random.hpp"
#include "host/supervisor/handover.hpp"

namespace tasker::host {

// The environment variable with the number of the descriptor that holds a Handover.
constexpr const char* kHandoverFd = "TASKER_SUPERVISOR_HANDOVER";

// Why the program must not take over; nothing: it may. Starts it and waits for at most ten seconds.
std::optional<std::string> upgrade_fault(const std::filesystem::path& program,
                                         const std::map<std::string, std::string>& environment,
                                         const Clock& clock, Random& random);

// Runs the program with the arguments of this process. Returns only when that was not possible, with the reason.
std::string become(const std::filesystem::path& program, std::map<std::string, std::string> environment,
                   const Handover& handover);

// What this process was given by the program that it replaced; nothing when it replaced none. Throws Error when it cannot
// be read.
std::optional<Handover> inherited_handover(const std::map<std::string, std::string>& environment);

}  // namespace tasker::host
