// The running host as its operator sees it: whether it is well, and what it is.

#include <nlohmann/json.hpp>

#include "host/api/json_writer.hpp"
#include "host/process/connection.hpp"
#include "host/process/report.hpp"
#include "host/process/state_folder.hpp"

namespace tasker::host {

namespace {
using nlohmann::json;

// Somebody watches with this: a host that is stuck is an answer too, and must not take a minute.
constexpr int kPatienceMs = 5000;

// Asks the host itself, never the store: without a host there is nothing to tell.
class RunningHost {
  public:
    explicit RunningHost(const Config& config) : socket_(api_socket(config)), client_(socket_, kPatienceMs) {}

    std::string get(const std::string& target) { return expect_document(ask(target)); }
    // "null" when the host has no such thing.
    std::string get_if_any(const std::string& target) {
        const ApiResponse answer = ask(target);
        return answer.status == 404 ? "null" : expect_document(answer);
    }
    std::string socket() const { return socket_.string(); }

  private:
    ApiResponse ask(const std::string& target) {
        try {
            return client_.request("GET", target, {});
        } catch (const HostUnreachable& fault) {
            throw CommandFailure(ExitCode::Unreachable, "UNREACHABLE", fault.what(),
                                 "start one with `tasker-host run`, or name the state folder of the one that "
                                 "runs with TASKER_STATE_DIR or --state-dir");
        }
    }

    std::filesystem::path socket_;
    UnixSocketClient client_;
};

std::string text(const json& object, const char* key) {
    const auto found = object.find(key);
    if (found == object.end() || found->is_null()) return {};
    return found->is_string() ? found->get<std::string>() : found->dump();
}

std::string listed(const json& object, const char* key) {
    std::string out;
    const auto found = object.find(key);
    if (found == object.end() || !found->is_array()) return out;
    for (const json& one : *found) out += (out.empty() ? "" : ", ") + one.get<std::string>();
    return out;
}

void tell_worker(Report& report, const json& status) {
    report.label("REST API over TCP", status.value("web_api_enabled", false) ? "yes" : "no")
        .blank()
        .header("Worker")
        .label("Worker", text(status, "worker_id"))
        .label("Status", text(status, "worker_core_status"))
        .label("Uptime", short_duration(status.value("uptime_ms", 0LL)))
        .label("Namespaces", listed(status, "supported_namespaces"))
        .label("Plugins", text(status, "plugins"))
        .label("Handlers", text(status, "handlers"))
        .label("Templates", text(status, "templates"))
        .label("Missing handlers", std::to_string(status["missing_callables"].size()))
        .label("Slots in use", text(status, "running_steps") + " of " + text(status, "slots"))
        .label("Steps succeeded", text(status, "steps_succeeded"))
        .label("Steps failed", text(status, "steps_failed"));
}
}  // namespace

ExitCode system_health(Command& command) {
    RunningHost host(configure(command).config);
    const std::string document = host.get("/health/detailed");
    const json health = json::parse(document);
    const std::string status = text(health, "status");
    const bool healthy = status == "healthy";
    const ExitCode code = healthy ? ExitCode::Done : ExitCode::Failed;
    if (command.line.json) {
        command.document(document);
        return code;
    }
    Report report = command.report();
    if (healthy) {
        report.success("The host is healthy");
    } else {
        report.warning("The host is " + status);
    }
    report.label("Worker", text(health, "worker_id")).label("At", text(health, "timestamp")).blank();
    for (const auto& [name, check] : health["checks"].items()) {
        const std::string found = text(check, "status");
        const std::string message = text(check, "message");
        // What is not known is no fault.
        report.verdict(
            found == "healthy" || found == "unknown",
            name + (found == "healthy" ? "" : " " + found) + (message.empty() ? "" : ": " + message));
    }
    command.out.write(report.str());
    return code;
}

ExitCode system_info(Command& command) {
    RunningHost host(configure(command).config);
    const std::string about = host.get("/config"), worker = host.get_if_any("/status"),
                      store = host.get("/v1/store/info");
    const json config = json::parse(about), status = json::parse(worker), file = json::parse(store);
    const json& metadata = config["metadata"];
    if (command.line.json) {
        std::string out;
        JsonObject object(out);
        object.text("version", text(metadata, "version"))
            .text("environment", text(metadata, "environment"))
            .text("deployment_mode", text(config, "deployment_mode"))
            .text("socket", host.socket())
            .raw("worker", worker)
            .raw("store", store);
        object.end();
        command.document(out);
        return ExitCode::Done;
    }
    Report report = command.report();
    report.header("System Information")
        .label("Version", text(metadata, "version"))
        .label("Environment", text(metadata, "environment"))
        .label("Deployment mode", text(config, "deployment_mode"))
        .label("API socket", host.socket());
    if (!status.is_null()) tell_worker(report, status);
    report.blank()
        .header("Store")
        .label("Path", text(file, "path"))
        .label("Bytes", text(file, "bytes"))
        .label("Durability", text(file, "durability"))
        .label("Open tasks", text(file, "open_tasks"))
        .label("Steps ready", text(file, "ready_steps"));
    command.out.write(report.str());
    return ExitCode::Done;
}

}  // namespace tasker::host
