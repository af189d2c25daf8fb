#pragma once
// The main loop of `run`: one thread that waits for the ends of children, signals, operators, and changes of folders.

#include <cstdint>
#include <functional>
#include <string>

#include "host/config/config.hpp"
#include "host/core/clock.hpp"
#include "host/logging/logger.hpp"
#include "host/process/exit_code.hpp"
#include "host/process/operator_socket.hpp"
#include "host/process/service_report.hpp"
#include "host/process/signals.hpp"
#include "host/process/supervisor_desk.hpp"
#include "host/scan/folder_watch.hpp"
#include "host/supervisor/renewal.hpp"
#include "host/supervisor/supervisor.hpp"

namespace tasker::host {

class SupervisorServer {
  public:
    // Listens for operators when it returns. Throws Error when it cannot. All of these must outlive it.
    SupervisorServer(Supervisor& supervisor, Renewal& renewal, const Config& config, ServiceReport& service,
                     ProcessSignals& signals, const Clock& clock, const Logger& log);

    // Replaces the program of this process by the one that lies at its place now. Returns only when that failed: why.
    using Upgrade = std::function<std::string()>;
    // Returns when everything has ended. `taken_over`: the supervisor has its children already.
    ExitCode serve(bool taken_over, const Upgrade& upgrade);

  private:
    void wait();
    void hear(ServerSignal signal);
    void say_status() const;
    void tell_service();
    void upgrade_when_at_rest(const Upgrade& upgrade);

    Supervisor& supervisor_;
    Renewal& renewal_;
    ServiceReport& service_;
    ProcessSignals& signals_;
    const Clock& clock_;
    const Logger& log_;
    SupervisorDesk desk_;
    OperatorSocket operators_;
    FolderWatch folders_;
    std::string told_;        // what the service manager shows
    bool reloading_ = false;  // it was told so, and waits to hear of the end
    bool stopping_ = false;
    bool upgrade_wanted_ = false;
};

}  // namespace tasker::host
