#include "host/supervisor/process_usage.hpp"

#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <string>
#include <system_error>

namespace tasker::host {

std::optional<ProcessUsage> process_usage(pid_t pid) {
    const std::filesystem::path folder = "/proc/" + std::to_string(pid);
    std::ifstream file(folder / "statm");
    std::uint64_t whole = 0, resident = 0;
    if (!(file >> whole >> resident)) return std::nullopt;
    ProcessUsage usage;
    usage.memory_bytes = resident * static_cast<std::uint64_t>(::sysconf(_SC_PAGESIZE));
    std::error_code fault;
    for (std::filesystem::directory_iterator entry(folder / "fd", fault), end; !fault && entry != end;
         entry.increment(fault))
        ++usage.open_files;
    if (fault) return std::nullopt;
    return usage;
}

}  // namespace tasker::host
