#include <cstdlib>
#include <optional>
#include <system_error>

#include "host/api/documents.hpp"
#include "host/core/nearest.hpp"
#include "host/process/follow.hpp"
#include "host/process/plugin_discovery.hpp"
#include "host/process/signals.hpp"
#include "host/process/submission.hpp"
#include "host/templates/template_loader.hpp"
#include "host/worker/worker.hpp"

namespace tasker::host {

namespace {
namespace fs = std::filesystem;

// A folder for the throw-away store; gone with the object.
class ScratchFolder {
  public:
    ScratchFolder() {
        std::error_code fault;
        std::string pattern = (fs::temp_directory_path(fault) / "tasker-run-XXXXXX").string();
        if (fault || ::mkdtemp(pattern.data()) == nullptr) {
            throw BootstrapError(
                "no temporary folder can be made in " + fs::path{pattern}.parent_path().string(),
                "set TMPDIR, or keep the store with --store PATH");
        }
        path_ = pattern;
    }
    ~ScratchFolder() {
        std::error_code ignored;
        fs::remove_all(path_, ignored);
    }
    ScratchFolder(const ScratchFolder&) = delete;
    ScratchFolder& operator=(const ScratchFolder&) = delete;
    const fs::path& path() const { return path_; }

  private:
    fs::path path_;
};

LoadedTemplates find_templates(Command& command, const Config& config, TemplateName& said) {
    const std::string wanted = *command.line.get("TEMPLATE");
    TemplateOptions rules;
    rules.environment = config.environment;
    rules.strict = config.strict_templates;
    const bool file =
        wanted.ends_with(".yaml") || wanted.ends_with(".yml") || wanted.find('/') != std::string::npos;
    LoadedTemplates loaded = load_templates(
        file ? std::vector<fs::path>{command.working_directory / wanted} : config.template_path, rules);
    if (!file) {
        said.name = wanted;
        return loaded;
    }
    std::string faults;
    for (const Diagnostic& one : loaded.diagnostics) {
        if (one.severity == Severity::Error) faults += (faults.empty() ? "" : "\n") + one.str();
    }
    if (!faults.empty()) throw CommandFailure(ExitCode::Bootstrap, "TEMPLATE_INVALID", faults);
    if (loaded.catalog.all().empty()) {
        throw CommandFailure(ExitCode::NotFound, "NOT_FOUND", "there is no template in " + wanted);
    }
    said.name = loaded.catalog.all().front()->name;
    return loaded;
}

// A step without a handler would wait for one; in a process of its own none will come.
void require_handlers(const TaskTemplate& chosen, const HandlerRegistry& registry, const Config& config) {
    const std::vector<std::string> offered = registry.list_handlers();
    std::string missing;
    for (const StepTemplate& step : chosen.steps) {
        const std::string& callable = step.handler.callable;
        if (registry.is_registered(callable)) continue;
        missing += (missing.empty() ? "" : "\n") + std::string{"step '"} + step.name +
                   "': no plugin offers the handler '" + callable + "'" + did_you_mean(callable, offered);
    }
    if (missing.empty()) return;
    std::string roots;
    for (const auto& root : config.plugin_path) roots += (roots.empty() ? "" : ":") + root.string();
    throw CommandFailure(ExitCode::Bootstrap, "HANDLER_MISSING", missing,
                         "looked in " + roots + "; tasker-host plugin list says what is found there");
}

BootstrapConfig run_config(const Config& config, const fs::path& store, const TemplateName& chosen,
                           LoadedTemplates& loaded) {
    BootstrapConfig out;
    out.worker_id = config.worker_id;
    out.namespace_name = chosen.namespace_name;
    out.environment = config.environment;
    out.store = store.string();
    out.state_dir = store.parent_path().string();
    out.templates = std::move(loaded.catalog);
    out.durability = config.durability == "process" ? Durability::Process : Durability::Full;
    out.subscriber.threads = config.threads;
    out.subscriber.prefetch = config.prefetch;
    out.subscriber.handler_concurrency = config.handler_concurrency;
    out.subscriber.cancel_grace_ms = config.cancel_grace_ms;
    out.subscriber.drain_timeout_ms = config.drain_timeout_ms;
    out.subscriber.max_runtime_ms = config.max_runtime_ms;
    out.subscriber.max_abandoned = config.max_abandoned;
    out.poller.polling_interval_ms = config.polling_interval_ms;
    out.default_step_timeout_ms = config.default_step_timeout_ms;
    out.max_runtime_ms = config.max_runtime_ms;
    return out;
}

Uuid submit(const Command& command, Worker& worker, const TemplateName& chosen, const std::string& context) {
    TaskRequest request;
    request.name = chosen.name;
    request.namespace_name = chosen.namespace_name;
    request.version = chosen.version;
    request.context_json = context;
    const auto user = command.environment.find("USER");
    request.initiator = user == command.environment.end() || user->second.empty() ? "cli" : user->second;
    request.source_system = "cli";
    request.reason = "CLI task run";
    const SubmitOutcome outcome = worker.tasks().create(request);
    if (const auto* refused = std::get_if<Refused>(&outcome)) {
        expect_document({refusal_status(refused->why),
                         error_document(refusal_code(refused->why), refused->message, refused->hint)});
    }
    return std::get<Uuid>(outcome);
}

Followed run_to_the_end(Command& command, Worker& worker, const Uuid& uuid, SignalSource& signals) {
    Progress progress(command, false);
    bool interrupted = false;
    const auto read = [&] {
        const auto task = worker.tasks().get(uuid);
        if (!task) throw Error("the task " + uuid.str() + " has vanished from its store");
        return task_document(*task, {.results = true, .dependencies = true});
    };
    const auto pause = [&](int ms) {
        const auto signal = signals.next(worker.clock().steady_ms() + ms);
        if (!signal || *signal == ServerSignal::Status || *signal == ServerSignal::Hangup) return true;
        if (interrupted) return false;
        interrupted = true;
        command.err.line("cancelling the task; once more to leave at once");
        // Refused only when it has just finished: then there is nothing left to cancel.
        worker.tasks().cancel(uuid);
        return true;
    };
    return follow(
        read, timeout_ms(command), [&](const TaskRow& task) { progress.show(task); }, pause);
}
}  // namespace

ExitCode task_run(Command& command) {
    static_cast<void>(timeout_ms(command));
    const std::string context = read_context(command);
    Config config = configure(command).config;
    // Progress is what people look at here: the log only speaks of trouble unless somebody asked for more.
    const bool level_said =
        command.line.settings.contains("host.log_level") || command.environment.contains("RUST_LOG");
    if (!level_said && config.log_level < LogLevel::Warn) config.log_level = LogLevel::Warn;
    TemplateName said{
        command.line.get("namespace").value_or(""), {}, command.line.get("version").value_or("")};
    LoadedTemplates loaded = find_templates(command, config, said);
    std::vector<TemplateName> known;
    for (const auto& one : loaded.catalog.all())
        known.push_back({one->namespace_name, one->name, one->version});
    const TemplateName chosen = choose_template(known, said);

    const SystemClock clock;
    ProcessSignals signals(clock);  // before the first thread
    const Logger log = make_logger(command, config);
    LoadedPlugins plugins = discover_plugins(config, log);
    require_handlers(*loaded.catalog.find(chosen.namespace_name, chosen.name, chosen.version),
                     plugins.registry, config);

    std::optional<ScratchFolder> scratch;
    fs::path store;
    if (const auto kept = command.line.get("store")) {
        store = (command.working_directory / *kept).lexically_normal();
        make_store_folder(store);
    } else {
        store = scratch.emplace().path() / "tasker.db";
    }
    BootstrapConfig bootstrap = run_config(config, store, chosen, loaded);
    bootstrap.log = log;
    Bootstrapped started = bootstrap_worker(std::move(bootstrap), std::move(plugins.registry));
    if (!started.result.success) {
        throw BootstrapError(started.result.error_message.value_or(started.result.message));
    }
    const Uuid uuid = submit(command, *started.worker, chosen, context);
    const Followed followed = run_to_the_end(command, *started.worker, uuid, signals);
    stop_worker(*started.worker);
    log.flush();
    return finish(command, followed);
}

}  // namespace tasker::host
