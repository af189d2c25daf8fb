#include "tests/simulation/run.hpp"

#include <unistd.h>

#include <cstdlib>
#include <system_error>

#include "tests/simulation/schedule.hpp"

namespace tasker::host::simulation {

namespace {
// In memory where the system has such a place: the disk is not what is simulated.
class Folder {
  public:
    Folder() {
        const std::filesystem::path memory = "/dev/shm";
        std::error_code none;
        const bool usable = std::filesystem::is_directory(memory, none) && access(memory.c_str(), W_OK) == 0;
        const auto parent = usable ? memory : std::filesystem::temp_directory_path();
        std::string pattern = (parent / "tasker-simulation-XXXXXX").string();
        if (mkdtemp(pattern.data()) == nullptr) throw std::runtime_error("cannot make a temporary folder");
        path_ = pattern;
    }
    ~Folder() {
        std::error_code ignored;
        std::filesystem::remove_all(path_, ignored);
    }
    Folder(const Folder&) = delete;
    Folder& operator=(const Folder&) = delete;
    const std::filesystem::path& path() const { return path_; }

  private:
    std::filesystem::path path_;
};
}  // namespace

Result run(std::uint64_t seed, std::uint64_t steps, std::uint64_t print_from) {
    const Folder folder;
    World world(seed, folder.path(), print_from);
    Schedule schedule(world);
    Result result;
    result.seed = seed;
    try {
        while (result.step < steps) schedule.step(++result.step);
        schedule.finish(result.step + 1);
    } catch (const std::exception& error) {
        result.violation = error.what();
        result.last.assign(world.trace.last().begin(), world.trace.last().end());
        result.last.push_back(world.trace.unfinished());
    }
    result.hash = world.trace.hash();
    result.counts = world.counts;
    return result;
}

}  // namespace tasker::host::simulation
