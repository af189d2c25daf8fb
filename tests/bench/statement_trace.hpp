#pragma once
// Records the statements of an engine through SQLite's own trace hook, with their values, and replays them: the bare
// SQLite twin that the engine is compared with.

#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

namespace tasker::host::bench {

struct Replay {
    double seconds = 0;
    std::int64_t commits = 0, statements = 0;
};

class StatementTrace {
  public:
    // From here on every connection that is opened in this process is traced while recording is on.
    static void install();
    static void start_recording();
    static void stop_recording();
    static std::int64_t recorded_commits();
    // Gives back the memory of what was recorded.
    static void forget();
    // Replays what was recorded on `store` (a copy made when recording began), one thread, prepared statements.
    static Replay replay(const std::filesystem::path& store, bool full_durability);
};

}  // namespace tasker::host::bench
