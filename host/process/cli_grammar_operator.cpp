#include "host/process/cli_grammar_operator.hpp"

namespace tasker::host {

namespace {
const OptionSpec kTask{.names = "TASK", .value = "UUID", .help = "The task's UUID.", .required = true};
const OptionSpec kStep{.names = "STEP",
                       .value = "NAME|UUID",
                       .help = "The step: its name in the template, or its UUID.",
                       .required = true};
const OptionSpec kReason{
    .names = "-r,--reason", .value = "TEXT", .help = "Why; kept in the audit.", .required = true};

OptionSpec who(const std::string& name) {
    return {.names = "-b," + name, .value = "WHO", .help = "Who does it; the user when absent."};
}

std::vector<VerbSpec> step_verbs() {
    return {
        {"task",
         "step",
         "Show one step with its result.",
         {kTask, kStep},
         "tasker-host task step 01a20ae2-1575-763d-9554-e03ac4796187 charge_card\n"
         "tasker-host task step 01a20ae2-1575-763d-9554-e03ac4796187 charge_card --json"},
        {"task",
         "reset-step",
         "Let a step that ended in error start again, with all of its attempts.",
         {kTask, kStep, kReason, who("--reset-by")},
         "tasker-host task reset-step 01a20ae2-1575-763d-9554-e03ac4796187 charge_card -r 'the bank is up "
         "again'"},
        {"task",
         "resolve-step",
         "Take a step as done, without a result.",
         {kTask, kStep, kReason, who("--resolved-by")},
         "tasker-host task resolve-step 01a20ae2-1575-763d-9554-e03ac4796187 notify -r 'told by phone'"},
        {"task",
         "complete-step",
         "Take a step as done, with this result.",
         {kTask,
          kStep,
          kReason,
          who("--completed-by"),
          {"--result", "JSON|@FILE", "What the steps behind it get; {} when absent. @- is standard input."},
          {"--metadata", "JSON|@FILE", "An object that is kept beside the result."}},
         "tasker-host task complete-step 01a20ae2-1575-763d-9554-e03ac4796187 charge_card -r 'paid in cash' "
         "\\\n"
         "    --result '{\"amount\": 12}'"},
        {"task",
         "step-audit",
         "Show what became of each attempt of a step, the newest first.",
         {kTask, kStep},
         "tasker-host task step-audit 01a20ae2-1575-763d-9554-e03ac4796187 charge_card"},
    };
}

std::vector<VerbSpec> dlq_verbs() {
    const OptionSpec status{"-s,--status", "STATUS",
                            "pending, manually_resolved, permanently_failed or cancelled."};
    return {
        {"dlq",
         "list",
         "List the tasks that were set aside, the newest first.",
         {status,
          {"-l,--limit", "N", "At most this many; 50 when absent."},
          {"-o,--offset", "N", "Leave out the first N."}},
         "tasker-host dlq list --status pending"},
        {"dlq",
         "get",
         "Show a task's entry with the task as it was.",
         {kTask},
         "tasker-host dlq get 01a20ae2-1575-763d-9554-e03ac4796187"},
        {"dlq",
         "update",
         "Write down what became of an investigation; the task itself is not touched.",
         {{.names = "ENTRY", .value = "UUID", .help = "The entry's UUID, not the task's.", .required = true},
          status,
          {"-n,--notes", "TEXT", "What was found."},
          who("--resolved-by")},
         "tasker-host dlq update 01a20ae2-1575-763d-9554-e03ac4796187 -s manually_resolved -n 'the worker "
         "was down'"},
        {"dlq", "stats", "Count the entries by reason.", {}},
    };
}
}  // namespace

std::vector<VerbSpec> supervisor_verbs() {
    const OptionSpec ns{.names = "NS", .value = "NS", .help = "The namespace.", .required = true};
    const OptionSpec wait{"--wait", "",
                          "Until the new generation serves for good; exit code 1 when it was given up."};
    return {
        {"worker", "list", "List the workers of the supervisor that runs on the state folder.", {}},
        {"worker",
         "status",
         "Show the workers of the supervisor, what happened to them last, and plugin files that are not "
         "used.",
         {{.names = "NS", .value = "NS", .help = "Of this namespace alone."}}},
        {"worker",
         "restart",
         "Replace a namespace's worker by a new one, without a gap.",
         {ns, wait},
         "tasker-host worker restart payments --wait"},
        {"worker",
         "rollback",
         "Go back to an older generation of a namespace.",
         {ns,
          {"--to", "N", "Which one; the newest older one that is something else than what runs when absent."},
          wait},
         "tasker-host worker rollback payments"},
        {"worker", "drain", "Let a namespace's worker finish what it runs and end.", {ns}},
        {"worker",
         "pause",
         "Let a namespace's worker claim nothing until it is resumed; it stays, and finishes what runs.",
         {ns}},
        {"worker",
         "resume",
         "Go on with a namespace that was paused or drained, or that crashed too often.",
         {ns}},
    };
}

std::vector<VerbSpec> operator_verbs() {
    std::vector<VerbSpec> all = step_verbs();
    for (VerbSpec& verb : dlq_verbs()) all.push_back(std::move(verb));
    all.push_back(
        {"system",
         "health",
         "Tell whether the running host is well, and why not; exit code 1 when it is not, 8 when none "
         "answers.",
         {},
         "tasker-host system health\n"
         "tasker-host system health --json"});
    all.push_back({"system",
                   "info",
                   "Describe the running host: version, namespaces, plugins, store.",
                   {},
                   "tasker-host system info\n"
                   "tasker-host system info --json"});
    all.push_back(
        {"store",
         "prune",
         "Delete finished tasks with everything of theirs; those under investigation stay.",
         {{"--older-than", "DURATION", "Since when they are finished (36h, 30d); as configured when absent."},
          {"--dry-run", "", "Only count what would go."}},
         "tasker-host store prune --older-than 30d --dry-run\n"
         "tasker-host store prune --older-than 30d --json"});
    return all;
}

}  // namespace tasker::host
