#pragma once
// The flight recorders of workers that died, as the engine reads them. A file is removed only once what followed from it
// is committed; one that is read twice does no harm, because its claims are over (model/loss.hpp).

#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "host/core/uuid.hpp"
#include "host/model/flight_report.hpp"

namespace tasker::host {

class FlightFolder {
  public:
    // Empty: there is none, and nobody is ever blamed.
    explicit FlightFolder(std::filesystem::path folder);

    // What the session's process left; the process must be gone. Empty when nothing can be read.
    FlightReports of(const Uuid& session_uuid) const;
    // Its file; empty when it has none.
    std::filesystem::path file(const Uuid& session_uuid) const;

    // Of every process that is gone. What cannot be believed has a file and no report.
    struct Left {
        FlightReports reports;
        std::vector<std::filesystem::path> files;
    };
    Left of_the_dead() const;
    // Whether a process that may still be running steps has its recorder here, other than this one.
    bool anyone_lives() const;
    static void remove(const std::vector<std::filesystem::path>& files);

  private:
    const std::filesystem::path folder_;
    const Uuid boot_;
};

}  // namespace tasker::host
