#include <unistd.h>

#include <exception>
#include <memory>
#include <string>
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
#include "host/process/web_access.hpp"
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
    void set_level(LogLevel level) noexcept override { next_->set_level(level); }
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

// SIGHUP: of all settings the log's level alone takes effect while the worker runs. A flag or RUST_LOG beats the file, then
// as at the start.
void read_log_level(const Command& command, LogSink& sink, const Logger& log, LogLevel& level) {
    try {
        const LogLevel wanted = configuration(command).config.log_level;
        if (wanted == level) return;
        // Told while it is still, or already, wanted.
        if (wanted < level) sink.set_level(wanted);
        log.info("The log level is " + std::string(name(wanted)) + " now, it was " + std::string(name(level)),
                 {{"component", "server"}, {"operation", "reload"}, {"level_now", name(wanted)}});
        sink.set_level(wanted);
        level = wanted;
    } catch (const std::exception& error) {
        log.error(
            "The configuration could not be read again, the log level stays " + std::string(name(level)),
            {{"component", "server"}, {"operation", "reload"}, {"error_message", error.what()}});
    }
}

// SIGHUP: the token's file is read again. One that cannot be used leaves the old token in force.
void read_token_again(const Config& config, ApiServer* web, const Logger& log) {
    if (web == nullptr || config.web_token_file.empty()) return;
    const LogFields fields{{"component", "api"}, {"operation", "reload"}};
    try {
        web->set_token(web_token(config));
    } catch (const ConfigError& error) {
        log.error("The API's token stays as it was: " + std::string(error.what()) + "; " + error.hint(),
                  fields);
    }
}

MetricFacts metric_facts(Worker& worker) {
    MetricFacts facts{worker_status(worker), handler_counts(worker), version_number()};
    facts.store_in_trouble = !worker.engine().trouble().empty();
    try {
        facts.queues = worker.engine().queues();
    } catch (const Error&) {
        facts.store_in_trouble = true;  // the rest of the page is worth having all the same
    }
    return facts;
}

// The unix socket's server, and the one over TCP where that is asked for.
struct Servers {
    std::unique_ptr<ApiServer> socket, web;
};

Servers start_servers(const Config& config, const WebAccess& access, Worker& worker,
                      const std::vector<PluginReport>& reports, const Logger& log) {
    // Plugins are discovered once, so this one never changes.
    const ApiContext context{
        worker.engine(),
        [&worker] { return worker_status(worker); },
        [text = plugins_document(reports)] { return text; },
        {},
        [&worker] { return handlers_document(worker.registry(), *worker.engine().catalog()); },
        [&worker] { return metrics_text(metric_facts(worker)); },
        {version_number(), config.environment, worker.worker_id(), !access.token.empty()},
        &worker.clock()};
    Servers servers;
    ApiServerOptions options;
    options.socket = api_socket(config);
    servers.socket = std::make_unique<ApiServer>(options, context, log);
    if (!access.address) return servers;
    ApiServerOptions web;
    web.web = access.address;
    web.token = access.token;
    servers.web = std::make_unique<ApiServer>(std::move(web), context, log);
    worker.set_web_api_enabled(true);
    log.info("REST API: http://" + servers.web->place() +
                 (access.token.empty() ? " (this machine only, without a token)" : " (with the token)"),
             {{"component", "api"}, {"operation", "listen"}, {"address", servers.web->place()}});
    return servers;
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
    const WebAccess access = web_access(loaded.config);
    const auto cause = std::make_shared<EndCause>(make_sink(command, loaded.config));
    const Logger log(cause);
    const PluginOutput output(log, LogLevel::Info);
    const ExitGuard exit_guard([&] {
        log.error("Unhandled error: a plugin called exit(), which ends every step of this worker",
                  {{"component", "server"}, {"operation", "fatal"}});
        tell_end(command, ExitCode::Unhandled, *cause);
        log.flush(300);
    });
    Servers servers;
    WorkerCommandOptions options;
    options.log = log;
    options.version = version_number();
    options.start_api = [&](Worker& worker, const std::vector<PluginReport>& reports) {
        servers = start_servers(loaded.config, access, worker, reports, log);
    };
    options.stop_api = [&] { servers = {}; };
    LogLevel level = loaded.config.log_level;
    options.reload = [&] {
        read_log_level(command, *cause, log, level);
        read_token_again(loaded.config, servers.web.get(), log);
    };
    options.notify = notify_target(command.environment, ::getpid());
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
