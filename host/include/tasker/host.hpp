#pragma once
// The worker as a library: bootstrap API, event system and handlers for a program of your own. Link tasker::host
// (find_package(TaskerHost)). It never touches signals, argv or the environment. The names most programs need are in
// namespace tasker; everything else is in tasker::host. Can be included beside <tasker/sdk.hpp>.

#include <string_view>
#include <utility>

#include "host/core/error.hpp"
#include "host/events/domain_event_bus.hpp"
#include "host/events/event_bridge.hpp"
#include "host/events/event_poller.hpp"
#include "host/loader/plugin_set.hpp"
#include "host/logging/logger.hpp"
#include "host/logging/sinks.hpp"
#include "host/model/task_request.hpp"
#include "host/model/worker_status.hpp"
#include "host/registry/event_extensions.hpp"
#include "host/registry/handler_registry.hpp"
#include "host/subscriber/step_execution_subscriber.hpp"
#include "host/templates/template_loader.hpp"
#include "host/worker/worker.hpp"

namespace tasker {

using host::BootstrapConfig;
using host::Bootstrapped;
using host::BootstrapResult;
using host::Worker;
using host::WorkerStatus;

using host::bootstrap_worker;
using host::is_worker_running;
using host::stop_worker;
using host::transition_to_graceful_shutdown;
using host::worker_status;

using host::EventBridge;
using host::EventPoller;
using host::EventPollerConfig;
using host::EventSystem;
using host::StepEvent;
using host::StepExecutionResult;
using host::StepExecutionSubscriber;
using host::SubscriberOptions;
namespace event_names = host::event_names;

// Publishers and subscribers of domain events derive from host::EventPublisher and host::EventSubscriber.
using host::DomainEventBus;
using host::EventExtensions;

using host::HandlerRegistry;
using host::TaskClient;
using host::TaskRequest;
using host::TemplateCatalog;

// The seed's five log functions. A logger is passed, because one process may hold several workers.
inline void log_error(const host::Logger& log, std::string_view message, host::LogFields fields = {}) {
    log.error(message, std::move(fields));
}
inline void log_warn(const host::Logger& log, std::string_view message, host::LogFields fields = {}) {
    log.warn(message, std::move(fields));
}
inline void log_info(const host::Logger& log, std::string_view message, host::LogFields fields = {}) {
    log.info(message, std::move(fields));
}
inline void log_debug(const host::Logger& log, std::string_view message, host::LogFields fields = {}) {
    log.debug(message, std::move(fields));
}
inline void log_trace(const host::Logger& log, std::string_view message, host::LogFields fields = {}) {
    log.trace(message, std::move(fields));
}

}  // namespace tasker
