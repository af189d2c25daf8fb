#include <memory>

#include "host/api/api_server.hpp"
#include "host/api/documents.hpp"
#include "host/api/plugin_documents.hpp"
#include "host/core/guarded.hpp"
#include "host/logging/redact.hpp"
#include "host/logging/sinks.hpp"
#include "host/process/commands.hpp"
#include "host/process/connection.hpp"
#include "host/process/open_files.hpp"
#include "host/process/worker_command.hpp"

namespace tasker::host {

namespace {
std::shared_ptr<LogSink> make_sink(const Command& command, const Config& config) {
    LogOptions options;
    options.level = config.log_level;
    options.format = config.log_format;
    options.color = command.colors(command.err);
    options.secrets = config_secrets(config);
    return make_stream_sink(std::move(options));
}

// Passes records on and remembers the first error: what made the worker end.
class FirstError final : public LogSink {
  public:
    FirstError(const Command& command, const Config& config) : next_(make_sink(command, config)) {}

    bool enabled(LogLevel level) const override { return level == LogLevel::Error || next_->enabled(level); }
    void write(LogRecord record) override {
        if (record.level == LogLevel::Error) {
            first_.with([&](std::string& first) {
                if (first.empty()) first = record.message;
            });
        }
        next_->write(std::move(record));
    }
    void flush(int timeout_ms) override { next_->flush(timeout_ms); }
    std::string message() const {
        return redact_urls(first_.with([](const std::string& first) { return first; }));
    }

  private:
    const std::shared_ptr<LogSink> next_;
    Guarded<std::string> first_;
};
}  // namespace

Logger make_logger(const Command& command, const Config& config) {
    return Logger(make_sink(command, config));
}

ExitCode worker(Command& command) {
    const LoadedConfig loaded = configuration(command);
    ensure_open_files();
    WorkerCommandOptions options;
    options.log = make_logger(command, loaded.config);
    options.version = version_text().substr(std::string_view{"tasker-host "}.size());
    std::unique_ptr<ApiServer> server;
    options.start_api = [&](Worker& worker, const std::vector<PluginReport>& reports) {
        ApiServerOptions api;
        api.socket = api_socket(loaded.config);
        make_store_folder(api.socket);
        // Nothing is discovered while a worker runs, so these two never change.
        ApiContext context{
            worker.engine(),
            [&worker] { return to_json(worker_status(worker)); },
            [text = plugins_document(reports)] { return text; },
            {},
            [text = handlers_document(worker.registry(), worker.config().templates)] { return text; }};
        server = std::make_unique<ApiServer>(std::move(api), std::move(context), options.log);
    };
    options.stop_api = [&] { server.reset(); };
    if (!command.line.json) return run_worker(loaded, std::move(options));
    // With --json the one document on standard output says why it ended badly; the log stays on standard error.
    const auto first = std::make_shared<FirstError>(command, loaded.config);
    options.log = Logger(first);
    const ExitCode code = run_worker(loaded, std::move(options));
    if (code != ExitCode::Done && code != ExitCode::HandedBack) {
        command.out.line(
            error_document("WORKER_FAILED", first->message(), "the log on standard error tells more"));
    }
    return code;
}

}  // namespace tasker::host
