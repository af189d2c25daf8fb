#pragma once
// The verbs. Each takes its arguments, prints to `output` and says how it went; what goes wrong is thrown and mapped to
// an exit code in one place (command_runner.cpp).

#include <filesystem>
#include <map>
#include <string>

#include "host/config/config.hpp"
#include "host/core/error.hpp"
#include "host/logging/logger.hpp"
#include "host/process/cli.hpp"
#include "host/process/exit_code.hpp"
#include "host/process/output.hpp"
#include "host/process/render.hpp"
#include "host/process/report.hpp"

namespace tasker::host {

// A verb that could not do what was asked.
class CommandFailure : public Error {
  public:
    CommandFailure(ExitCode exit, std::string code, const std::string& message, std::string hint = {})
        : Error(message, std::move(hint)), exit_(exit), code_(std::move(code)) {}
    ExitCode exit() const noexcept { return exit_; }
    const std::string& code() const noexcept { return code_; }  // "NOT_FOUND"

  private:
    ExitCode exit_;
    std::string code_;
};

struct Command {
    const CommandLine& line;
    Output& out;  // results only
    Output& err;  // everything else
    std::map<std::string, std::string> environment;
    std::filesystem::path working_directory;
    std::filesystem::path executable;

    // Prints one JSON document and the end of its line.
    void document(std::string_view json) { out.line(json); }
    // Colours only where they are wanted: --color, NO_COLOR, a terminal.
    bool colors(const Output& to) const;
    Style style() const { return Style(colors(out)); }
    // Whether the environment says that marks beyond ASCII can be shown.
    bool unicode() const;
    Report report() const { return Report(style(), unicode()); }
    std::filesystem::path installed_prefix() const { return executable.parent_path().parent_path(); }
};

// The configuration of this invocation. Throws ConfigError.
LoadedConfig configuration(const Command& command);
// The same; its warnings go to `err`.
LoadedConfig configure(Command& command);

// The TASK argument, a UUID. Throws CommandFailure (USAGE).
std::string task_argument(const Command& command);

// What `version --json` prints.
std::string version_document();

// Writes to standard error as the configuration says.
Logger make_logger(const Command& command, const Config& config);

ExitCode run_command(Command& command);
ExitCode worker_list(Command& command);
ExitCode worker_status_command(Command& command);
ExitCode worker_restart(Command& command);
ExitCode worker_rollback(Command& command);
ExitCode worker_drain(Command& command);
ExitCode worker_pause(Command& command);
ExitCode worker_resume(Command& command);
ExitCode config_show(Command& command);
ExitCode config_explain(Command& command);
ExitCode config_check(Command& command);
ExitCode template_list(Command& command);
ExitCode template_info(Command& command);
ExitCode template_validate(Command& command);
ExitCode plugin_list(Command& command);
ExitCode plugin_info(Command& command);
ExitCode plugin_check(Command& command);
ExitCode plugin_unquarantine(Command& command);
ExitCode handler_list(Command& command);
ExitCode task_create(Command& command);
ExitCode task_run(Command& command);
ExitCode task_get(Command& command);
ExitCode task_list(Command& command);
ExitCode task_steps(Command& command);
ExitCode task_step(Command& command);
ExitCode task_reset_step(Command& command);
ExitCode task_resolve_step(Command& command);
ExitCode task_complete_step(Command& command);
ExitCode task_step_audit(Command& command);
ExitCode task_cancel(Command& command);
ExitCode task_watch(Command& command);
ExitCode task_wait(Command& command);
ExitCode store_info_command(Command& command);
ExitCode store_check_command(Command& command);
ExitCode store_backup_command(Command& command);
ExitCode store_prune_command(Command& command);
ExitCode dlq_list(Command& command);
ExitCode dlq_get(Command& command);
ExitCode dlq_update(Command& command);
ExitCode dlq_stats(Command& command);
ExitCode system_health(Command& command);
ExitCode system_info(Command& command);
ExitCode new_handler(Command& command);
ExitCode completion(Command& command);
ExitCode show_version(Command& command);
ExitCode worker(Command& command);

}  // namespace tasker::host
