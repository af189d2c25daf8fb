#include "host/api/metrics.hpp"

#include <prometheus/metric_family.h>
#include <prometheus/text_serializer.h>

#include <algorithm>
#include <cstdint>
#include <initializer_list>
#include <string_view>
#include <utility>

namespace tasker::host {

namespace {
using prometheus::MetricType;

// The busiest by themselves, the rest in one.
std::vector<HandlerCounts> capped(std::vector<HandlerCounts> handlers) {
    if (handlers.size() <= kMaxMetricSeries) return handlers;
    std::ranges::sort(handlers, [](const HandlerCounts& a, const HandlerCounts& b) {
        return a.succeeded + a.failed > b.succeeded + b.failed;
    });
    HandlerCounts other;
    other.callable = "other";
    for (std::size_t i = kMaxMetricSeries; i < handlers.size(); ++i) {
        other.succeeded += handlers[i].succeeded;
        other.failed += handlers[i].failed;
        other.running += handlers[i].running;
        other.waiting += handlers[i].waiting;
    }
    handlers.resize(kMaxMetricSeries);
    handlers.push_back(std::move(other));
    return handlers;
}

// The same for namespaces, which come with the fullest first.
std::vector<QueueDepth> capped(std::vector<QueueDepth> queues) {
    if (queues.size() <= kMaxMetricSeries) return queues;
    QueueDepth other;
    other.namespace_name = "other";
    for (std::size_t i = kMaxMetricSeries; i < queues.size(); ++i) {
        other.ready_steps += queues[i].ready_steps;
        other.oldest_ms = std::max(other.oldest_ms, queues[i].oldest_ms);
    }
    queues.resize(kMaxMetricSeries);
    queues.push_back(std::move(other));
    return queues;
}

class Page {
  public:
    using Labels = std::initializer_list<std::pair<std::string_view, std::string_view>>;

    Page& family(std::string_view name, MetricType type, std::string_view help) {
        families_.push_back({std::string(name), std::string(help), type, {}});
        return *this;
    }
    Page& gauge(std::string_view name, std::string_view help) {
        return family(name, MetricType::Gauge, help);
    }
    Page& counter(std::string_view name, std::string_view help) {
        return family(name, MetricType::Counter, help);
    }
    // Of the family that was begun last.
    Page& value(double value, Labels labels = {}) {
        prometheus::MetricFamily& family = families_.back();
        prometheus::ClientMetric metric;
        for (const auto& [name, text] : labels)
            metric.label.push_back({std::string(name), std::string(text)});
        (family.type == MetricType::Counter ? metric.counter.value : metric.gauge.value) = value;
        family.metric.push_back(std::move(metric));
        return *this;
    }
    // A family without a series is not shown.
    std::string text() const {
        std::vector<prometheus::MetricFamily> shown;
        std::ranges::copy_if(families_, std::back_inserter(shown),
                             [](const auto& one) { return !one.metric.empty(); });
        return prometheus::TextSerializer{}.Serialize(shown);
    }

  private:
    std::vector<prometheus::MetricFamily> families_;
};

double number(std::int64_t value) { return static_cast<double>(value); }

void add_worker(Page& page, const MetricFacts& facts) {
    const WorkerStatus& status = facts.status;
    page.gauge("tasker_worker_info", "Which worker this is.")
        .value(1, {{"version", facts.version}, {"worker_id", status.worker_id}, {"worker_type", "cpp"}});
    page.gauge("tasker_worker_up", "1 while the worker runs.").value(status.running ? 1 : 0);
    page.gauge("tasker_worker_uptime_seconds", "Since the worker started.")
        .value(number(status.uptime_ms / 1000));
    page.gauge("tasker_worker_db_pool_size", "Connections to the store.").value(status.database_pool_size);
    page.gauge("tasker_worker_slots", "Steps that may be claimed at the same time.").value(status.slots);
    page.gauge("tasker_worker_abandoned_threads", "Threads that a handler keeps past its deadline.")
        .value(status.abandoned_threads);
    page.gauge("tasker_worker_missing_callables", "Callables that templates name and no plugin offers.")
        .value(static_cast<double>(status.missing_callables.size()));
    page.counter("tasker_results_refused_total", "Results that came after their claim had ended.")
        .value(number(status.results_refused));
    page.counter("tasker_domain_events_total",
                 "Domain events inside this process: calls of subscribers by outcome, and events dropped.")
        .value(number(status.events_delivered), {{"outcome", "delivered"}})
        .value(number(status.event_subscriber_errors), {{"outcome", "failed"}})
        .value(number(status.events_dropped), {{"outcome", "dropped"}});
}

void add_queues(Page& page, const MetricFacts& facts) {
    const std::vector<QueueDepth> shown = capped(facts.queues);
    page.gauge("tasker_worker_queue_depth", "Steps that are ready and not claimed.");
    for (const QueueDepth& one : shown)
        page.value(number(one.ready_steps), {{"namespace", one.namespace_name}});
    page.gauge("tasker_worker_queue_oldest_message_age_seconds", "How long the oldest of them waits.");
    for (const QueueDepth& one : shown)
        page.value(number(one.oldest_ms) / 1000, {{"namespace", one.namespace_name}});
    int dispatch = facts.status.abandoned_threads > 0 ? 1 : 0;
    if (!facts.status.running) dispatch = 2;
    page.gauge("tasker_worker_channel_health", "0 healthy, 1 degraded, 2 critical.")
        .value(dispatch, {{"channel_name", "step_dispatch"}, {"component", "subscriber"}})
        .value(facts.store_in_trouble ? 2 : 0, {{"channel_name", "step_results"}, {"component", "engine"}});
}

void add_steps(Page& page, const MetricFacts& facts) {
    const std::vector<HandlerCounts> shown = capped(facts.handlers);
    page.counter("tasker_steps_total", "Step attempts that ended, by outcome.");
    for (const HandlerCounts& one : shown) {
        page.value(number(one.succeeded), {{"callable", one.callable}, {"outcome", "succeeded"}});
        page.value(number(one.failed), {{"callable", one.callable}, {"outcome", "failed"}});
    }
    page.gauge("tasker_steps_running", "Handlers that run now.");
    for (const HandlerCounts& one : shown) page.value(one.running, {{"callable", one.callable}});
    page.gauge("tasker_steps_waiting", "Claimed steps that wait for a free thread.");
    for (const HandlerCounts& one : shown) page.value(one.waiting, {{"callable", one.callable}});
}
}  // namespace

std::string metrics_text(const MetricFacts& facts) {
    Page page;
    add_worker(page, facts);
    add_queues(page, facts);
    add_steps(page, facts);
    return page.text();
}

}  // namespace tasker::host
