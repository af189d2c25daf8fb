// Publishers and subscribers of plugin files, loaded as the host loads them and run by a worker over its engine.
#include <doctest/doctest.h>

#include <algorithm>
#include <filesystem>
#include <string>

#include "host/loader/plugin_set.hpp"
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
    void add(const std::string& plugin) {
        const auto to = dir / "plugins" / (plugin + ".so");
        fs::copy_file(fs::path(TASKER_ABI_PLUGINS) / (plugin + ".so"), to);
        fs::permissions(to, fs::perms::owner_all);
    }
    LoadedPlugins load() { return load_plugins(options, Logger(sink)); }
    std::vector<LogRecord> said(const std::string& message) const {
        std::vector<LogRecord> found;
        for (const LogRecord& record : sink->records()) {
            if (record.message == message) found.push_back(record);
        }
        return found;
    }
};

std::string field(const LogRecord& record, const std::string& key) {
    for (const LogField& one : record.fields) {
        if (one.key == key) return one.value;
    }
    return "(none)";
}

std::string reason_of(const std::string& plugin) {
    Loading loading;
    loading.add(plugin);
    const auto loaded = loading.load();
    REQUIRE(loaded.reports.size() == 1);
    CHECK(loaded.events->publisher_names().size() == (loaded.reports[0].state == "loaded" ? 1 : 0));
    return loaded.reports[0].state == "rejected" ? loaded.reports[0].reason : loaded.reports[0].state;
}
}  // namespace

TEST_CASE("E03: publishers and subscribers of a plugin run with the steps of a worker") {
    Loading loading;
    loading.add("events");
    loading.options.plugin_config_json["org.example.events"] = R"({"mask":"####"})";
    auto loaded = loading.load();
    REQUIRE_MESSAGE(loaded.reports.at(0).state == "loaded", loaded.reports.at(0).reason);
    CHECK(loaded.reports[0].publishers == std::vector<std::string>{"pay.masked", "pay.broken"});
    CHECK(loaded.reports[0].subscribers == std::vector<std::string>{"pay.counter", "pay.thrower"});
    CHECK(loaded.reports[0].warnings.empty());

    const TempDir folder;
    BootstrapConfig config = config_in(folder);
    config.log = Logger(loading.sink);
    config.event_extensions = loaded.events;
    config.templates = TemplateCatalog({template_from_json(
        R"({"name":"pay","namespace_name":"demo","version":"1.0.0","steps":[{"name":"charge","handler":{"callable":"pay.charge","initialization":{}},"publishes_events":[
            {"name":"payment.made","description":"d","schema":{"type":"object","required":["card"]},"delivery_mode":"broadcast","publisher":"pay.masked"},
            {"name":"payment.odd","description":"d","schema":{"type":"object"},"delivery_mode":"fast","publisher":"pay.broken"},
            {"name":"order.shipped","description":"d","schema":{"type":"object"},"delivery_mode":"fast"}]}]})")});
    auto [worker, result] = bootstrap_worker(std::move(config), std::move(loaded.registry));
    REQUIRE_MESSAGE(result.success, result.message);
    const auto submitted = worker->tasks().create(request_for("demo", "pay"));
    REQUIRE(std::holds_alternative<Uuid>(submitted));
    CHECK(eventually(
        20s, [&] { return worker->tasks().get(std::get<Uuid>(submitted))->state == TaskState::Complete; }));
    stop_worker(*worker);

    const auto handled = loading.said("handled");
    REQUIRE(handled.size() == 1);
    CHECK(field(handled[0], "event") == "payment.made");
    CHECK(field(handled[0], "payload") == R"({"amount":5,"card":"####"})");
    CHECK(field(handled[0], "publisher") == "pay.masked");
    CHECK(field(handled[0], "entries") == "1");
    CHECK(field(handled[0], "success") == "true");
    CHECK(field(handled[0], "plugin") == "org.example.events");
    const auto after = loading.said("after_publish");
    REQUIRE(after.size() == 1);
    CHECK(field(after[0], "card") == "####");
    const auto skipped = loading.said("Domain event is not published");
    REQUIRE(skipped.size() == 1);
    CHECK(field(skipped[0], "event_name") == "payment.odd");
    CHECK(field(skipped[0], "reason").find("no ledger") != std::string::npos);
    const auto failed = loading.said("A subscriber of domain events failed");
    REQUIRE(failed.size() == 1);
    CHECK(field(failed[0], "subscriber") == "pay.thrower");
    CHECK(field(failed[0], "error_message").find("unknown exception") != std::string::npos);
    CHECK(worker_status(*worker).event_subscriber_errors == 1);
}

TEST_CASE("event extensions with one fault refuse the plugin and name it") {
    CHECK(reason_of("odd_events") == "loaded");
    const std::vector<std::pair<std::string, std::string>> faults{
        {"wild", "points to nowhere"},
        {"size", "struct_size is 16"},
        {"count", "count is 65, more than 64"},
        {"name", "'a b' is not 1 to 128"},
        {"reserved", "'default' is reserved or there twice"},
        {"twice", "'odd.publisher' is reserved or there twice"},
        {"create_fails", "publisher 'odd.publisher' cannot be created: E_CONFIG (-7): no licence"},
        {"no_handle", "handle of subscriber 'odd.subscriber' is NULL"},
        {"no_patterns", "pattern_count is 0, must be 1 to 64"}};
    for (const auto& [plugin, part] : faults) {
        const std::string reason = reason_of("odd_events_" + plugin);
        CHECK_MESSAGE(reason.find(part) != std::string::npos, plugin, ": ", reason);
    }
}

TEST_CASE("E07: a publisher that two files offer belongs to neither") {
    Loading loading;
    loading.add("odd_events");
    loading.add("odd_events_twin");
    const auto loaded = loading.load();
    CHECK(loaded.events->publisher_names().empty());
    for (const auto& report : loaded.reports) {
        REQUIRE(report.warnings.size() == 1);
        CHECK(report.warnings[0].find("publisher 'odd.publisher' is also in ") == 0);
    }
}
