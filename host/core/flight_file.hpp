#pragma once
// A flight recorder's file as those see it who look after the end of its process. A plugin may have written anything into
// it; nothing here looks inside (model/flight_report.hpp does).

#include <filesystem>
#include <string>

#include "host/core/owned_fd.hpp"
#include "host/core/uuid.hpp"

namespace tasker::host {

// Where the processes of a state folder have theirs, each under the name of its session.
std::filesystem::path flight_folder(const std::filesystem::path& state_folder);

// To read. Nothing when there is no such file, or it is no plain file of this user.
OwnedFd open_flight(const std::filesystem::path& file);
// All of it, as it is at this moment; empty when it cannot be read, or is larger than any recorder makes it.
std::string read_flight(const OwnedFd& file);
// The process that wrote it is gone. (A child that it forked and left behind counts as the process itself.)
bool flight_is_over(const OwnedFd& file);

// The kernel's id of this boot; nil where it does not tell. What was written before it may be older than its last words:
// memory that reached the disk at some time.
Uuid boot_of_this_machine();

}  // namespace tasker::host
