#include "host/process/command_runner.hpp"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>
#include <cstring>
#include <system_error>
#include <utility>

#include "host/api/api_client.hpp"
#include "host/api/documents.hpp"
#include "host/core/durable_file.hpp"
#include "host/core/failpoint.hpp"
#include "host/logging/sinks.hpp"
#include "host/process/child_commands.hpp"
#include "host/process/commands_visualize.hpp"

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#include <sanitizer/common_interface_defs.h>
#endif

namespace tasker::host {

namespace {
using Verb = ExitCode (*)(Command&);

const std::map<std::string, Verb>& handlers() {
    static const std::map<std::string, Verb> kHandlers{
        {"worker", worker},
        {"run", run_command},
        {"engine-process", engine_process},
        {"worker-process", worker_process},
        {"worker list", worker_list},
        {"worker status", worker_status_command},
        {"worker restart", worker_restart},
        {"worker rollback", worker_rollback},
        {"worker drain", worker_drain},
        {"worker pause", worker_pause},
        {"worker resume", worker_resume},
        {"task create", task_create},
        {"task run", task_run},
        {"task get", task_get},
        {"task list", task_list},
        {"task watch", task_watch},
        {"task wait", task_wait},
        {"task steps", task_steps},
        {"task step", task_step},
        {"task reset-step", task_reset_step},
        {"task resolve-step", task_resolve_step},
        {"task complete-step", task_complete_step},
        {"task step-audit", task_step_audit},
        {"task cancel", task_cancel},
        {"dlq list", dlq_list},
        {"dlq get", dlq_get},
        {"dlq update", dlq_update},
        {"dlq stats", dlq_stats},
        {"template list", template_list},
        {"template info", template_info},
        {"template validate", template_validate},
        {"template schema", template_schema_command},
        {"template visualize", template_visualize},
        {"task visualize", task_visualize},
        {"plugin list", plugin_list},
        {"plugin info", plugin_info},
        {"plugin check", plugin_check},
        {"plugin unquarantine", plugin_unquarantine},
        {"scan", scan_command},
        {"handler list", handler_list},
        {"config show", config_show},
        {"config explain", config_explain},
        {"config check", config_check},
        {"store info", store_info_command},
        {"store check", store_check_command},
        {"store backup", store_backup_command},
        {"store prune", store_prune_command},
        {"system health", system_health},
        {"system info", system_info},
        {"new handler", new_handler},
        {"completion", completion},
        {"version", show_version},
    };
    return kHandlers;
}

struct Failure {
    ExitCode exit = ExitCode::Unhandled;
    std::string code, message, hint;
};

// The one place that says which failure has which exit code.
Failure failure_of(std::exception_ptr thrown) {
    try {
        std::rethrow_exception(std::move(thrown));
    } catch (const CommandFailure& fault) {
        return {fault.exit(), fault.code(), fault.what(), fault.hint()};
    } catch (const ConfigError& fault) {
        return {ExitCode::Usage, "CONFIGURATION", fault.what(), fault.hint()};
    } catch (const StoreRefused& fault) {
        return {ExitCode::StoreRefused, "STORE_REFUSED", fault.what(), fault.hint()};
    } catch (const BootstrapError& fault) {
        return {ExitCode::Bootstrap, "BOOTSTRAP_FAILED", fault.what(), fault.hint()};
    } catch (const HostUnreachable& fault) {
        return {ExitCode::Unreachable, "UNREACHABLE", fault.what(), fault.hint()};
    } catch (const StoreUnavailable& fault) {
        return {ExitCode::Unreachable, "SERVICE_UNAVAILABLE", fault.what(), fault.hint()};
    } catch (const PluginError& fault) {
        return {ExitCode::Bootstrap, "PLUGIN", fault.what(), fault.hint()};
    } catch (const Error& fault) {
        return {ExitCode::Failed, "FAILED", fault.what(), fault.hint()};
    } catch (const std::exception& fault) {
        return {ExitCode::Unhandled, "INTERNAL_ERROR", fault.what(), {}};
    }
}

// Those that a worker answers.
void hold_signals(bool hold) {
    sigset_t ours;
    sigemptyset(&ours);
    for (const int number : {SIGTERM, SIGINT, SIGUSR1, SIGUSR2, SIGHUP}) sigaddset(&ours, number);
    pthread_sigmask(hold ? SIG_BLOCK : SIG_UNBLOCK, &ours, nullptr);
}

// Messages quote what was typed, and people type connection strings with passwords into any place.
int report(const Failure& failure, bool json, Output& out, Output& err) {
    const std::string message = redact_urls(failure.message), hint = redact_urls(failure.hint);
    if (json) {
        out.line(error_document(failure.code, message, hint));
    } else {
        err.line("error: " + message);
        if (!hint.empty()) err.line("hint: " + hint);
    }
    return static_cast<int>(failure.exit);
}

// Verbs that read their signals themselves.
bool serves(const std::string& verb) {
    return verb == "worker" || verb == "run" || verb == "engine-process" || verb == "worker-process";
}

int run_verb(const CommandLine& line, const Invocation& invocation, Output& out, Output& err) {
    // The others may be ended by a signal at any time.
    if (!serves(line.verb)) hold_signals(false);
    Command command{
        line, out, err, invocation.environment, invocation.working_directory, invocation.executable};
    return conclude(command, [&] { return handlers().at(line.verb)(command); });
}

int usage_fault(const UsageFault& fault, bool json, Output& out, Output& err) {
    const int code = report({ExitCode::Usage, "USAGE", fault.message, fault.hint}, json, out, err);
    if (!json) err.line(fault.usage);
    return code;
}

// A descriptor 0, 1 or 2 that was closed at start would be given to the first file that is opened: the store must not
// become somebody's standard error.
void occupy_standard_descriptors() {
    int fd = open("/dev/null", O_RDWR);
    while (fd >= 0 && fd <= STDERR_FILENO) fd = open("/dev/null", O_RDWR);
    if (fd >= 0) close(fd);
}

// Plugins own descriptors 1 and 2 (plugin_output.hpp), the program writes to copies. The number itself when no descriptor
// is left.
int private_copy(int fd) {
    const int copy = fcntl(fd, F_DUPFD_CLOEXEC, STDERR_FILENO + 1);
    return copy < 0 ? fd : copy;
}

// A result that did not reach its reader was not given; a reader that left by himself wanted no more of it.
int delivered(int code, const Output& out, Output& err) {
    if (out.fault() == 0 || out.fault() == EPIPE) return code;
    err.line(std::string{"error: standard output cannot be written: "} + std::strerror(out.fault()));
    return code == 0 ? static_cast<int>(ExitCode::Failed) : code;
}

// Empty where there is no /proc: then nothing counts as installed.
std::filesystem::path executable_path() {
    std::error_code ignored;
    return std::filesystem::read_symlink("/proc/self/exe", ignored);
}
}  // namespace

int conclude(Command& command, const std::function<ExitCode()>& body) {
    try {
        return delivered(static_cast<int>(body()), command.out, command.err);
    } catch (...) {
        return report(failure_of(std::current_exception()), command.line.json, command.out, command.err);
    }
}

int run_invocation(const Invocation& invocation, Output& out, Output& err) {
    const auto parsed = parse_command_line(invocation.arguments);
    if (const auto* help = std::get_if<HelpText>(&parsed)) {
        out.write(help->version && wants_json(invocation.arguments) ? version_document() + "\n" : help->text);
        return delivered(0, out, err);
    }
    if (const auto* fault = std::get_if<UsageFault>(&parsed)) {
        return usage_fault(*fault, wants_json(invocation.arguments), out, err);
    }
    return run_verb(std::get<CommandLine>(parsed), invocation, out, err);
}

int run_process(int argc, char** argv) {
    // A reader that leaves early (`| head`) is noticed by the failing write.
    std::signal(SIGPIPE, SIG_IGN);
    // A file that may not grow (ulimit -f) is noticed by the failing write too.
    std::signal(SIGXFSZ, SIG_IGN);
    occupy_standard_descriptors();
    // Kept until somebody reads them: a worker that is told to stop while it still parses its arguments ends well.
    hold_signals(true);
    Output out(private_copy(STDOUT_FILENO)), err(private_copy(STDERR_FILENO));
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
    __sanitizer_set_report_fd(reinterpret_cast<void*>(static_cast<std::intptr_t>(err.fd())));
#endif
    std::error_code fault;
    Invocation invocation{{argv + 1, argv + argc},
                          process_environment(),
                          std::filesystem::current_path(fault),
                          executable_path()};
    if (fault) {
        err.line("error: the working directory cannot be read: " + fault.message());
        return static_cast<int>(ExitCode::Usage);
    }
    if (const auto armed = invocation.environment.find("TASKER_FAILPOINTS_SET");
        armed != invocation.environment.end())
        arm_failpoints(armed->second);
    if (const auto file = invocation.environment.find("TASKER_FAILPOINTS_FILE");
        kFailpointsCompiledIn && file != invocation.environment.end())
        arm_failpoints(read_whole(file->second).value_or(""));
    const int code = run_invocation(invocation, out, err);
    // What plugins print when the process ends must not follow the document.
    dup2(STDERR_FILENO, STDOUT_FILENO);
    return code;
}

}  // namespace tasker::host
