#include "host/process/shutdown_sequence.hpp"

#include "host/core/error.hpp"

namespace tasker::host {

namespace {
constexpr std::int64_t kPollerStopMs = 5000;

void stop_poller(Worker& worker, const Logger& log) {
    const LogFields fields{{"component", "event_poller"}, {"operation", "stop"}};
    log.info("  Stopping EventPoller...", fields);
    if (!worker.event_system().poller().stop(kPollerStopMs)) {
        throw Error("the event poller did not stop within " + std::to_string(kPollerStopMs) + " ms");
    }
    log.info("  EventPoller stopped", fields);
}

DrainReport stop_subscriber(Worker& worker, const Logger& log) {
    const LogFields fields{{"component", "subscriber"}, {"operation", "stop"}};
    log.info("  Stopping StepExecutionSubscriber...", fields);
    const DrainReport report = worker.event_system().subscriber().stop();
    log.info("  StepExecutionSubscriber stopped", fields);
    return report;
}

void stop_bridge(Worker& worker, const Logger& log) {
    const LogFields fields{{"component", "event_bridge"}, {"operation", "stop"}};
    log.info("  Stopping EventBridge...", fields);
    worker.bridge().stop();
    log.info("  EventBridge stopped", fields);
}

void stop_foundation(Worker& worker, const std::function<void()>& stop_api, const Logger& log) {
    if (!is_worker_running(worker)) return;
    log.info("  Transitioning to graceful shutdown...",
             {{"component", "worker"}, {"operation", "graceful_shutdown"}});
    transition_to_graceful_shutdown(worker);
    if (stop_api) stop_api();
    const LogFields fields{{"component", "worker"}, {"operation", "stop"}};
    log.info("  Stopping native worker...", fields);
    stop_worker(worker);
    log.info("  native worker stopped", fields);
}
}  // namespace

DrainReport run_shutdown_sequence(Worker& worker, const std::function<void()>& stop_api, const Logger& log) {
    stop_poller(worker, log);
    const DrainReport report = stop_subscriber(worker, log);
    stop_bridge(worker, log);
    stop_foundation(worker, stop_api, log);
    return report;
}

}  // namespace tasker::host
