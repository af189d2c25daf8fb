#include "host/process/worker_bootstrap.hpp"

#include "host/process/discovery.hpp"

namespace tasker::host {

BootstrapConfig worker_settings(const Config& config) {
    BootstrapConfig bootstrap;
    bootstrap.worker_id = config.worker_id;
    bootstrap.environment = config.environment;
    bootstrap.durability = config.durability == "process" ? Durability::Process : Durability::Full;
    bootstrap.subscriber.threads = config.threads;
    bootstrap.subscriber.prefetch = config.prefetch;
    bootstrap.subscriber.handler_concurrency = config.handler_concurrency;
    bootstrap.subscriber.cancel_grace_ms = config.cancel_grace_ms;
    bootstrap.subscriber.max_runtime_ms = config.max_runtime_ms;
    bootstrap.subscriber.drain_timeout_ms = config.drain_timeout_ms;
    bootstrap.subscriber.max_abandoned = config.max_abandoned;
    bootstrap.poller.polling_interval_ms = config.polling_interval_ms;
    bootstrap.poller.starvation_check_interval = config.starvation_check_interval;
    bootstrap.poller.cleanup_interval = config.cleanup_interval;
    bootstrap.default_step_timeout_ms = config.default_step_timeout_ms;
    bootstrap.max_runtime_ms = config.max_runtime_ms;
    return bootstrap;
}

BootstrapConfig bootstrap_config(const Config& config, const TemplateCatalog& catalog) {
    BootstrapConfig bootstrap = worker_settings(config);
    bootstrap.namespaces = served_namespaces(config, catalog);
    bootstrap.namespace_name = bootstrap.namespaces.front();
    if (config.config_path) bootstrap.config_path = config.config_path->string();
    bootstrap.log_level = "trace";  // the command's sink has the level, and may change it
    bootstrap.state_dir = config.state_dir.string();
    bootstrap.database_url = config.database_url;
    if (!is_postgres(config)) bootstrap.store = store_path(config).string();
    bootstrap.templates = catalog;
    bootstrap.missing_handler_timeout_ms = config.missing_handler_timeout_ms;
    bootstrap.fail_missing_handler = config.missing_handler == "fail";
    bootstrap.upkeep = upkeep_options(config);
    bootstrap.start_event_system = false;
    return bootstrap;
}

}  // namespace tasker::host
