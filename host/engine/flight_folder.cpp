#include "host/engine/flight_folder.hpp"

#include <unistd.h>

#include <chrono>
#include <system_error>

#include "host/core/flight_file.hpp"

namespace tasker::host {

namespace {
namespace fs = std::filesystem;
// Files at most that one look takes in: a folder that somebody filled must not hold up a start.
constexpr std::size_t kMaxFiles = 4096;
// One that is being made has another name for a moment; one that nobody went on with keeps it.
constexpr auto kUnfinished = std::chrono::minutes{1};

bool abandoned(const fs::directory_entry& entry) {
    std::error_code fault;
    const auto written = entry.last_write_time(fault);
    return !fault && fs::file_time_type::clock::now() - written > kUnfinished;
}
}  // namespace

FlightFolder::FlightFolder(fs::path folder)
    : folder_(std::move(folder)), boot_(folder_.empty() ? Uuid{} : boot_of_this_machine()) {}

FlightReports FlightFolder::of(const Uuid& session_uuid) const {
    const fs::path path = file(session_uuid);
    const OwnedFd opened = path.empty() ? OwnedFd() : open_flight(path);
    if (!opened) return nullptr;
    auto report = flight_report(read_flight(opened), boot_);
    if (!report) return nullptr;
    return std::make_shared<const std::vector<FlightReport>>(1, std::move(*report));
}

fs::path FlightFolder::file(const Uuid& session_uuid) const {
    return folder_.empty() || session_uuid.is_nil() ? fs::path() : folder_ / session_uuid.str();
}

FlightFolder::Left FlightFolder::of_the_dead() const {
    Left left;
    if (folder_.empty()) return left;
    std::vector<FlightReport> reports;
    std::error_code fault;
    for (fs::directory_iterator at(folder_, fault), end; !fault && at != end && left.files.size() < kMaxFiles;
         at.increment(fault)) {
        if (!Uuid::parse(at->path().filename().string())) {
            if (abandoned(*at)) left.files.push_back(at->path());
            continue;
        }
        const OwnedFd file = open_flight(at->path());
        if (!file || !flight_is_over(file)) continue;
        left.files.push_back(at->path());
        if (auto report = flight_report(read_flight(file), boot_)) reports.push_back(std::move(*report));
    }
    left.reports = std::make_shared<const std::vector<FlightReport>>(std::move(reports));
    return left;
}

bool FlightFolder::anyone_lives() const {
    std::error_code fault;
    for (fs::directory_iterator at(folder_, fault), end; !fault && at != end; at.increment(fault)) {
        if (!Uuid::parse(at->path().filename().string())) continue;
        const OwnedFd file = open_flight(at->path());
        if (!file || flight_is_over(file)) continue;
        const auto report = flight_report(read_flight(file), boot_);
        if (report && report->pid != ::getpid()) return true;
    }
    return false;
}

void FlightFolder::remove(const std::vector<fs::path>& files) {
    for (const fs::path& file : files) ::unlink(file.c_str());
}

}  // namespace tasker::host
