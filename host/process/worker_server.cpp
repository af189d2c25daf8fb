#include "host/process/worker_server.hpp"

#include <algorithm>
#include <exception>
#include <new>
#include <utility>

#include "host/core/error.hpp"
#include "host/core/flight_file.hpp"
#include "host/process/banner.hpp"
#include "host/process/crash_watch.hpp"
#include "host/process/shutdown_sequence.hpp"
#include "host/process/state_folder.hpp"
#include "host/process/template_reload.hpp"
#include "host/process/worker_bootstrap.hpp"

namespace tasker::host {

namespace {
// A signal that ends the process does so within two seconds; this leaves the rest for the log and the exit.
constexpr std::int64_t kForceAfterMs = 1500;
constexpr std::int64_t kStatusEveryMs = 100;
constexpr std::int64_t kHealthCheckEvery = 60;

std::string text_of(const std::exception& error) {
    const auto* ours = dynamic_cast<const Error*>(&error);
    return ours == nullptr || ours->hint().empty() ? error.what()
                                                   : std::string(error.what()) + "; " + ours->hint();
}
}  // namespace

WorkerServer::WorkerServer(const LoadedConfig& config, const WorkerCommandOptions& options)
    : config_(config),
      options_(options),
      log_(options.log),
      signals_(*options.signals),
      service_(options.notify, *options.clock),
      status_due_ms_(kNever),
      last_status_ms_(options.clock->steady_ms() - kStatusEveryMs) {}

WorkerServer::~WorkerServer() {
    reload_.reset();  // it uses the API
    stop_api();
}

// The API uses the engine, so it ends before the worker on every path.
void WorkerServer::stop_api() {
    if (std::exchange(api_started_, false) && options_.stop_api) options_.stop_api();
}

ExitCode WorkerServer::run() {
    try {
        const ExitCode code = start_and_serve();
        if (!failure_.empty()) service_.failed(failure_);
        return code;
    } catch (const std::exception& error) {
        service_.failed(text_of(error));
        log_.error("Unhandled error: " + text_of(error),
                   {{"component", "server"}, {"operation", "fatal"}, {"error_message", error.what()}});
        return ExitCode::Unhandled;
    }
}

ExitCode WorkerServer::start_and_serve() {
    show_banner(config_, options_.version, log_);
    for (const std::string& notice : config_.notices) log_.info(notice, {{"component", "config"}});
    for (const std::string& warning : config_.warnings) log_.warn(warning, {{"component", "config"}});
    if (!service_.fault().empty()) {
        log_.warn("The service manager is told nothing more: " + service_.fault(),
                  {{"component", "server"}, {"operation", "notify"}});
    }
    try {
        watch_start();
    } catch (const StoreRefused& error) {
        log_.error(
            "Failed to bootstrap worker: " + text_of(error),
            {{"component", "bootstrap"}, {"operation", "bootstrap_worker"}, {"error_message", error.what()}});
        failure_ = text_of(error);
        return ExitCode::StoreRefused;
    } catch (const BootstrapError& error) {
        return fail_start(text_of(error));
    } catch (const std::bad_alloc&) {
        return fail_start(
            "out of memory; raise the limit on memory (ulimit -v, or MemoryMax= of a systemd unit)");
    } catch (const std::exception& error) {
        log_.error("Unexpected error during startup: " + text_of(error),
                   {{"component", "server"}, {"operation", "startup"}, {"error_message", error.what()}});
        failure_ = text_of(error);
        return ExitCode::StartUnexpected;
    }
    if (start_failure_) return *start_failure_;
    if (!shutdown_requested_.load()) service_.ready(described_work());
    main_loop();
    return shut_down();
}

ExitCode WorkerServer::fail_start(const std::string& why) {
    failure_ = why;
    log_.error("Failed to bootstrap worker: " + why,
               {{"component", "bootstrap"}, {"operation", "bootstrap_worker"}, {"error_message", why}});
    return ExitCode::Bootstrap;
}

void WorkerServer::watch_start() {
    Phase starting("tw-start", signals_, [this] { start_up(); });
    std::int64_t give_up_ms = kNever;
    while (!starting.done()) {
        wait_until(give_up_ms);
        if (!shutdown_requested_.load() || starting.done()) continue;
        if (give_up_ms == kNever) give_up_ms = now() + kForceAfterMs;
        // Nothing was claimed yet, and the store survives an exit at any point.
        if (now() >= give_up_ms || stop_signals_ > 1) {
            options_.exit_now(ExitCode::Done);
            break;
        }
    }
    while (!starting.done()) signals_.next(kNever);  // only where exit_now returns
    starting.rethrow();
}

void WorkerServer::start_up() {
    log_.info("Initializing C++ Worker Bootstrap...",
              {{"component", "bootstrap"}, {"operation", "initialize"}});
    claim_state();
    log_.info("Discovering C++ handlers...", {{"component", "registry"}, {"operation", "discover"}});
    Discovered found = options_.discover(config_.config, log_);
    if (shutdown_requested_.load()) return;
    report_discovery(found, served_namespaces(config_.config, found.templates.catalog), log_);
    bootstrap(std::move(found));
    if (start_failure_ || shutdown_requested_.load()) return;
    start_event_system();
    announce_ready();
}

// Before anything is put into the folder, so that it is private from the first moment and of one host alone.
void WorkerServer::claim_state() {
    if (!is_postgres(config_.config)) state_lock_.emplace(claim_state_folder(config_.config));
}

void WorkerServer::bootstrap(Discovered found) {
    BootstrapConfig bootstrap = bootstrap_config(config_.config, found.templates.catalog);
    bootstrap.log = log_;
    bootstrap.clock = options_.clock;
    bootstrap.open_engine = options_.open_engine;
    bootstrap.event_extensions = found.plugins.events;
    if (!is_postgres(config_.config)) {
        bootstrap.flight_folder = flight_folder(state_folder(config_.config)).string();
        bootstrap.subscriber.flight = start_flight(config_.config, fresh_session(), log_);
    }
    Bootstrapped started = bootstrap_worker(std::move(bootstrap), std::move(found.plugins.registry));
    if (!started.result.success) {
        start_failure_ = fail_start(started.result.message);
        return;
    }
    worker_ = std::move(started.worker);
    visible_.store(worker_.get());
    if (!options_.start_api || shutdown_requested_.load()) return;
    try {
        options_.start_api(*worker_, found.plugins.reports);
        api_started_ = true;
    } catch (const BootstrapError& error) {
        log_.error("Failed to start the API: " + text_of(error),
                   {{"component", "bootstrap"}, {"operation", "start_api"}, {"error_message", error.what()}});
        failure_ = text_of(error);
        start_failure_ = ExitCode::Bootstrap;
    }
}

void WorkerServer::start_event_system() {
    log_.info("Starting C++ event dispatch system...",
              {{"component", "event_system"}, {"operation", "initialize"}});
    EventSystem& events = worker_->event_system();
    log_.info("  EventBridge: Started", {{"component", "event_bridge"}, {"operation", "start"}});
    events.subscriber().start();
    log_.info("  StepExecutionSubscriber: Started (worker_id=" + worker_->worker_id() + ")",
              {{"component", "subscriber"}, {"operation", "start"}, {"worker_id", worker_->worker_id()}});
    events.poller().start();
    const std::string interval = std::to_string(events.poller().config().polling_interval_ms);
    log_.info("  EventPoller: Started (" + interval + "ms polling interval)",
              {{"component", "event_poller"}, {"operation", "start"}, {"polling_interval_ms", interval}});
    log_.info("C++ event dispatch system ready");
    log_.info(kRuler);
}

void WorkerServer::announce_ready() {
    log_.info("C++ worker system started successfully", {{"component", "server"}, {"operation", "started"}});
    log_.info("  native foundation: Bootstrapped via FFI");
    log_.info("  C++ handlers: Registered and ready");
    log_.info("  Event dispatch: Active (polling -> handlers -> completion)");
    log_.info("  Worker status: Running and processing tasks");
    log_.info("Worker ready and processing tasks");
    log_.info(kRuler);
}

void WorkerServer::main_loop() {
    const std::int64_t interval = config_.config.environment == "production" ? 5000 : 1000;
    std::int64_t loop_count = 0;
    std::int64_t next_turn = now() + interval;
    reload_when_asked();  // a signal that came during the start
    while (!shutdown_requested_.load()) {
        wait_until(next_turn);
        reload_when_asked();
        if (shutdown_requested_.load() || now() < next_turn) continue;
        next_turn = now() + interval;
        ++loop_count;
        if (store_is_lost()) return;
        if (loop_count % kHealthCheckEvery == 0) health_check(loop_count / kHealthCheckEvery);
    }
}

// One turn of every loop of the main thread: a signal, or `due_ms`, or what is due by itself.
void WorkerServer::wait_until(std::int64_t due_ms) {
    if (const auto signal = signals_.next(std::min({due_ms, status_due_ms_, service_.due_ms()})))
        handle(*signal);
    report_status_when_due();
    service_.turn();
}

std::string WorkerServer::described_work() const {
    const WorkerStatus status = worker_status(*worker_);
    std::string spaces;
    for (const std::string& one : status.supported_namespaces) spaces += (spaces.empty() ? "" : ", ") + one;
    return "Processing tasks of " + spaces + " with " + std::to_string(status.handlers) + " handlers";
}

// Only a new start can tell what is left of the store, and refuse it if need be.
bool WorkerServer::store_is_lost() {
    const RuntimeStatus status = worker_->runtime().status();
    if (!status.store_lost) return false;
    log_.error("The store is lost, the worker stops: " + status.error,
               {{"component", "server"}, {"operation", "store_lost"}, {"error_message", status.error}});
    failure_ = "the store is lost: " + status.error;
    store_lost_ = true;
    return true;
}

void WorkerServer::health_check(std::int64_t number) {
    const WorkerStatus status = worker_status(*worker_);
    const std::string label = "Health check #" + std::to_string(number) + ": ";
    if (status.running && !status.error) {
        log_.debug(label + "OK", {{"component", "server"}, {"operation", "health_check"}});
        return;
    }
    const std::string error = status.error.value_or("unknown");
    log_.warn(label + "UNHEALTHY - " + error,
              {{"component", "server"}, {"operation", "health_check"}, {"error", error}});
}

void WorkerServer::handle(ServerSignal signal) {
    switch (signal) {
        case ServerSignal::Terminate:
        case ServerSignal::Interrupt: {
            ++stop_signals_;
            const bool first = !shutdown_requested_.exchange(true);
            log_.info("Received " + std::string(name(signal)) + " signal, " +
                          (first ? "initiating shutdown..." : "stopping at once..."),
                      {{"component", "server"}, {"operation", "shutdown"}, {"signal", name(signal)}});
            return;
        }
        case ServerSignal::Status:
            // A storm of them is answered ten times a second, the last one always.
            if (status_due_ms_ == kNever) status_due_ms_ = std::max(now(), last_status_ms_ + kStatusEveryMs);
            return;
        case ServerSignal::Hangup:
            log_.info("Received SIGHUP signal, reading the templates again...",
                      {{"component", "server"}, {"operation", "reload"}, {"signal", name(signal)}});
            reload_wanted_ = true;
            return;
        case ServerSignal::Upgrade:
            return;  // a supervisor's
    }
}

void WorkerServer::report_status_when_due() {
    if (status_due_ms_ == kNever || now() < status_due_ms_) return;
    status_due_ms_ = kNever;
    last_status_ms_ = now();
    report_status();
}

// Aside, so that a large folder does not delay the signals; one at a time, and once more for whoever asked meanwhile.
void WorkerServer::reload_when_asked() {
    if (reload_ && reload_->done()) {
        try {
            reload_->rethrow();
        } catch (const std::exception& error) {
            log_.error(
                "Templates could not be read again: " + text_of(error),
                {{"component", "templates"}, {"operation", "reload"}, {"error_message", error.what()}});
        }
        reload_.reset();
        if (!reload_wanted_ && !shutdown_requested_.load()) service_.reloaded(described_work());
    }
    if (reload_ || !reload_wanted_ || shutdown_requested_.load()) return;
    reload_wanted_ = false;
    service_.reloading();
    reload_ = std::make_unique<Phase>("tw-reload", signals_, [this] {
        if (options_.reload) options_.reload();
        reload_templates(worker_->engine(), worker_->registry(), *worker_->config().event_extensions,
                         worker_->config().namespaces, config_.config.template_path,
                         template_rules(config_.config), log_);
        worker_->event_system().subscriber().offer(*worker_->engine().catalog());
    });
}

void WorkerServer::report_status() {
    const LogFields fields{{"component", "server"}, {"operation", "status_check"}};
    log_.info("Received SIGUSR1 signal, reporting worker status...", fields);
    try {
        const Worker* const worker = visible_.load();
        WorkerStatus status;
        if (worker != nullptr) {
            status = worker_status(*worker);
        } else {
            status.environment = config_.config.environment;
            status.worker_id = config_.config.worker_id;
            status.worker_core_status = "starting";
            status.error = "the worker is starting";
        }
        log_.info("Worker Status: " + to_json(status), fields);
    } catch (const std::exception& error) {
        log_.error("Failed to get worker status: " + std::string(error.what()), fields);
    }
}

ExitCode WorkerServer::shut_down() {
    service_.stopping("Draining: running steps get their time, nothing new is claimed");
    log_.info("Starting shutdown sequence...", {{"component", "server"}, {"operation", "shutdown"}});
    if (worker_) {
        try {
            Phase stopping("tw-stop", signals_, [&] {
                reload_.reset();  // waits for it: it uses the engine
                drained_ = run_shutdown_sequence(
                    *worker_, [this] { stop_api(); }, log_);
            });
            watch_shutdown(stopping);
            stopping.rethrow();
        } catch (const std::exception& error) {
            log_.error("Error during shutdown: " + text_of(error),
                       {{"component", "server"}, {"operation", "shutdown"}, {"error_message", error.what()}});
            if (failure_.empty()) failure_ = text_of(error);
            return store_lost_ ? ExitCode::StoreRefused : ExitCode::Failed;
        }
    }
    log_.info("C++ worker shutdown completed successfully",
              {{"component", "server"}, {"operation", "shutdown"}});
    log_.info("C++ Worker Server terminated gracefully",
              {{"component", "server"}, {"operation", "shutdown"}});
    if (store_lost_) return ExitCode::StoreRefused;
    const ExitCode code =
        stop_signals_ > 1 || drained_.handed_back > 0 ? ExitCode::HandedBack : ExitCode::Done;
    // A handler that still runs would race with the end of the process.
    if (worker_ && worker_status(*worker_).abandoned_threads > 0) options_.exit_now(code);
    return code;
}

void WorkerServer::watch_shutdown(Phase& stopping) {
    std::int64_t give_up_ms = kNever;
    while (!stopping.done()) {
        wait_until(give_up_ms);
        if (stop_signals_ < 2 || stopping.done()) continue;
        if (give_up_ms == kNever) {
            give_up_ms = now() + kForceAfterMs;
            worker_->event_system().subscriber().abort_drain();
        }
        if (now() >= give_up_ms) {
            options_.exit_now(ExitCode::HandedBack);
            break;
        }
    }
    while (!stopping.done()) signals_.next(kNever);  // only where exit_now returns
}

}  // namespace tasker::host
