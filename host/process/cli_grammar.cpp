#include "host/process/cli_grammar.hpp"

#include "host/config/setting_table.hpp"
#include "host/process/cli_grammar_operator.hpp"
#include "host/process/commands_visualize.hpp"

namespace tasker::host {

namespace {
using Options = std::vector<OptionSpec>;

OptionSpec setting(const std::string& key, const std::string& names, const std::string& value,
                   bool many = false) {
    for (const SettingSpec& spec : setting_table()) {
        if (spec.key == key)
            return {.names = names, .value = value, .help = spec.help, .many = many, .setting = key};
    }
    return {.names = names, .value = value, .help = {}, .setting = key};
}

Options joined(Options first, const Options& second) {
    first.insert(first.end(), second.begin(), second.end());
    return first;
}

// The settings that only a running worker heeds.
const Options& worker_flags() {
    static const Options kOptions{
        setting("host.namespaces", "-n,--namespace", "NS", true),
        setting("host.all_namespaces", "--all-namespaces", ""),
        setting("host.worker_id", "--worker-id", "ID"),
        setting("host.threads", "--threads", "N"),
        setting("host.prefetch", "--prefetch", "N"),
        setting("host.drain_timeout", "--drain-timeout", "DURATION"),
        setting("host.durability", "--durability", "MODE"),
        setting("host.strict_templates", "--strict-templates", ""),
    };
    return kOptions;
}

const Options& identity_options() {
    static const Options kOptions{
        {"-n,--namespace", "NS", "The template's namespace; needed only when several have it."},
        {"-v,--version", "VERSION", "The template's version; needed only when several are loaded."},
    };
    return kOptions;
}

const OptionSpec& context_option() {
    static const OptionSpec kOption{
        "-c,--context,-i,--input", "JSON|@FILE",
        "The task's input, a JSON object; @FILE reads a file, @- standard input."};
    return kOption;
}
const OptionSpec& timeout_option() {
    static const OptionSpec kOption{"--timeout", "DURATION",
                                    "Give up waiting after this time (30 or 30s, 5m). A running host goes on "
                                    "with the task; `task run` hands its steps "
                                    "back. Exit code 9."};
    return kOption;
}
const OptionSpec& task_argument() {
    static const OptionSpec kOption{
        .names = "TASK", .value = "UUID", .help = "The task's UUID.", .required = true};
    return kOption;
}

std::vector<VerbSpec> task_verbs() {
    return {
        {"task", "create", "Submit a task; prints its UUID.",
         joined(
             joined({{"NAME", "NAME", "The template's name."}, {"--name", "NAME", "The same as an option."}},
                    identity_options()),
             {context_option(),
              {"-k,--idempotency-key", "KEY", "Submitting the same key twice makes one task."},
              {"-p,--priority", "N", "Higher runs first; 0 when absent."},
              {.names = "--tag", .value = "TAG", .help = "A tag; may be repeated.", .many = true},
              {"--initiator", "WHO", "Who asks; the user when absent."},
              {"--source-system", "NAME", "Where from; 'cli' when absent."},
              {"--reason", "TEXT", "Why; 'CLI task creation' when absent."},
              {"--correlation-id", "UUID", "Ties the task to a larger operation."},
              {"--batch", "FILE",
               "Submit one task request a line (JSON lines, - is standard input); one answer a line."},
              {"--dry-run", "", "Check everything and store nothing; tells what would be created."},
              {"--wait", "", "Wait until the task has settled; the exit code tells how."},
              timeout_option()}),
         "tasker-host task create linear_workflow --context '{\"number\": 6}'\n"
         "tasker-host task create --batch orders.jsonl"},
        {"task", "run", "Run a task in this process, with a throw-away store and no running host.",
         joined(joined({{.names = "TEMPLATE",
                         .value = "NAME|FILE.yaml",
                         .help = "A loaded template, or a file with one.",
                         .required = true}},
                       identity_options()),
                {context_option(),
                 {"--store", "PATH", "Keep the store in this file."},
                 timeout_option(),
                 setting("host.threads", "--threads", "N")}),
         "tasker-host task run linear_workflow --context '{\"number\": 6}'\n"
         "tasker-host task run ./greet.yaml --context @input.json --timeout 1m"},
        {"task",
         "get",
         "Show a task with its steps.",
         {task_argument()},
         "tasker-host task get 01a20ae2-1575-763d-9554-e03ac4796187\n"
         "tasker-host task get 01a20ae2-1575-763d-9554-e03ac4796187 --json"},
        {"task",
         "list",
         "List tasks, newest first.",
         {{"-n,--namespace", "NS", "Only this namespace."},
          {"-s,--status", "STATUS", "Only this status; 'open' for all that are not finished."},
          {"-l,--limit", "N", "At most this many; 20 when absent."},
          {"--initiator", "WHO", "Only what this one submitted."},
          {"--source-system", "NAME", "Only what came from there."}},
         "tasker-host task list --status open\n"
         "tasker-host task list --namespace orders --limit 100 --json"},
        {"task", "watch", "Follow a task until it settles.", {task_argument(), timeout_option()}},
        {"task",
         "wait",
         "Wait until a task settles; prints it with the results of its steps.",
         {task_argument(), timeout_option()},
         "tasker-host task wait 01a20ae2-1575-763d-9554-e03ac4796187\n"
         "tasker-host task wait 01a20ae2-1575-763d-9554-e03ac4796187 --timeout 30s --json"},
        {"task", "steps", "Show the steps of a task.", {task_argument()}},
        {"task", "cancel", "Cancel a task and all of its unfinished steps.", {task_argument()}},
    };
}

OptionSpec probe_deadline() { return setting("host.plugins.probe_deadline", "--probe-deadline", "DURATION"); }

std::vector<VerbSpec> catalogue_verbs() {
    const OptionSpec strict{"--strict", "", "Unknown keys are errors."};
    return {
        {"template", "list", "List the templates that are found.", {}},
        {"template", "info", "Show one template.",
         joined({{.names = "NAME", .value = "NAME", .help = "The template's name.", .required = true}},
                identity_options())},
        {"template",
         "validate",
         "Check template files; exit code 3 when one has an error.",
         {{.names = "PATH",
           .value = "PATH",
           .help = "Files or folders; the configured ones when absent.",
           .many = true},
          strict,
          {.names = "--target",
           .value = "SERVER",
           .help = "Also name each difference to another server: tasker.",
           .choices = {"tasker"}}},
         "tasker-host template validate\n"
         "tasker-host template validate templates/ --strict"},
        {"plugin",
         "list",
         "List the plugin files that are found, and why one does not load; new ones are tried in a process "
         "of their "
         "own.",
         {probe_deadline()}},
        {"plugin",
         "check",
         "Check a plugin file as a host does before it loads it, and explain each stage; exit code 3 when it "
         "cannot "
         "be loaded.",
         {{.names = "FILE", .value = "FILE", .help = "The plugin file.", .required = true}, probe_deadline()},
         "tasker-host plugin check build/greet.so"},
        {"plugin",
         "unquarantine",
         "Have a plugin tried again whose probe crashed, hung or ended the process.",
         {{.names = "HASH",
           .value = "HASH|FILE",
           .help = "The file, or the first digits of its SHA-256 (at least 8).",
           .required = true}},
         "tasker-host plugin unquarantine plugins/greet.so\n"
         "tasker-host plugin unquarantine 3f7a09c1e2b4"},
        {"plugin",
         "info",
         "Show one plugin; its code is run only when its file does not say its id.",
         {{.names = "PLUGIN",
           .value = "FILE|ID",
           .help = "A file, or the id of a plugin in the plugin path.",
           .required = true}},
         "tasker-host plugin info order_fulfillment\n"
         "tasker-host plugin info build/greet.so"},
        {"handler",
         "list",
         "List the handlers that plugins offer, who uses them, and what templates ask for in vain.",
         {{"--strict", "", "Exit code 3 when a template asks for something that no plugin offers."}}},
    };
}

std::vector<VerbSpec> other_verbs() {
    return {
        {"config", "show", "Show every setting and where it came from.", worker_flags()},
        {"config", "explain", "Explain a setting: value, origin, range, how to set it.",
         joined({{"KEY", "KEY", "The setting, like host.threads; all of them when absent."}},
                worker_flags())},
        {"config", "check", "Check the configuration; exit code 2 when it has a fault.", worker_flags()},
        {"store", "info", "Describe the store.", {}},
        {"store", "check", "Check the store's integrity; exit code 7 when it is damaged.", {}},
        {"store",
         "backup",
         "Copy the store, also while a host runs.",
         {{.names = "FILE", .value = "FILE", .help = "The copy; must not exist.", .required = true}},
         "tasker-host store backup /var/backups/tasker.db\n"
         "tasker-host store backup \"tasker-$(date +%F).db\" --json"},
        {"new",
         "handler",
         "Make a small project for a handler plugin.",
         {{.names = "NAME", .value = "NAME", .help = "Its name: a-z, 0-9 and _.", .required = true},
          {"--dir", "FOLDER", "Where to put it; ./NAME when absent."}},
         "tasker-host new handler greet\n"
         "tasker-host new handler greet --dir src/greet"},
        {"",
         "completion",
         "Print a completion script.",
         {{.names = "SHELL",
           .value = "SHELL",
           .help = "bash, zsh or fish.",
           .required = true,
           .choices = {"bash", "zsh", "fish"}}},
         "tasker-host completion bash > ~/.local/share/bash-completion/completions/tasker-host"},
        {"", "version", "Print the version.", {}},
    };
}
}  // namespace

std::string OptionSpec::key() const {
    if (positional()) return names;
    for (const std::string& spelling : spellings()) {
        if (spelling.starts_with("--")) return spelling.substr(2);
    }
    return names.substr(1);
}

std::vector<std::string> OptionSpec::spellings() const {
    std::vector<std::string> out;
    for (std::size_t from = 0; from < names.size();) {
        const std::size_t comma = std::min(names.find(',', from), names.size());
        out.push_back(names.substr(from, comma - from));
        from = comma + 1;
    }
    return out;
}

const std::vector<std::pair<std::string, std::string>>& groups() {
    static const std::vector<std::pair<std::string, std::string>> kGroups{
        {"task", "Submit, run and follow tasks"},
        {"template", "Task templates"},
        {"plugin", "Handler plugins"},
        {"handler", "The handlers that plugins offer"},
        {"dlq", "Tasks that were set aside for investigation"},
        {"system", "The running host"},
        {"config", "The configuration"},
        {"store", "The store of the embedded engine"},
        {"new", "Start a project"},
    };
    return kGroups;
}

const std::vector<OptionSpec>& global_options() {
    static const std::vector<OptionSpec> kOptions{
        {"--config", "FILE", "The configuration file (TOML)."},
        {"--json", "", "Print exactly one JSON document, errors too; streams are JSON lines."},
        {.names = "--format", .value = "FORMAT", .help = "json or table.", .choices = {"table", "json"}},
        {.names = "--color",
         .value = "WHEN",
         .help = "auto, always or never; NO_COLOR is honoured.",
         .choices = {"auto", "always", "never"}},
        setting("host.environment", "--environment", "NAME"),
        setting("host.state_dir", "--state-dir", "FOLDER"),
        setting("host.template_path", "--template-path", "PATH", true),
        setting("host.plugin_path", "--plugin-path", "PATH", true),
        setting("host.database_url", "--database-url", "URL"),
        setting("host.log_level", "--log-level", "LEVEL"),
        setting("host.log_format", "--log-format", "FORMAT"),
    };
    return kOptions;
}

const std::vector<VerbSpec>& child_verbs() {
    static const std::vector<VerbSpec> kVerbs{
        {"", "engine-process", "", joined(worker_flags(), {{"--templates", "FILE", ""}})},
        {"", "worker-process", "",
         joined(worker_flags(), {{"--generation", "N", ""},
                                 {"--manifest", "FILE", ""},
                                 {"--whole", "", ""},
                                 {"--session", "UUID", ""}})},
        {"", "scan", "",
         joined(worker_flags(), {{"--settle", "", ""}, {"--kept", "FILE", ""}, probe_deadline()})},
    };
    return kVerbs;
}

const std::vector<VerbSpec>& verbs() {
    static const std::vector<VerbSpec> kVerbs = [] {
        std::vector<VerbSpec> all{
            {"", "run", "Run the supervisor: an engine process and a worker process for each namespace.",
             worker_flags(),
             "tasker-host run\n"
             "tasker-host run --namespace orders --namespace payments"},
            {"", "worker", "Run the worker: discover plugins and templates, run steps until stopped.",
             worker_flags(),
             "tasker-host worker --namespace orders\n"
             "tasker-host worker --all-namespaces --threads 4"}};
        for (auto& verb : supervisor_verbs()) all.push_back(std::move(verb));
        for (auto& verb : task_verbs()) all.push_back(std::move(verb));
        for (auto& verb : operator_verbs()) all.push_back(std::move(verb));
        for (auto& verb : catalogue_verbs()) all.push_back(std::move(verb));
        for (auto& verb : other_verbs()) all.push_back(std::move(verb));
        for (auto& verb : visualize_verbs()) all.push_back(std::move(verb));
        return all;
    }();
    return kVerbs;
}

}  // namespace tasker::host
