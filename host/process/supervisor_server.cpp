#include "host/process/supervisor_server.hpp"

#include <poll.h>

#include <algorithm>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "host/process/child_commands.hpp"
#include "host/process/state_folder.hpp"

namespace tasker::host {

namespace {
constexpr int kTemplateDepth = 8;

ExitCode code_of(Supervisor::End end) {
    switch (end) {
        case Supervisor::End::HandedBack:
            return ExitCode::HandedBack;
        case Supervisor::End::StoreRefused:
            return ExitCode::StoreRefused;
        case Supervisor::End::EngineFailed:
            return ExitCode::Bootstrap;
        default:
            return ExitCode::Done;
    }
}

std::vector<WatchedFolder> watched_folders(const Config& config) {
    std::vector<WatchedFolder> folders;
    for (const auto& root : config.plugin_path) folders.push_back({root, {".so"}, 1});
    for (const auto& root : config.template_path)
        folders.push_back({root, {".yaml", ".yml"}, kTemplateDepth});
    return folders;
}

// What the service manager shows, once there is something to show: nothing while a namespace has not had its first try.
std::optional<std::string> described_work(const Supervisor& supervisor) {
    if (!supervisor.engine_ready()) return std::nullopt;
    std::string served, waiting;
    for (const SlotReport& one : supervisor.report()) {
        const bool works = (one.current && one.current->claims) || (one.candidate && one.candidate->claims);
        const bool tried = one.stopped || one.state == SlotState::Backoff || one.state == SlotState::Held;
        if (!works && !tried) return std::nullopt;
        std::string& list = works ? served : waiting;
        list += (list.empty() ? "" : ", ") + one.namespace_name;
    }
    std::string text = served.empty() ? "No namespace is served" : "Processing tasks of " + served;
    if (!waiting.empty()) text += "; not running: " + waiting;
    return text;
}
}  // namespace

SupervisorServer::SupervisorServer(Supervisor& supervisor, Renewal& renewal, const Config& config,
                                   ServiceReport& service, ProcessSignals& signals, const Clock& clock,
                                   const Logger& log)
    : supervisor_(supervisor),
      renewal_(renewal),
      service_(service),
      signals_(signals),
      clock_(clock),
      log_(log),
      desk_(supervisor, renewal,
            [this](std::uint64_t call, const std::string& line) { operators_.answer(call, line); }),
      operators_(state_folder(config) / kOperatorSocket,
                 [this](std::uint64_t call, const std::string& line) { desk_.ask(call, line); }),
      folders_(watched_folders(config), clock) {
    for (const std::string& fault : folders_.faults()) {
        log_.warn("A folder is looked at every minute only: " + fault,
                  {{"component", "supervisor"}, {"operation", "watch"}});
    }
}

ExitCode SupervisorServer::serve(bool taken_over, const Upgrade& upgrade) {
    taken_over ? renewal_.take_over() : renewal_.begin();
    while (supervisor_.end() == Supervisor::End::Running) {
        wait();
        while (const auto signal = signals_.next(0)) hear(*signal);
        if (folders_.turn()) renewal_.look();
        if (renewal_.turn()) folders_.look_again();
        operators_.turn();
        supervisor_.turn();
        operators_.turn();
        tell_service();
        service_.turn();
        upgrade_when_at_rest(upgrade);
    }
    return code_of(supervisor_.end());
}

void SupervisorServer::wait() {
    std::vector<pollfd> ends{{signals_.signal_fd(), POLLIN, 0}, {folders_.fd(), POLLIN, 0}};
    supervisor_.wait_for(ends);
    renewal_.wait_for(ends);
    operators_.wait_for(ends);
    const std::int64_t due =
        std::min({supervisor_.due_ms(), renewal_.due_ms(), folders_.due_ms(), service_.due_ms()});
    const std::int64_t wait = std::clamp<std::int64_t>(due - clock_.steady_ms(), 0, 60'000);
    ::poll(ends.data(), ends.size(), static_cast<int>(wait));
}

void SupervisorServer::hear(ServerSignal signal) {
    log_.info("Received " + std::string(name(signal)) + " signal",
              {{"component", "supervisor"}, {"operation", "signal"}, {"signal", name(signal)}});
    switch (signal) {
        case ServerSignal::Hangup:
            service_.reloading();
            reloading_ = true;
            return renewal_.renew_all("SIGHUP");
        case ServerSignal::Status:
            return say_status();
        case ServerSignal::Upgrade:
            upgrade_wanted_ = true;
            return;
        default:
            if (!std::exchange(stopping_, true)) service_.stopping("Waiting for running steps");
            return supervisor_.stop();
    }
}

// In the middle of a change there would be too much to hand over; changes end by themselves.
void SupervisorServer::upgrade_when_at_rest(const Upgrade& upgrade) {
    if (!upgrade_wanted_ || stopping_ || renewal_.busy() || !supervisor_.at_rest()) return;
    upgrade_wanted_ = false;
    log_.error("The upgrade is refused, and everything goes on as before: " + upgrade(),
               {{"component", "supervisor"}, {"operation", "upgrade"}});
}

void SupervisorServer::say_status() const {
    for (const SlotReport& one : supervisor_.report()) {
        log_.info("Namespace " + one.namespace_name + ": " + std::string(name(one.state)) +
                      (one.current ? ", generation " + std::to_string(one.current->generation) + ", pid " +
                                         std::to_string(one.current->pid)
                                   : ""),
                  {{"component", "supervisor"}, {"operation", "status_check"}});
    }
}

// Ready once each namespace works or has failed its first try; the line is told again when it changes.
void SupervisorServer::tell_service() {
    if (stopping_) return;
    if (reloading_ && renewal_.busy()) return;
    auto work = described_work(supervisor_);
    if (!work || (*work == told_ && !reloading_)) return;
    reloading_ = false;
    told_ = std::move(*work);
    service_.ready(told_);
}

}  // namespace tasker::host
