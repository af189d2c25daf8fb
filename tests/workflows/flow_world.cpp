#include "tests/workflows/flow_world.hpp"

#include <algorithm>
#include <filesystem>
#include <utility>

#include "host/loader/plugin_set.hpp"

namespace tasker::host::flows {

namespace fs = std::filesystem;
using namespace std::chrono_literals;

namespace {

// Copies, because a build folder may be open to others.
const testing::TempDir& plugin_folder() {
    static const testing::TempDir folder;
    static const bool copied = [] {
        fs::create_directory(folder / "plugins");
        for (const auto& entry : fs::directory_iterator(TASKER_WORKFLOW_PLUGINS)) {
            if (entry.path().extension() != ".so") continue;
            const auto to = folder / "plugins" / entry.path().filename().string();
            fs::copy_file(entry.path(), to);
            fs::permissions(to, fs::perms::owner_all);
        }
        return true;
    }();
    static_cast<void>(copied);
    return folder;
}

// Loaded once: plugins stay in the process, and reading their files takes longer than most cases.
const LoadedPlugins& plugins() {
    static const LoadedPlugins loaded = [] {
        PluginOptions options;
        options.roots = {plugin_folder() / "plugins"};
        options.cache_dir = plugin_folder() / "cache";
        options.worker_id = "flows";
        return load_plugins(options, Logger{});
    }();
    for (const PluginReport& report : loaded.reports) {
        REQUIRE_MESSAGE(report.state == "loaded", report.path.string(), ": ", report.reason);
    }
    REQUIRE(loaded.reports.size() == 4);
    return loaded;
}

HandlerRegistry all_handlers() {
    HandlerRegistry registry;
    for (const auto& handler : plugins().registry.all()) registry.register_handler(handler);
    return registry;
}

bool waits_for_time(const TaskView& task) {
    return std::any_of(task.steps.begin(), task.steps.end(),
                       [](const StepView& step) { return step.state == StepState::WaitingForRetry; });
}
bool runs(const TaskView& task) {
    return std::any_of(task.steps.begin(), task.steps.end(),
                       [](const StepView& step) { return is_live(step.state) || step.ready_for_execution; });
}

}  // namespace

fs::path files(const std::string& name) { return fs::path(TASKER_WORKFLOWS) / name; }

LoadedTemplates templates_of(const std::vector<fs::path>& roots, const std::string& environment) {
    return load_templates(roots, {.environment = environment});
}

FlowWorld::FlowWorld(const WorldOptions& options) {
    const LoadedTemplates templates = templates_of(options.templates, options.environment);
    for (const Diagnostic& entry : templates.diagnostics) {
        if (entry.severity == Severity::Error) FAIL(entry.str());
    }
    BootstrapConfig config;
    config.state_dir = (folder_ / "state").string();
    const auto namespaces = templates.catalog.namespaces();
    config.namespaces.assign(namespaces.begin(), namespaces.end());
    config.environment = options.environment;
    config.templates = templates.catalog;
    config.durability = Durability::Process;
    config.event_extensions = plugins().events;
    config.subscriber.threads = 4;
    config.subscriber.drain_timeout_ms = 2000;
    config.subscriber.handler_concurrency = options.handler_concurrency;
    config.upkeep.staleness_interval_ms = 60'000;
    config.start_event_system = false;
    config.clock = &clock_;
    started_ = bootstrap_worker(std::move(config), all_handlers());
    REQUIRE_MESSAGE(started_.result.success, started_.result.message);
}

SubmitOutcome FlowWorld::try_submit(const std::string& namespace_name, const std::string& name,
                                    const json& context) {
    TaskRequest request;
    request.namespace_name = namespace_name;
    request.name = name;
    request.version = "1.0.0";
    request.context_json = context.dump();
    request.initiator = request.source_system = request.reason = "test";
    return worker().tasks().create(request);
}

Uuid FlowWorld::submit(const std::string& namespace_name, const std::string& name, const json& context) {
    const auto outcome = try_submit(namespace_name, name, context);
    const auto* refused = std::get_if<Refused>(&outcome);
    REQUIRE_MESSAGE(refused == nullptr, refused->message);
    return std::get<Uuid>(outcome);
}

TaskView FlowWorld::view(const Uuid& task) {
    auto found = worker().tasks().get(task);
    REQUIRE(found.has_value());
    return *std::move(found);
}

TaskView FlowWorld::run(const Uuid& task) {
    worker().event_system().start();
    TaskView last;
    const bool ended = testing::eventually(60s, [&] {
        last = view(task);
        if (is_terminal(last.state)) return true;
        if (runs(last)) return false;
        if (last.state == TaskState::BlockedByFailures) return true;
        if (waits_for_time(last)) clock_.advance(500);
        return false;
    });
    REQUIRE_MESSAGE(ended, "the task stays ", std::string(tasker::host::name(last.state)));
    return last;
}

StepView FlowWorld::step(const Uuid& task, const std::string& step) {
    for (StepView& one : view(task).steps) {
        if (one.name == step) return std::move(one);
    }
    FAIL("there is no step " << step);
    return {};
}

Names FlowWorld::step_names(const Uuid& task) {
    Names names;
    for (const StepView& one : view(task).steps) names.push_back(one.name);
    std::sort(names.begin(), names.end());
    return names;
}

json FlowWorld::envelope(const Uuid& task, const std::string& step) {
    for (const StepView& one : view(task).steps) {
        if (one.name == step && !one.results_json.empty()) return json::parse(one.results_json);
    }
    return json::object();
}

json FlowWorld::result(const Uuid& task, const std::string& step) { return envelope(task, step)["result"]; }

std::vector<json> FlowWorld::attempts(const Uuid& task, const std::string& step_name) {
    std::vector<json> answered;
    for (const StepAuditRecord& record : worker().tasks().step_audit(task, step(task, step_name).step_uuid)) {
        if (!record.result_json.empty()) answered.push_back(json::parse(record.result_json));
    }
    return answered;
}

}  // namespace tasker::host::flows
