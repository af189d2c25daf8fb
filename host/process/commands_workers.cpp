// `worker list|status|restart|rollback|pause|drain|resume`: what operators ask of a running supervisor.

#include <algorithm>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "host/process/child_commands.hpp"
#include "host/process/commands.hpp"
#include "host/process/operator_socket.hpp"
#include "host/process/report.hpp"
#include "host/process/state_folder.hpp"

namespace tasker::host {

namespace {
constexpr int kAnswerMs = 5000;

nlohmann::ordered_json asked(Command& command, const nlohmann::json& request, int timeout_ms = kAnswerMs) {
    const Config config = configure(command).config;
    const std::string answer =
        ask_supervisor(state_folder(config) / kOperatorSocket, request.dump(), timeout_ms);
    auto document = nlohmann::ordered_json::parse(answer);
    const auto error = document.find("error");
    if (error == document.end()) return document;
    const std::string code = error->value("code", "");
    const ExitCode exit = code == "ROLLED_BACK" ? ExitCode::Failed
                          : code == "NOT_FOUND" ? ExitCode::NotFound
                          : code == "USAGE"     ? ExitCode::Usage
                                                : ExitCode::Refused;
    throw CommandFailure(exit, code, error->value("message", ""), error->value("hint", ""));
}

ExitCode change(Command& command, const char* what, const char* done) {
    nlohmann::json request{{"do", what}, {"namespace", *command.line.get("NS")}};
    const bool wait = command.line.has("wait");
    if (wait) request["wait"] = true;
    if (const auto to = command.line.get("to")) {
        if (to->empty() || to->size() > 9 || to->find_first_not_of("0123456789") != std::string::npos)
            throw CommandFailure(ExitCode::Usage, "USAGE",
                                 "--to: '" + *to + "' is no number of a generation");
        request["to"] = std::stoul(*to);
        if (request["to"] == 0)
            throw CommandFailure(ExitCode::Usage, "USAGE", "--to: generations are counted from 1",
                                 "without --to it is the one before");
    }
    const auto answer = asked(command, request, wait ? -1 : kAnswerMs);
    if (command.line.json)
        command.document(answer.dump());
    else
        command.out.write(command.report()
                              .success(answer.value("state", "") == "committed" ? "The new generation serves."
                                       : answer.contains("to")
                                           ? "What was generation " + std::to_string(answer.value("to", 0)) +
                                                 " is on its way."
                                           : std::string(done))
                              .str());
    return ExitCode::Done;
}

std::string shown_state(const nlohmann::ordered_json& one) {
    return one.value("state", "") + (one.value("paused", false) ? ", paused" : "");
}

// What an operator reads first when something is wrong.
void tell_refused(Report& report, const nlohmann::ordered_json& files) {
    if (files.empty()) return;
    report.blank().header("Plugin files that are not used");
    for (const auto& one : files)
        report.item(one.value("path", "") + ": " + one.value("state", "") + ", " + one.value("reason", ""));
}

void tell(Report& report, const char* label, const nlohmann::ordered_json& process) {
    if (process.is_null()) return;
    report.label(label,
                 "generation " + std::to_string(process.value("generation", 0)) + ", pid " +
                     std::to_string(process.value("pid", 0)) + ", " +
                     std::to_string(process.value("results", std::uint64_t{0})) + " results (" +
                     std::to_string(process.value("errors", std::uint64_t{0})) + " errors)",
                 2);
}
}  // namespace

ExitCode worker_list(Command& command) {
    const auto document = asked(command, {{"do", "status"}});
    if (command.line.json) {
        command.document(nlohmann::json{{"workers", document["namespaces"]}}.dump());
        return ExitCode::Done;
    }
    TextTable table({"NAMESPACE", "STATE", "GENERATION", "PID", "RESULTS", "ERRORS"});
    for (const auto& one : document["namespaces"]) {
        const auto& worker = one["current"].is_null() ? one["candidate"] : one["current"];
        const auto number = [&](const char* key) {
            return worker.is_null() ? std::string("-") : std::to_string(worker.value(key, std::uint64_t{0}));
        };
        table.row({printable(one.value("namespace", "")), shown_state(one), number("generation"),
                   number("pid"), number("results"), number("errors")});
    }
    command.out.write(table.str(command.style()));
    return ExitCode::Done;
}

ExitCode worker_status_command(Command& command) {
    nlohmann::json request{{"do", "status"}};
    if (const auto ns = command.line.get("NS")) request["namespace"] = *ns;
    const auto document = asked(command, request);
    if (command.line.json) {
        command.document(document.dump());
        return ExitCode::Done;
    }
    Report report = command.report();
    report.label("Engine", document["engine"].value("ready", false)
                               ? "ready, pid " + std::to_string(document["engine"].value("pid", 0))
                               : "not ready");
    for (const auto& one : document["namespaces"]) {
        report.blank().header(one.value("namespace", "")).state("State", one.value("state", ""));
        if (one.value("paused", false)) report.label("Paused", "until worker resume", 2);
        tell(report, "Current", one["current"]);
        tell(report, "Candidate", one["candidate"]);
        report.label("Last good generation",
                     one.value("last_good_generation", 0) == 0
                         ? "none yet"
                         : std::to_string(one.value("last_good_generation", 0)),
                     2);
        for (const auto& line : one["history"]) report.item(line.get<std::string>());
    }
    tell_refused(report, document["refused_plugins"]);
    if (!document["findings"].empty()) report.blank().header("What is wrong with the files");
    for (const auto& one : document["findings"]) report.item(one.get<std::string>());
    command.out.write(report.str());
    return ExitCode::Done;
}

ExitCode worker_restart(Command& command) {
    return change(command, "restart", "A new generation is on its way.");
}
ExitCode worker_rollback(Command& command) {
    return change(command, "rollback", "The older generation is on its way.");
}
ExitCode worker_drain(Command& command) { return change(command, "drain", "The namespace drains."); }
ExitCode worker_pause(Command& command) {
    return change(command, "pause", "The namespace claims nothing more.");
}
ExitCode worker_resume(Command& command) { return change(command, "resume", "The namespace goes on."); }

}  // namespace tasker::host
