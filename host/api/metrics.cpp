#include "host/api/metrics.hpp"

#include <algorithm>
#include <cstdint>
#include <string_view>

namespace tasker::host {

namespace {
std::string escaped(std::string_view value) {
    std::string out;
    for (const char c : value) {
        if (c == '\\' || c == '"') out += '\\';
        if (c == '\n') {
            out += "\\n";
        } else {
            out += c;
        }
    }
    return out;
}

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

class Text {
  public:
    void family(std::string_view name, std::string_view type, std::string_view help) {
        name_ = name;
        out_ += "# HELP " + name_ + " " + std::string(help) + "\n# TYPE " + name_ + " " + std::string(type) +
                "\n";
    }
    void value(std::int64_t value, const std::string& labels = {}) {
        out_ += name_ + labels + " " + std::to_string(value) + "\n";
    }
    std::string take() { return std::move(out_); }

  private:
    std::string name_, out_;
};
}  // namespace

std::string metrics_text(const WorkerStatus& status, const std::vector<HandlerCounts>& handlers) {
    Text text;
    const auto single = [&](std::string_view name, std::string_view type, std::string_view help,
                            std::int64_t value) {
        text.family(name, type, help);
        text.value(value);
    };
    single("tasker_worker_up", "gauge", "1 while the worker runs.", status.running ? 1 : 0);
    single("tasker_worker_uptime_seconds", "gauge", "Since the worker started.", status.uptime_ms / 1000);
    single("tasker_worker_slots", "gauge", "Steps that may be claimed at the same time.", status.slots);
    single("tasker_worker_abandoned_threads", "gauge", "Threads that a handler keeps past its deadline.",
           status.abandoned_threads);
    single("tasker_worker_missing_callables", "gauge", "Callables that templates name and no plugin offers.",
           static_cast<std::int64_t>(status.missing_callables.size()));
    single("tasker_results_refused_total", "counter", "Results that came after their claim had ended.",
           status.results_refused);
    const std::vector<HandlerCounts> shown = capped(handlers);
    const auto callable = [](const HandlerCounts& one) {
        return "{callable=\"" + escaped(one.callable) + "\"";
    };
    text.family("tasker_steps_total", "counter", "Step attempts that ended, by outcome.");
    for (const HandlerCounts& one : shown) {
        text.value(one.succeeded, callable(one) + ",outcome=\"succeeded\"}");
        text.value(one.failed, callable(one) + ",outcome=\"failed\"}");
    }
    text.family("tasker_steps_running", "gauge", "Handlers that run now.");
    for (const HandlerCounts& one : shown) text.value(one.running, callable(one) + "}");
    text.family("tasker_steps_waiting", "gauge", "Claimed steps that wait for a free thread.");
    for (const HandlerCounts& one : shown) text.value(one.waiting, callable(one) + "}");
    return text.take();
}

}  // namespace tasker::host
