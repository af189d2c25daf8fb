#include "host/worker/worker.hpp"

#include <unistd.h>

#include <algorithm>
#include <array>
#include <exception>
#include <map>
#include <set>
#include <utility>
#include <variant>

#include "host/core/error.hpp"
#include "host/core/uuid.hpp"
#include "host/worker/store_location.hpp"

namespace tasker::host {

namespace {
std::string hostname() {
    std::array<char, 256> name{};
    if (gethostname(name.data(), name.size() - 1) != 0) return {};
    return name.data();
}

std::string with_hint(const Error& error) {
    return error.hint().empty() ? error.what() : std::string(error.what()) + "; " + error.hint();
}

template <class T>
T& required(const std::unique_ptr<T>& part) {
    if (!part)
        throw Error("the worker is not running", "bootstrap_worker did not succeed; see BootstrapResult");
    return *part;
}

std::set<std::string> as_set(const std::vector<std::string>& names) { return {names.begin(), names.end()}; }

// Why the worker must not start: events of its templates would go nowhere. Empty when each has its publisher.
std::string missing_publishers_text(const BootstrapConfig& config, const HandlerRegistry& registry) {
    std::string text;
    for (const std::string& one :
         missing_publishers(config.templates, as_set(config.namespaces), registry, *config.event_extensions))
        text += (text.empty() ? "" : "; ") + one;
    if (text.empty()) return text;
    return text + "; add the plugin that offers it, or remove `publisher` from the template";
}
}  // namespace

Worker::Worker(BootstrapConfig config, HandlerRegistry registry)
    : config_(std::move(config)), registry_(std::move(registry)) {
    if (!config_.worker_id || config_.worker_id->empty()) config_.worker_id = "cpp-worker";
    if (const auto level = log_level(config_.log_level)) config_.log = config_.log.at_least(*level);
    if (config_.namespaces.empty()) config_.namespaces = {config_.namespace_name};
    config_.subscriber.namespaces = config_.namespaces;
    if (config_.subscriber.worker_hostname.empty()) config_.subscriber.worker_hostname = hostname();
    if (config_.clock == nullptr) {
        own_clock_ = std::make_unique<SystemClock>();
        config_.clock = own_clock_.get();
    }
    if (config_.random == nullptr) {
        own_random_ = std::make_unique<SystemRandom>();
        config_.random = own_random_.get();
    }
    if (!config_.event_extensions) config_.event_extensions = std::make_shared<const EventExtensions>();
    domain_events_ = std::make_shared<DomainEventBus>(DomainEventBusOptions{}, config_.log);
    if (!config_.open_engine) {
        config_.open_engine = [](const EngineOptions& options, const Clock& clock, Random& random,
                                 const Logger& log) { return Engine::open(options, clock, random, log); };
    }
}

Engine& Worker::engine() const { return required(engine_); }
TaskerRuntime& Worker::runtime() const { return required(runtime_); }
EventSystem& Worker::event_system() const { return required(event_system_); }

// The steps of a worker's life, apart from the class so that its header shows what users need.
struct WorkerLifecycle {
    static std::unique_ptr<Worker> make(BootstrapConfig config, HandlerRegistry registry) {
        return std::unique_ptr<Worker>(new Worker(std::move(config), std::move(registry)));
    }

    static void open_engine(Worker& worker, const std::filesystem::path& store) {
        const BootstrapConfig& config = worker.config_;
        EngineOptions options;
        options.store = store;
        options.durability = config.durability;
        options.default_step_timeout_ms = config.default_step_timeout_ms;
        options.max_runtime_ms = config.max_runtime_ms;
        options.deadline_backstop_ms =
            std::max(options.deadline_backstop_ms, config.subscriber.cancel_grace_ms + 5000);
        options.missing_handler_timeout_ms = config.missing_handler_timeout_ms;
        options.fail_missing_handler = config.fail_missing_handler;
        options.upkeep = config.upkeep;
        options.flight_folder = config.flight_folder;
        worker.engine_ = config.open_engine(options, *config.clock, *config.random, config.log);
        worker.engine_->set_catalog(std::make_shared<const TemplateCatalog>(config.templates));
        worker.runtime_ = worker.engine_->attach({*config.worker_id, config.namespaces});
        make_event_system(worker);
        // Tasks of an earlier life ask by the templates of then.
        worker.event_system_->subscriber().offer(worker.engine_->pinned_definitions());
    }

    static void make_event_system(Worker& worker) {
        const BootstrapConfig& config = worker.config_;
        auto events = std::make_shared<DomainEvents>(config.event_extensions, worker.domain_events_,
                                                     *config.clock, *config.random, config.log);
        worker.event_system_ = std::make_unique<EventSystem>(
            worker.registry_, *worker.runtime_, *config.worker_id, config.subscriber, config.poller,
            config.log, *config.clock, std::move(events));
        worker.event_system_->subscriber().offer(config.templates);
    }

    // Why it failed, or nothing.
    static std::optional<BootstrapResult> start(Worker& worker) {
        const auto failed = [&](std::string status, const std::string& message) {
            BootstrapResult result;
            result.worker_id = *worker.config_.worker_id;
            result.status = std::move(status);
            result.message = message;
            result.error_message = message;
            worker.failure_ = message;
            return result;
        };
        try {
            const BootstrapConfig& config = worker.config_;
            if (!log_level(config.log_level)) {
                return failed("failed", "log_level '" + config.log_level +
                                            "' is unknown; trace, debug, info, warn or error");
            }
            if (const std::string missing = missing_publishers_text(config, worker.registry_);
                !missing.empty())
                return failed("failed", missing);
            if (config.open_runtime) {
                worker.runtime_ =
                    config.open_runtime(config.templates, *config.clock, *config.random, config.log);
                make_event_system(worker);
                if (config.start_event_system) worker.event_system_->start();
                return std::nullopt;
            }
            const auto store = locate_store(config.store, config.database_url, config.state_dir);
            auto lock = StoreLock::acquire(store, "host");
            if (const auto* holder = std::get_if<StoreHolder>(&lock)) {
                const std::string who = store.string() + " (pid " + std::to_string(holder->pid) + ")";
                if (holder->role == "host")
                    return failed("already_running", "a worker is already running on " + who);
                return failed("failed", "the store is in use by a " + holder->role + " command: " + who);
            }
            worker.lock_.emplace(std::move(std::get<StoreLock>(lock)));
            open_engine(worker, store);
            if (config.start_event_system) worker.event_system_->start();
        } catch (const StoreRefused&) {
            throw;
        } catch (const Error& error) {
            take_down(worker);
            return failed("failed", with_hint(error));
        } catch (const std::exception& error) {
            take_down(worker);
            return failed("failed", error.what());
        }
        return std::nullopt;
    }

    // Frees the store after a failed start.
    static void take_down(Worker& worker) {
        worker.event_system_.reset();
        worker.runtime_.reset();
        worker.engine_.reset();
        worker.lock_.reset();
    }

    static BootstrapResult announce(Worker& worker) {
        UuidGenerator uuids(*worker.config_.clock, *worker.config_.random);
        BootstrapResult result;
        result.success = true;
        result.handle_id = uuids.next().str();
        result.worker_id = *worker.config_.worker_id;
        result.status = "started";
        result.message = "Worker " + result.worker_id + " started";
        worker.started_ms_ = worker.config_.clock->steady_ms();
        worker.running_.store(true);
        return result;
    }

    static std::string stop(Worker& worker) {
        const std::scoped_lock control(worker.control_);
        if (!worker.running_.exchange(false)) return "Worker is not running";
        std::exception_ptr first;
        const auto attempt = [&first](const std::function<void()>& step) {
            try {
                step();
            } catch (...) {
                if (!first) first = std::current_exception();
            }
        };
        attempt([&] { worker.event_system_->stop(); });
        attempt([&] { worker.runtime_->transition_to_graceful_shutdown(); });
        attempt([&] { worker.runtime_->stop(); });
        attempt([&] { worker.domain_events_->stop(); });
        if (worker.engine_) attempt([&] { worker.engine_->stop(); });
        worker.lock_.reset();
        if (first) std::rethrow_exception(first);
        return "Worker " + worker.worker_id() + " stopped";
    }

    static std::string transition(Worker& worker) {
        const std::scoped_lock control(worker.control_);
        if (!worker.running_.load())
            throw Error("cannot start a graceful shutdown: the worker is not running");
        worker.runtime_->transition_to_graceful_shutdown();
        return "Worker " + worker.worker_id() + " is shutting down gracefully";
    }

    static void fill_from_runtime(const Worker& worker, WorkerStatus& status) {
        const RuntimeStatus runtime = worker.runtime_->status();
        status.worker_core_status = runtime.core_status;
        status.database_pool_size = runtime.pool_size;
        status.database_pool_idle = runtime.pool_idle;
        if (!runtime.error.empty()) status.error = runtime.error;
        status.uptime_ms = worker.config_.clock->steady_ms() - worker.started_ms_;
    }

    // Of the templates as they are now: they may have been read again since the start.
    static void fill_templates(const Worker& worker, WorkerStatus& status) {
        const auto now = worker.engine_ ? worker.engine_->catalog() : nullptr;
        const TemplateCatalog& catalog = now ? *now : worker.config_.templates;
        status.templates = static_cast<int>(catalog.all().size());
        const std::set<std::string> served = as_set(worker.config_.namespaces);
        std::map<std::string, std::string> missing;
        for (const auto& one : catalog.all()) {
            if (!served.contains(one->namespace_name)) continue;
            for (const StepTemplate& step : one->steps) {
                const Resolution found = worker.registry_.find(step.handler, step.name);
                if (!found) missing.emplace(step.handler.callable, found.fault);
            }
        }
        for (const auto& [callable, fault] : missing) {
            status.missing_callables.push_back(callable);
            status.missing_handlers.push_back(fault);
        }
    }

    static void fill_counts(const Worker& worker, WorkerStatus& status) {
        std::set<std::string> plugins;
        for (const auto& handler : worker.registry_.all()) plugins.insert(handler->info().plugin_id);
        plugins.erase("");
        status.plugins = static_cast<int>(plugins.size());
        status.handlers = static_cast<int>(worker.registry_.handler_count());
        fill_templates(worker, status);
        if (!worker.event_system_) return;
        const ExecutorStats stats = worker.event_system_->subscriber().stats();
        status.slots = stats.slots;
        status.running_steps = stats.running;
        status.abandoned_threads = stats.abandoned;
        status.steps_succeeded = stats.succeeded;
        status.steps_failed = stats.failed;
        status.results_refused = stats.refused;
        const DomainEventStats events = worker.domain_events_->stats();
        status.event_subscribers = static_cast<int>(events.subscribers);
        status.events_delivered = events.delivered;
        status.event_subscriber_errors = events.failed;
        status.events_dropped = events.dropped;
    }

    static WorkerStatus status(const Worker& worker) {
        WorkerStatus status;
        status.running = worker.running_.load();
        status.environment = worker.config_.environment;
        status.worker_id = worker.worker_id();
        status.supported_namespaces = worker.config_.namespaces;
        status.web_api_enabled = worker.web_api_enabled_.load();
        status.worker_core_status = "stopped";
        if (status.running) {
            fill_from_runtime(worker, status);
        } else {
            status.error = worker.failure_.empty() ? "the worker is stopped" : worker.failure_;
        }
        fill_counts(worker, status);
        return status;
    }
};

Worker::~Worker() {
    try {
        WorkerLifecycle::stop(*this);
    } catch (const std::exception& error) {
        config_.log.error("Worker could not be stopped cleanly",
                          {{"component", "worker"}, {"operation", "stop"}, {"error_message", error.what()}});
    }
}

Bootstrapped bootstrap_worker(BootstrapConfig config, HandlerRegistry registry) {
    auto worker = WorkerLifecycle::make(std::move(config), std::move(registry));
    if (auto failure = WorkerLifecycle::start(*worker)) return {std::move(worker), std::move(*failure)};
    BootstrapResult result = WorkerLifecycle::announce(*worker);
    return {std::move(worker), std::move(result)};
}

std::vector<HandlerCounts> handler_counts(const Worker& worker) {
    if (!worker.running()) return {};
    return worker.event_system().subscriber().handler_counts();
}

std::string stop_worker(Worker& worker) { return WorkerLifecycle::stop(worker); }
WorkerStatus worker_status(const Worker& worker) { return WorkerLifecycle::status(worker); }
std::string transition_to_graceful_shutdown(Worker& worker) { return WorkerLifecycle::transition(worker); }
bool is_worker_running(const Worker& worker) { return worker.running(); }

}  // namespace tasker::host
