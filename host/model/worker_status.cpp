#include "host/model/worker_status.hpp"

#include <string_view>
#include <utility>

#include "host/core/json_text.hpp"

namespace tasker::host {

namespace {

// Members of one flat object, in the order they are added.
class ObjectText {
  public:
    void text(std::string_view key, std::string_view value) {
        start(key);
        append_json_string(out_, value);
    }
    void text_or_null(std::string_view key, const std::optional<std::string>& value) {
        if (value) return text(key, std::string_view{*value});
        start(key);
        out_ += "null";
    }
    void flag(std::string_view key, bool value) {
        start(key);
        out_ += value ? "true" : "false";
    }
    void number(std::string_view key, std::int64_t value) {
        start(key);
        out_ += std::to_string(value);
    }
    void list(std::string_view key, const std::vector<std::string>& values) {
        start(key);
        out_ += '[';
        for (std::size_t i = 0; i < values.size(); ++i) {
            if (i > 0) out_ += ',';
            append_json_string(out_, values[i]);
        }
        out_ += ']';
    }
    std::string finish() && { return std::move(out_) + '}'; }

  private:
    void start(std::string_view key) {
        if (out_.size() > 1) out_ += ',';
        append_json_string(out_, key);
        out_ += ':';
    }
    std::string out_ = "{";
};

}  // namespace

std::string to_json(const WorkerStatus& status) {
    ObjectText out;
    out.flag("running", status.running);
    out.text("environment", status.environment);
    out.text("worker_core_status", status.worker_core_status);
    out.flag("web_api_enabled", status.web_api_enabled);
    out.list("supported_namespaces", status.supported_namespaces);
    out.number("database_pool_size", status.database_pool_size);
    out.number("database_pool_idle", status.database_pool_idle);
    out.text_or_null("error", status.error);
    out.text("worker_id", status.worker_id);
    out.number("uptime_ms", status.uptime_ms);
    out.number("handlers", status.handlers);
    out.number("templates", status.templates);
    out.number("plugins", status.plugins);
    out.list("missing_callables", status.missing_callables);
    out.list("missing_handlers", status.missing_handlers);
    out.number("slots", status.slots);
    out.number("running_steps", status.running_steps);
    out.number("abandoned_threads", status.abandoned_threads);
    out.number("steps_succeeded", status.steps_succeeded);
    out.number("steps_failed", status.steps_failed);
    out.number("results_refused", status.results_refused);
    out.number("event_subscribers", status.event_subscribers);
    out.number("events_delivered", status.events_delivered);
    out.number("event_subscriber_errors", status.event_subscriber_errors);
    out.number("events_dropped", status.events_dropped);
    return std::move(out).finish();
}

}  // namespace tasker::host
