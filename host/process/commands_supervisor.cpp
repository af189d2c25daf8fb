// `run`: the supervisor, as a process.

#include <unistd.h>

#include <filesystem>
#include <map>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "host/core/durable_file.hpp"
#include "host/core/error.hpp"
#include "host/core/flight_file.hpp"
#include "host/core/random.hpp"
#include "host/process/child_commands.hpp"
#include "host/process/cli_grammar.hpp"
#include "host/process/open_files.hpp"
#include "host/process/quarantine.hpp"
#include "host/process/service_report.hpp"
#include "host/process/signals.hpp"
#include "host/process/state_folder.hpp"
#include "host/process/supervisor_server.hpp"
#include "host/process/upgrade.hpp"
#include "host/process/web_access.hpp"
#include "host/supervisor/renewal.hpp"

namespace tasker::host {

namespace {

// The settings that were given as flags, as flags again; without the namespaces.
std::vector<std::string> forwarded(const Command& command) {
    std::vector<std::string> out;
    if (command.line.config) out.push_back("--config=" + command.line.config->string());
    out.push_back("--color=" + command.line.color);
    const auto add = [&](const OptionSpec& spec) {
        const auto given = command.line.settings.find(spec.setting);
        if (spec.setting.empty() || given == command.line.settings.end()) return;
        if (spec.setting == "host.namespaces" || spec.setting == "host.all_namespaces") return;
        const std::string flag = spec.spellings().back();
        for (const std::string& value : given->second)
            out.push_back(spec.value.empty() ? flag : flag + "=" + value);
    };
    for (const OptionSpec& spec : global_options()) add(spec);
    for (const VerbSpec& verb : verbs()) {
        if (verb.group.empty() && verb.name == "run")
            for (const OptionSpec& spec : verb.options) add(spec);
    }
    return out;
}

// What workers show to the engine. It stays the state folder's, so that workers of a supervisor that died can bring their
// results to the engine of the next one.
std::string engine_token(const std::filesystem::path& folder, Random& random) {
    constexpr std::size_t kLength = 32;
    const std::filesystem::path path = folder / "engine.token";
    std::string token = read_whole(path, kLength).value_or("");
    if (token.size() == kLength && token.find_first_not_of("0123456789abcdef") == std::string::npos)
        return token;
    token = random.hex(kLength);
    write_durably(path, token);
    return token;
}

// The service manager is this process's own affair.
std::map<std::string, std::string> environment_of_children(const Command& command) {
    std::map<std::string, std::string> environment = command.environment;
    for (const char* name : {"NOTIFY_SOCKET", "WATCHDOG_USEC", "WATCHDOG_PID", kHandoverFd})
        environment.erase(name);
    return environment;
}

// What the last look at the folders has found.
std::filesystem::path kept_contents(const Config& config) { return state_folder(config) / "folders.json"; }

SupervisorOptions supervisor_options(const Command& command, const Config& config, const std::string& token) {
    SupervisorOptions options;
    options.generations = state_folder(config) / "generations";
    options.flights = flight_folder(state_folder(config));
    options.slot.soft_drain_ms = config.drain_timeout_ms + config.cancel_grace_ms + 5000;
    options.slot.ready_ms = config.ready_deadline_ms;
    options.slot.probation_ms = config.probation_ms;
    options.slot.probation_results = config.probation_results;
    options.slot.rollback_on_errors = config.rollback_on_errors;
    options.slot.overlap = config.overlap;
    options.silence_ms = config.worker_silence_ms;
    options.max_memory_bytes = std::uint64_t{config.max_memory_mb} << 20U;
    options.max_open_files = config.max_open_files;
    options.engine_refused_code = static_cast<int>(ExitCode::StoreRefused);
    const std::vector<std::string> common = forwarded(command);
    std::map<std::string, std::string> environment = environment_of_children(command);
    environment[kEngineToken] = token;
    options.engine = {command.executable, {"engine-process"}, environment};
    options.engine.arguments.insert(options.engine.arguments.end(), common.begin(), common.end());
    options.engine.arguments.push_back("--templates=" + kept_contents(config).string());
    options.worker = [command = command.executable, common, environment,
                      id = config.worker_id](const WorkerLaunch& launch) {
        ChildProgram program{command, {"worker-process"}, environment};
        program.arguments.insert(program.arguments.end(), common.begin(), common.end());
        program.arguments.push_back("--namespace=" + launch.namespace_name);
        program.arguments.push_back("--worker-id=" + id + "-" + launch.namespace_name);
        program.arguments.push_back("--session=" + launch.session.str());
        program.arguments.push_back("--generation=" + std::to_string(launch.generation));
        if (!launch.manifest.empty()) program.arguments.push_back("--manifest=" + launch.manifest.string());
        if (launch.whole) program.arguments.push_back("--whole");
        return program;
    };
    return options;
}

// Whom it serves: who is named, else those of the templates.
RenewalOptions renewal_options(const Command& command, const Config& config) {
    RenewalOptions options;
    options.namespaces = config.namespaces;
    options.serves_all = config.all_namespaces || config.namespaces.empty();
    options.scan.program = {
        command.executable, {"scan", "--settle", "--json"}, environment_of_children(command)};
    const std::vector<std::string> common = forwarded(command);
    auto& arguments = options.scan.program.arguments;
    arguments.insert(arguments.end(), common.begin(), common.end());
    options.scan.kept = kept_contents(config);
    return options;
}
}  // namespace

ExitCode run_command(Command& command) {
    ensure_open_files();
    const SystemClock clock;
    ProcessSignals signals(clock);
    const Config config = configure(command).config;
    if (is_postgres(config))
        throw ConfigError("`run` has no runtime for postgresql:// yet", "unset DATABASE_URL");
    static_cast<void>(web_access(config));  // its faults before anything starts
    const Logger log = make_logger(command, config);
    ServiceReport service(notify_target(command.environment, ::getpid()), clock);
    if (!service.fault().empty()) {
        log.warn("The service manager is told nothing more: " + service.fault(),
                 {{"component", "supervisor"}, {"operation", "notify"}});
    }
    ExitCode code = ExitCode::Done;
    try {
        const auto inherited = inherited_handover(command.environment);
        const StoreLock lock = claim_state_folder(config);
        SystemRandom random;
        const std::string token = engine_token(state_folder(config), random);
        SupervisorOptions options = supervisor_options(command, config, token);
        Renewal* folders = nullptr;
        options.blamed = [&](const ManifestPlugin& plugin, const std::string& why) {
            quarantine_plugin(command, config, plugin.file, plugin.sha256, why, log);
            folders->look();  // so that it is told among what is refused
        };
        Supervisor supervisor(std::move(options), clock, random, log);
        Renewal renewal(supervisor, renewal_options(command, config), clock, random, log);
        folders = &renewal;
        if (inherited) {
            supervisor.take_over(*inherited);
            log.info("The supervisor was replaced in place by version " + version_number(),
                     {{"component", "supervisor"}, {"operation", "upgrade"}});
        }
        const auto upgrade = [&]() -> std::string {
            if (const auto fault =
                    upgrade_fault(command.executable, environment_of_children(command), clock, random))
                return command.executable.string() + ": " + *fault;
            log.flush();
            const std::string why = become(command.executable, command.environment, supervisor.handover());
            supervisor.keep(false);
            return "cannot run " + command.executable.string() + ": " + why;
        };
        code = SupervisorServer(supervisor, renewal, config, service, signals, clock, log)
                   .serve(inherited.has_value(), upgrade);
    } catch (const Error& error) {
        service.failed(error.what());
        throw;
    }
    log.flush();
    if (command.line.json)
        command.document(nlohmann::json{{"status", "stopped"}, {"exit_code", static_cast<int>(code)}}.dump());
    return code;
}

}  // namespace tasker::host
