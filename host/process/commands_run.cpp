#include <unistd.h>

#include <algorithm>
#include <optional>
#include <system_error>

#include "host/api/documents.hpp"
#include "host/core/nearest.hpp"
#include "host/process/command_runner.hpp"
#include "host/process/exit_guard.hpp"
#include "host/process/one_shot.hpp"
#include "host/process/plugin_discovery.hpp"
#include "host/process/plugin_output.hpp"
#include "host/process/scratch_folder.hpp"
#include "host/process/signals.hpp"
#include "host/process/state_folder.hpp"
#include "host/process/submission.hpp"
#include "host/process/worker_bootstrap.hpp"
#include "host/templates/template_loader.hpp"
#include "host/worker/worker.hpp"

namespace tasker::host {

namespace {
namespace fs = std::filesystem;

LoadedTemplates find_templates(Command& command, const Config& config, TemplateName& said) {
    const std::string wanted = *command.line.get("TEMPLATE");
    TemplateOptions rules;
    rules.environment = config.environment;
    rules.strict = config.strict_templates;
    const bool file =
        wanted.ends_with(".yaml") || wanted.ends_with(".yml") || wanted.find('/') != std::string::npos;
    std::error_code ignored;
    if (file && !fs::exists(command.working_directory / wanted, ignored)) {
        throw CommandFailure(ExitCode::NotFound, "NOT_FOUND", "there is no template file " + wanted,
                             "a template that is found in the template path is named without .yaml and /");
    }
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

std::string names(const std::vector<std::string>& list) {
    std::string out;
    for (const std::string& one : list) out += (out.empty() ? "'" : ", '") + one + "'";
    return out;
}

// Why no plugin can run the step; empty when one can.
std::string handler_fault(const StepTemplate& step, const HandlerRegistry& registry) {
    const HandlerRef& ref = step.handler;
    const Resolution found = registry.find(ref, step.name);
    if (found.verdict == Resolution::Verdict::NoSuchResolver)
        return "step '" + step.name + "': " + found.fault;
    if (!found) {
        return "step '" + step.name + "': no plugin offers the handler '" + ref.callable + "'" +
               did_you_mean(ref.callable, registry.list_handlers()) +
               (ref.resolver.empty() && !found.resolver_failed ? "" : "; " + found.fault);
    }
    const HandlerInfo& info = found.handler->info();
    if (offers_method(info, ref.method)) return {};
    std::vector<std::string> methods = info.methods;
    methods.insert(methods.begin(), "call");
    return "step '" + step.name + "': the handler '" + ref.callable + "' has no method '" + ref.method +
           "'; it has " + names(methods) + did_you_mean(ref.method, methods);
}

// A step without a handler would wait for one; in a process of its own none will come.
void require_handlers(const TaskTemplate& chosen, const HandlerRegistry& registry, const Config& config) {
    std::string missing;
    for (const StepTemplate& step : chosen.steps) {
        const std::string fault = handler_fault(step, registry);
        if (!fault.empty()) missing += (missing.empty() ? "" : "\n") + fault;
    }
    if (missing.empty()) return;
    std::string roots;
    for (const auto& root : config.plugin_path) roots += (roots.empty() ? "" : ":") + root.string();
    for (const std::string& fault : plugin_root_faults(config.plugin_path)) missing += "\n" + fault;
    throw CommandFailure(ExitCode::Bootstrap, "HANDLER_MISSING", missing,
                         "looked in " + roots + "; tasker-host plugin list says what is found there");
}

BootstrapConfig run_config(const Config& config, const fs::path& store, const TemplateName& chosen,
                           LoadedTemplates& loaded) {
    BootstrapConfig out = worker_settings(config);
    out.namespace_name = chosen.namespace_name;
    out.store = store.string();
    out.state_dir = store.parent_path().string();
    out.templates = std::move(loaded.catalog);
    return out;
}

Uuid submit(const Command& command, Worker& worker, const TemplateName& chosen, const std::string& context) {
    TaskRequest request;
    request.name = chosen.name;
    request.namespace_name = chosen.namespace_name;
    request.version = chosen.version;
    request.context_json = context;
    request.initiator = submitting_user(command);
    request.source_system = "cli";
    request.reason = "CLI task creation";
    const SubmitOutcome outcome = worker.tasks().create(request);
    if (const auto* refused = std::get_if<Refused>(&outcome)) {
        expect_document({refusal_status(refused->why),
                         error_document(refusal_code(refused->why), refused->message, refused->hint)});
    }
    return std::get<Uuid>(outcome);
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
    // Whoever runs a task by hand wants to see what its handlers print.
    const PluginOutput output(log, LogLevel::Warn);
    LoadedPlugins plugins = discover_plugins(config, log);
    require_handlers(*loaded.catalog.find(chosen.namespace_name, chosen.name, chosen.version),
                     plugins.registry, config);

    std::optional<ScratchFolder> scratch;
    fs::path store;
    if (const auto kept = command.line.get("store")) {
        store = (command.working_directory / *kept).lexically_normal();
        make_private_folder(store.parent_path());
    } else {
        store = scratch.emplace().path() / "tasker.db";
    }
    const ExitGuard exit_guard([&] {
        const std::string what = "a plugin called exit(), which ends the run in the middle of a step";
        if (command.line.json) {
            command.document(error_document("INTERNAL_ERROR", what));
        } else {
            command.err.line("error: " + what);
        }
        scratch.reset();
    });
    BootstrapConfig bootstrap = run_config(config, store, chosen, loaded);
    bootstrap.subscriber.log_failures = level_said;  // the progress tells them, too
    bootstrap.log = log;
    bootstrap.event_extensions = plugins.events;
    Bootstrapped started = bootstrap_worker(std::move(bootstrap), std::move(plugins.registry));
    if (!started.result.success) {
        throw BootstrapError(started.result.error_message.value_or(started.result.message));
    }
    const Uuid uuid = submit(command, *started.worker, chosen, context);
    OneShot shot(command, *started.worker, uuid, signals);
    const bool ended = shot.run();
    log.flush();
    if (ended) return shot.tell();
    // Threads of handlers still run: nothing that they use may be destroyed before the process ends.
    const int code = conclude(command, [&] { return shot.tell(); });
    log.flush(300);
    scratch.reset();
    _exit(code);
}

}  // namespace tasker::host
