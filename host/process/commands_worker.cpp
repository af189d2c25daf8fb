#include <unistd.h>

#include <memory>
#include <string_view>

#include "host/api/api_server.hpp"
#include "host/api/documents.hpp"
#include "host/api/json_writer.hpp"
#include "host/api/metrics.hpp"
#include "host/api/plugin_documents.hpp"
#include "host/core/guarded.hpp"
#include "host/logging/redact.hpp"
#include "host/logging/sinks.hpp"
#include "host/process/commands.hpp"
#include "host/process/exit_guard.hpp"
#include "host/process/open_files.hpp"
#include "host/process/plugin_output.hpp"
#include "host/process/state_folder.hpp"
#include "host/process/worker_command.hpp"

namespace tasker::host {

namespace {
std::shared_ptr<LogSink> make_sink(const Command& command, const Config& config) {
    LogOptions options;
    options.level = config.log_level;
    options.format = config.log_format;
    options.color = command.colors(command.err);
    options.fd = command.err.fd();
    options.secrets = config_secrets(config);
    return make_stream_sink(std::move(options));
}

// Passes records on and remembers the first one that says why the worker ends.
class EndCause final : public LogSink {
  public:
    explicit EndCause(std::shared_ptr<LogSink> next) : next_(std::move(next)) {}

    bool enabled(LogLevel level) const override { return level == LogLevel::Error || next_->enabled(level); }
    void write(LogRecord record) override {
        if (record.level == LogLevel::Error && ends_the_worker(record.fields)) {
            message_.with([&](std::string& message) {
                if (message.empty()) message = record.message;
            });
        }
        next_->write(std::move(record));
    }
    void lost() noexcept override { next_->lost(); }
    void flush(int timeout_ms) override { next_->flush(timeout_ms); }
    std::string message() const {
        return redact_urls(message_.with([](const std::string& message) { return message; }));
    }

  private:
    // Other errors are a plugin's, a template's or a step's; the worker goes on after them.
    static bool ends_the_worker(const LogFields& fields) {
        for (const LogField& field : fields) {
            if (field.key != "operation") continue;
            for (const std::string_view end :
                 {"bootstrap_worker", "start_api", "startup", "fatal", "shutdown", "store_lost"}) {
                if (field.value == end) return true;
            }
        }
        return false;
    }

    const std::shared_ptr<LogSink> next_;
    Guarded<std::string> message_;
};

// The one document of `worker --json`: how it ended, or why it ended badly; the log stays on standard error.
void tell_end(Command& command, ExitCode code, const EndCause& cause) {
    if (!command.line.json) return;
    if (code != ExitCode::Done && code != ExitCode::HandedBack) {
        command.document(
            error_document("WORKER_FAILED", cause.message(), "the log on standard error tells more"));
        return;
    }
    std::string out;
    JsonObject object(out);
    object.text("status", "stopped").number("exit_code", static_cast<int>(code));
    object.end();
    command.document(out);
}

std::unique_ptr<ApiServer> start_server(const Config& config, Worker& worker,
                                        const std::vector<PluginReport>& reports, const Logger& log) {
    ApiServerOptions api;
    api.socket = api_socket(config);
    // Plugins are discovered once, so this one never changes.
    ApiContext context{worker.engine(),
                       [&worker] { return worker_status(worker); },
                       [text = plugins_document(reports)] { return text; },
                       {},
                       [&worker] { return handlers_document(worker.registry(), *worker.engine().catalog()); },
                       [&worker] { return metrics_text(worker_status(worker), handler_counts(worker)); }};
    return std::make_unique<ApiServer>(std::move(api), std::move(context), log);
}
}  // namespace

Logger make_logger(const Command& command, const Config& config) {
    return Logger(make_sink(command, config));
}

ExitCode worker(Command& command) {
    ensure_open_files();  // first: without descriptors nothing else tells the truth
    const LoadedConfig loaded = configuration(command);
    // A configuration without a place for the store is told apart from a worker that cannot start.
    if (!is_postgres(loaded.config)) static_cast<void>(state_folder(loaded.config));
    const auto cause = std::make_shared<EndCause>(make_sink(command, loaded.config));
    const Logger log(cause);
    const PluginOutput output(log, LogLevel::Info);
    const ExitGuard exit_guard([&] {
        log.error("Unhandled error: a plugin called exit(), which ends every step of this worker",
                  {{"component", "server"}, {"operation", "fatal"}});
        tell_end(command, ExitCode::Unhandled, *cause);
        log.flush(300);
    });
    std::unique_ptr<ApiServer> server;
    WorkerCommandOptions options;
    options.log = log;
    options.version = version_text().substr(std::string_view{"tasker-host "}.size());
    options.start_api = [&](Worker& worker, const std::vector<PluginReport>& reports) {
        server = start_server(loaded.config, worker, reports, log);
    };
    options.stop_api = [&] { server.reset(); };
    options.exit_now = [&](ExitCode code) {
        tell_end(command, code, *cause);
        log.flush(300);
        _exit(static_cast<int>(code));
    };
    const ExitCode code = run_worker(loaded, std::move(options));
    tell_end(command, code, *cause);
    return code;
}

}  // namespace tasker::host
