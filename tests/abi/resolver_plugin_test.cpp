// Resolvers of plugin files, loaded as the host loads them and asked by a worker over its engine.
#include <doctest/doctest.h>

#include <algorithm>
#include <filesystem>
#include <string>

#include "host/loader/plugin_set.hpp"
#include "host/templates/template_loader.hpp"
#include "tests/unit/worker/worker_fixture.hpp"

using namespace tasker::host;
using namespace tasker::host::testing;
namespace fs = std::filesystem;

namespace {
struct Loading {
    TempDir dir;
    std::shared_ptr<CaptureSink> sink = std::make_shared<CaptureSink>();
    PluginOptions options;

    Loading() {
        fs::create_directory(dir / "plugins");
        options.roots = {dir / "plugins"};
        options.cache_dir = dir / "cas";
        options.worker_id = "w";
        options.namespace_name = "demo";
    }
    explicit Loading(const std::vector<std::string>& plugins) : Loading() {
        for (const auto& plugin : plugins) add(plugin);
    }
    void add(const std::string& plugin) {
        const auto to = dir / "plugins" / (plugin + ".so");
        fs::copy_file(fs::path(TASKER_ABI_PLUGINS) / (plugin + ".so"), to);
        fs::permissions(to, fs::perms::owner_all);
    }
    LoadedPlugins load() { return load_plugins(options, Logger(sink)); }
    bool said(const std::string& message) const {
        const auto records = sink->records();
        return std::any_of(records.begin(), records.end(),
                           [&](const LogRecord& record) { return record.message == message; });
    }
};

HandlerRef asking(const std::string& callable, const std::string& resolver = {}) {
    HandlerRef ref;
    ref.callable = callable;
    ref.resolver = resolver;
    return ref;
}

std::string led_to(const HandlerRegistry& registry, const std::string& callable,
                   const std::string& resolver = {}) {
    const Resolution found = registry.find(asking(callable, resolver));
    return found ? found.handler->info().callable + " by " + found.resolver : found.fault;
}

std::string reason_of(const std::string& plugin) {
    Loading loading({plugin});
    const auto loaded = loading.load();
    REQUIRE(loaded.reports.size() == 1);
    const bool good = loaded.reports[0].state == "loaded";
    CHECK(loaded.registry.list_resolvers().size() == (good ? 3 : 2));
    CHECK(loaded.registry.handler_count() == (good ? 1 : 0));
    return good ? "loaded" : loaded.reports[0].state + ": " + loaded.reports[0].reason;
}

struct Run {
    Run(LoadedPlugins& loaded, const std::string& steps, const Logger& log) {
        BootstrapConfig config = config_in(folder);
        config.log = log;
        auto templates = read("flow", steps);
        accept_resolvers(templates, loaded.registry);
        for (const Diagnostic& entry : templates.diagnostics) CHECK_MESSAGE(false, entry.str());
        for (const Diagnostic& entry : link_templates(templates.catalog, loaded.registry))
            linked += entry.str() + "\n";
        config.templates = templates.catalog;
        started = bootstrap_worker(std::move(config), std::move(loaded.registry));
        REQUIRE_MESSAGE(started.result.success, started.result.message);
    }
    static LoadedTemplates read(const std::string& name, const std::string& steps) {
        return parse_template("name: " + name + "\nnamespace_name: demo\nversion: 1.0.0\nsteps:\n" + steps,
                              name + ".yaml", {});
    }
    bool ends(const std::string& name, TaskState state) {
        const auto submitted = started.worker->tasks().create(request_for("demo", name));
        REQUIRE(std::holds_alternative<Uuid>(submitted));
        task = std::get<Uuid>(submitted);
        return eventually(30s, [&] { return started.worker->tasks().get(task)->state == state; });
    }
    bool says(const std::string& name, const std::string& part) {
        // A task is blocked by its first failure, while others of its steps are still on their way.
        std::optional<TaskView> view;
        eventually(30s, [&] {
            view = started.worker->tasks().get(task);
            return std::ranges::all_of(view->steps,
                                       [](const StepView& one) { return !one.results_json.empty(); });
        });
        for (const StepView& step : view->steps) {
            if (step.name != name) continue;
            INFO(step.results_json);
            const bool found = step.results_json.find(part) != std::string::npos;
            CHECK(found);
            return found;
        }
        FAIL("no such step: ", name);
        return false;
    }

    TempDir folder;
    std::string linked;
    Bootstrapped started;
    Uuid task;
};
}  // namespace

TEST_CASE(
    "V03: a plugin's resolvers lead a worker's steps to its handlers, which see what they were called as") {
    Loading loading({"resolvers"});
    loading.options.plugin_config_json["org.example.resolvers"] = R"({"secret":"hidden"})";
    auto loaded = loading.load();
    REQUIRE_MESSAGE(loaded.reports.at(0).state == "loaded", loaded.reports.at(0).reason);
    const std::vector<ResolverNote> notes{{"queries", 50, "", R"((?:sql|SQL)\.([a-z]+)(?:\.(\d{1,4}))?)"},
                                          {"reports", 50, "report.", ""},
                                          {"shy", 20, "report.", ""}};
    CHECK(loaded.reports[0].resolvers == notes);
    CHECK(loaded.reports[0].warnings.empty());
    Run run(loaded,
            "  - {name: daily, handler: {callable: report.daily}}\n"
            "  - {name: weekly, handler: {callable: report.weekly, method: email, resolver: reports}}\n"
            "  - {name: query, handler: {callable: sql.read.12}}\n"
            "  - {name: own, handler: {callable: reports.any}}\n",
            Logger(loading.sink));
    CHECK(run.linked.empty());
    REQUIRE(run.ends("flow", TaskState::Complete));
    run.says("daily", R"("callable":"report.daily","handler":"reports.any","method":"call")");
    run.says("weekly", R"("callable":"report.weekly","handler":"reports.any","method":"email")");
    run.says("query", R"("callable":"sql.read.12","handler":"reports.sql")");
    run.says("own", R"("callable":"reports.any","handler":"reports.any")");
    CHECK(worker_status(*run.started.worker).missing_callables.empty());

    // Read again while the worker runs: a callable that it did not know at its start.
    const auto later = Run::read("later", "  - {name: monthly, handler: {callable: report.monthly}}\n");
    Worker& worker = *run.started.worker;
    worker.engine().set_catalog(std::make_shared<const TemplateCatalog>(later.catalog));
    worker.event_system().subscriber().offer(later.catalog);
    REQUIRE(run.ends("later", TaskState::Complete));
    run.says("monthly", R"("callable":"report.monthly")");

    CHECK_FALSE(loading.said("resolver destroyed"));
    stop_worker(worker);
    loaded = {};
    run.started.worker.reset();
    CHECK(loading.said("resolver destroyed"));
}

TEST_CASE("V04 V05: a plugin's resolvers are asked by priority, then by name, and alone after a hint") {
    Loading loading({"resolvers", "odd_resolvers_first", "good_c"});
    const auto loaded = loading.load();
    const HandlerRegistry& registry = loaded.registry;
    const std::vector<ResolverEntry> order{{"explicit_mapping", 10}, {"shy", 20},     {"a.first", 50},
                                           {"queries", 50},          {"reports", 50}, {"plugin_lookup", 100}};
    CHECK(registry.list_resolvers() == order);
    CHECK(registry.debug_info().find(R"({"name":"queries","priority":50})") != std::string::npos);
    // Both take what begins with "report."; the name decides, not the file.
    CHECK(led_to(registry, "report.daily") == "odd.handler by a.first");
    CHECK(led_to(registry, "report.daily", "reports") == "reports.any by reports");
    CHECK(led_to(registry, "report.daily", "shy") ==
          "resolver 'shy' has no handler 'report.daily', and no other one is asked");
    CHECK(led_to(registry, "SQL.read") == "reports.sql by queries");
    CHECK(registry.resolve("sql.write") == nullptr);
    CHECK(registry.resolve("sql.read.12345") == nullptr);
    CHECK(registry.resolve("report." + std::string(494, 'x')) == nullptr);
    CHECK(registry.resolve("report." + std::string(493, 'x')) != nullptr);
}

TEST_CASE("V03: what a resolver of a plugin does wrong is told by name, and never crosses into the host") {
    Loading loading({"resolvers"});
    auto loaded = loading.load();
    const std::vector<std::pair<std::string, std::string>> faults{
        {"throws",
         "resolver 'reports' failed: resolve() of reports failed with E_FAILED (-1): the archive is closed"},
        {"throws-odd", "E_PANIC (-8): unknown exception"},
        {"nobody", "it answered 'reports.nobody', and"},
        {"foreign", "it answered 'pay.charge', and"},
        {"empty", "it answered 1 without a handler"},
        {"long", "it answered a handler's name of more than 128 bytes"}};
    std::string steps;
    for (const auto& [rest, part] : faults) {
        const Resolution found = loaded.registry.find(asking("report." + rest));
        CHECK(found.handler == nullptr);
        CHECK(found.resolver_failed);
        CHECK_MESSAGE(found.fault.find(part) != std::string::npos, rest, ": ", found.fault);
        steps +=
            "  - {name: " + rest + ", handler: {callable: report." + rest + "}, retry: {retryable: false}}\n";
    }
    CHECK_FALSE(loaded.registry.find(asking("report.secret")).resolver_failed);

    // A worker takes such steps, and they fail instead of waiting.
    Run run(loaded, steps, Logger(loading.sink));
    CHECK(std::count(run.linked.begin(), run.linked.end(), '\n') == 6);
    CHECK(run.linked.find("the archive is closed") != std::string::npos);
    REQUIRE(run.ends("flow", TaskState::BlockedByFailures));
    for (const auto& [rest, part] : faults) {
        run.says(rest, part);
        run.says(rest, "HANDLER_NOT_FOUND");
    }
    stop_worker(*run.started.worker);
}

TEST_CASE("V03: answers of a resolver in C that mean nothing are failures") {
    CHECK(led_to(Loading({"odd_resolvers"}).load().registry, "odd:a") == "odd.handler by odd.resolver");
    const std::vector<std::pair<std::string, std::string>> answers{
        {"answer_seven", "it answered 7 with a handler"},
        {"answer_no", "it answered 0 with a handler"},
        {"answer_bad", "resolve() of odd.resolver failed with E_NOT_FOUND (-10)"},
        {"long_answer", "more than 128 bytes"},
        {"no_name", "it answered 1 without a handler"}};
    for (const auto& [plugin, part] : answers) {
        Loading loading({"odd_resolvers_" + plugin});
        const auto loaded = loading.load();
        REQUIRE_MESSAGE(loaded.reports[0].state == "loaded", loaded.reports[0].reason);
        const std::string fault = led_to(loaded.registry, "odd:a");
        CHECK_MESSAGE(fault.find(part) != std::string::npos, plugin, ": ", fault);
    }
}

TEST_CASE("V03: a resolver with one fault refuses its plugin and names it") {
    CHECK(reason_of("odd_resolvers") == "loaded");
    const std::vector<std::pair<std::string, std::string>> faults{
        {"wild", "points to nowhere"},
        {"size", "struct_size is 16"},
        {"count", "count is 65, more than 64"},
        {"twice", "'odd.resolver' is there twice"},
        {"name", "'a b' is not 1 to 128"},
        {"huge_name", "a resolver's name is not readable, or longer than 256 bytes"},
        {"builtin", "resolver 'plugin_lookup' has the name of one of the host's own"},
        {"priority", "priority of resolver 'odd.resolver' is 1001, must be 1 to 1000"},
        {"no_resolve", "resolve of resolver 'odd.resolver' is NULL"},
        {"create_fails", "resolver 'odd.resolver' cannot be created: E_CONFIG (-7): no licence"},
        {"both", "resolver 'odd.resolver' needs either a prefix or a pattern"},
        {"neither", "resolver 'odd.resolver' needs either a prefix or a pattern"},
        {"no_prefix", "prefix of resolver 'odd.resolver' is not 1 to 256 bytes"},
        {"bad_pattern", "resolver 'odd.resolver': the pattern '(a' has a ( that is not closed"},
        {"slow_pattern", "resolver 'odd.resolver': the pattern '(a)\\1' has an escape that is not offered"},
        {"note_differs",
         "the list of resolvers is 'odd.resolver (50) prefix even:' in the note and "
         "'odd.resolver (50) prefix odd:' in the plugin table"}};
    for (const auto& [plugin, part] : faults) {
        const std::string reason = reason_of("odd_resolvers_" + plugin);
        CHECK_MESSAGE(reason.find("rejected: ") == 0, plugin);
        CHECK_MESSAGE(reason.find(part) != std::string::npos, plugin, ": ", reason);
    }
}

TEST_CASE("V03: a resolver that two files bring belongs to neither, and both are named") {
    Loading loading({"odd_resolvers", "odd_resolvers_twin"});
    const auto loaded = loading.load();
    CHECK(loaded.registry.get_resolver("odd.resolver") == nullptr);
    CHECK(loaded.registry.is_registered("odd.handler"));
    for (const auto& report : loaded.reports) {
        CHECK(report.state == "duplicate");
        CHECK(report.resolvers.empty());
        CHECK(report.reason.find("resolver 'odd.resolver' is offered by ") == 0);
        CHECK(report.reason.find("odd_resolvers_twin.so; none of them is asked") != std::string::npos);
    }
    // Its handler is a duplicate: the resolver has nothing to lead to.
    Loading same({"odd_resolvers_first", "odd_resolvers_other"});
    CHECK(led_to(same.load().registry, "report.x").find("has no such handler in service") !=
          std::string::npos);
}

TEST_CASE("V03 X06: a file tells its publishers, subscribers and resolvers without being run") {
    const Loading loading({"resolvers"});
    const PluginReport report = inspect_plugin(loading.dir / "plugins" / "resolvers.so", loading.options);
    CHECK(report.state == "valid");
    REQUIRE(report.resolvers.size() == 3);
    CHECK(report.resolvers[0] == ResolverNote{"queries", 50, "", R"((?:sql|SQL)\.([a-z]+)(?:\.(\d{1,4}))?)"});
    const Loading events({"events"});
    const PluginReport other = inspect_plugin(events.dir / "plugins" / "events.so", events.options);
    CHECK(other.publishers == std::vector<std::string>{"pay.masked", "pay.broken"});
    CHECK(other.subscribers == std::vector<std::string>{"pay.counter", "pay.thrower"});
    CHECK(other.resolvers.empty());
}
