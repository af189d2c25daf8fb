#include <memory>

#include "host/api/api_server.hpp"
#include "host/api/plugin_documents.hpp"
#include "host/logging/sinks.hpp"
#include "host/process/commands.hpp"
#include "host/process/connection.hpp"
#include "host/process/worker_command.hpp"

namespace tasker::host {

Logger make_logger(const Command& command, const Config& config) {
    LogOptions options;
    options.level = config.log_level;
    options.format = config.log_format;
    options.color = command.colors(command.err);
    options.secrets = config_secrets(config);
    return Logger(make_stream_sink(std::move(options)));
}

ExitCode worker(Command& command) {
    const LoadedConfig loaded = configuration(command);
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
    return run_worker(loaded, std::move(options));
}

}  // namespace tasker::host
