#include "host/process/command_runner.hpp"

#include <fcntl.h>
#include <unistd.h>

#include <csignal>
#include <system_error>
#include <utility>

#include "host/api/api_client.hpp"
#include "host/api/documents.hpp"
#include "host/config/database_url.hpp"
#include "host/process/commands.hpp"

namespace tasker::host {

namespace {
using Verb = ExitCode (*)(Command&);

const std::map<std::string, Verb>& handlers() {
    static const std::map<std::string, Verb> kHandlers{
        {"worker", worker},
        {"task create", task_create},
        {"task run", task_run},
        {"task get", task_get},
        {"task list", task_list},
        {"task watch", task_watch},
        {"task wait", task_wait},
        {"task steps", task_steps},
        {"task cancel", task_cancel},
        {"template list", template_list},
        {"template info", template_info},
        {"template validate", template_validate},
        {"plugin list", plugin_list},
        {"plugin info", plugin_info},
        {"handler list", handler_list},
        {"config show", config_show},
        {"config explain", config_explain},
        {"config check", config_check},
        {"store info", store_info_command},
        {"store check", store_check_command},
        {"store backup", store_backup_command},
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

void hold_stop_signals(bool hold) {
    sigset_t stops;
    sigemptyset(&stops);
    sigaddset(&stops, SIGTERM);
    sigaddset(&stops, SIGINT);
    pthread_sigmask(hold ? SIG_BLOCK : SIG_UNBLOCK, &stops, nullptr);
}

int report(const Failure& failure, bool json, Output& out, Output& err) {
    if (json) {
        out.line(error_document(failure.code, redacted_url(failure.message), failure.hint));
    } else {
        err.line("error: " + failure.message);
        if (!failure.hint.empty()) err.line("hint: " + failure.hint);
    }
    return static_cast<int>(failure.exit);
}

int run_verb(const CommandLine& line, const Invocation& invocation, Output& out, Output& err) {
    // The others may be ended by a signal at any time.
    if (line.verb != "worker") hold_stop_signals(false);
    try {
        Command command{
            line, out, err, invocation.environment, invocation.working_directory, invocation.executable};
        return static_cast<int>(handlers().at(line.verb)(command));
    } catch (...) {
        return report(failure_of(std::current_exception()), line.json, out, err);
    }
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

// Empty where there is no /proc: then nothing counts as installed.
std::filesystem::path executable_path() {
    std::error_code ignored;
    return std::filesystem::read_symlink("/proc/self/exe", ignored);
}
}  // namespace

int run_invocation(const Invocation& invocation, Output& out, Output& err) {
    const auto parsed = parse_command_line(invocation.arguments);
    if (const auto* help = std::get_if<HelpText>(&parsed)) {
        out.write(help->text);
        return 0;
    }
    if (const auto* fault = std::get_if<UsageFault>(&parsed)) {
        return usage_fault(*fault, wants_json(invocation.arguments), out, err);
    }
    return run_verb(std::get<CommandLine>(parsed), invocation, out, err);
}

int run_process(int argc, char** argv) {
    // A reader that leaves early (`| head`) is noticed by the failing write.
    std::signal(SIGPIPE, SIG_IGN);
    occupy_standard_descriptors();
    // Kept until somebody reads them: a worker that is told to stop while it still parses its arguments ends well.
    hold_stop_signals(true);
    Output out(STDOUT_FILENO), err(STDERR_FILENO);
    std::error_code fault;
    Invocation invocation{{argv + 1, argv + argc},
                          process_environment(),
                          std::filesystem::current_path(fault),
                          executable_path()};
    if (fault) {
        err.line("error: the working directory cannot be read: " + fault.message());
        return static_cast<int>(ExitCode::Usage);
    }
    return run_invocation(invocation, out, err);
}

}  // namespace tasker::host
