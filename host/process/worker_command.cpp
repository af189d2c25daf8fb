#include "host/process/worker_command.hpp"

#include <unistd.h>

#include <optional>

#include "host/process/worker_server.hpp"

namespace tasker::host {

ExitCode run_worker(const LoadedConfig& config, WorkerCommandOptions options) {
    const SystemClock system_clock;
    if (options.clock == nullptr) options.clock = &system_clock;
    std::optional<ProcessSignals> process_signals;
    if (options.signals == nullptr) options.signals = &process_signals.emplace(*options.clock);
    if (!options.discover) options.discover = discover;
    if (!options.exit_now) {
        options.exit_now = [&log = options.log](ExitCode code) {
            log.flush(300);
            _exit(static_cast<int>(code));
        };
    }
    const ExitCode code = WorkerServer(config, options).run();
    options.log.flush();
    return code;
}

}  // namespace tasker::host
