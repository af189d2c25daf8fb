// Plugins of three toolchains in one process, and plugins with one fault each.
#include <doctest/doctest.h>
#include <elf.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <span>
#include <string>

#include "host/loader/elf_file.hpp"
#include "host/loader/plugin_set.hpp"
#include "tests/support/temp_dir.hpp"
#include "tests/unit/loader/call_fixture.hpp"

using namespace tasker::host;
using namespace tasker::host::testing;
namespace fs = std::filesystem;

namespace {
// A private root with copies of the plugins named, loaded.
struct Loading {
    TempDir dir;
    std::shared_ptr<CaptureSink> sink = std::make_shared<CaptureSink>();
    PluginOptions options;

    Loading() {
        fs::create_directory(dir / "plugins");
        options.roots = {dir / "plugins"};
        options.cache_dir = dir / "cas";
        options.worker_id = "w";
        options.namespace_name = "orders";
    }
    fs::path add(const std::string& plugin, const std::string& as = {}) {
        const auto to = dir / "plugins" / ((as.empty() ? plugin : as) + ".so");
        fs::copy_file(fs::path(TASKER_ABI_PLUGINS) / (plugin + ".so"), to);
        fs::permissions(to, fs::perms::owner_all);
        return to;
    }
    LoadedPlugins load() { return load_plugins(options, Logger(sink)); }
};

std::string reason_of(const std::string& plugin) {
    Loading loading;
    loading.add(plugin);
    const auto loaded = loading.load();
    REQUIRE(loaded.reports.size() == 1);
    CHECK(loaded.registry.handler_count() == (loaded.reports[0].state == "loaded" ? 1 : 0));
    return loaded.reports[0].state == "rejected" ? loaded.reports[0].reason
                                                 : "(" + loaded.reports[0].state + ")";
}

StepOutcome run(const LoadedPlugins& loaded, const std::string& callable, int number) {
    const auto handler = loaded.registry.resolve(callable);
    REQUIRE_MESSAGE(handler != nullptr, callable);
    StepEvent event = make_event();
    auto task = std::make_shared<TaskInfo>(*event.task_sequence_step.task);
    task->context_json = shared_text("{\"number\":" + std::to_string(number) + "}");
    event.task_sequence_step.task = task;
    FakeControl control;
    return handler->create(0)->call(event, control);
}

#define CHECK_REASON(plugin, part)                                                   \
    do {                                                                             \
        const std::string reason = reason_of(plugin);                                \
        CHECK_MESSAGE(reason.find(part) != std::string::npos, plugin, ": ", reason); \
    } while (false)
}  // namespace

TEST_CASE("plugins of several toolchains load side by side and answer") {
    Loading loading;
    std::vector<std::string> plugins{"c", "cpp"};
#ifdef TASKER_HAVE_LIBCXX_PLUGIN
    plugins.emplace_back("libcxx");
#endif
    for (const auto& plugin : plugins) loading.add("good_" + plugin);
    const auto loaded = loading.load();
    for (const auto& report : loaded.reports) {
        CHECK_MESSAGE(report.state == "loaded", report.path, ": ", report.reason);
        CHECK_MESSAGE(report.warnings.empty(), report.path, ": ",
                      report.warnings.empty() ? "" : report.warnings[0]);
        CHECK(report.hash.size() == 64);
        CHECK(report.abi == "0.1");
    }
    for (const auto& plugin : plugins) {
        const std::string callable = "fixture." + plugin;
        const auto outcome = run(loaded, callable, 6);
        REQUIRE_MESSAGE(std::holds_alternative<Succeeded>(outcome), callable);
        CHECK(std::get<Succeeded>(outcome).result_json.find(callable) != std::string::npos);
        CHECK(loaded.registry.resolve(callable)->info().version() == "org.example." + plugin + "@1.0.0");
        if (plugin == "c") continue;
        const auto thrown = run(loaded, callable, -1);
        REQUIRE(std::holds_alternative<Failed>(thrown));
        CHECK(std::get<Failed>(thrown).message == "negative");
        CHECK(std::get<Failed>(thrown).retryable);
        CHECK(std::holds_alternative<Failed>(run(loaded, callable, 1001)));
    }
}

TEST_CASE("a plugin exports its entry and nothing else") {
    for (const std::string plugin : {"good_c", "good_cpp", "good_libcxx"}) {
        std::ifstream in(fs::path(TASKER_ABI_PLUGINS) / (plugin + ".so"), std::ios::binary);
        const std::string file{std::istreambuf_iterator<char>(in), {}};
        if (file.empty() && plugin == "good_libcxx") continue;
        const auto facts = read_elf(std::as_bytes(std::span(file)), TASKER_ENTRY_SYMBOL);
        CHECK_MESSAGE(facts.export_count == 1, plugin);
        CHECK(facts.entry_found);
    }
    Loading loading;
    loading.add("odd_extra_export");
    const auto loaded = loading.load();
    CHECK(loaded.reports[0].state == "loaded");
    REQUIRE(loaded.reports[0].warnings.size() == 1);
    CHECK(loaded.reports[0].warnings[0].find("tasker_fixture_extra") != std::string::npos);
}

TEST_CASE("each fault of a plugin file has its named reason") {
    CHECK_REASON("odd_no_entry", "no symbol 'tasker_plugin_entry_v0'");
    CHECK_REASON("odd_entry_is_data", "is not a function");
    CHECK_REASON("odd_no_note", "built without TASKER_PLUGIN");
    CHECK_REASON("odd_manifest_broken", "manifest note is damaged");
    CHECK_REASON("odd_note_differs", "note and its code disagree: the id is 'org.example.other'");
    CHECK_REASON("odd_null_entry", "its entry refused this host");
    CHECK_REASON("odd_wild_entry", "plugin points to nowhere");
    CHECK_REASON("odd_unaligned_entry", "plugin is not aligned");
    CHECK_REASON("odd_size_0", "struct_size is 0");
    CHECK_REASON("odd_size_7", "struct_size is 7");
    CHECK_REASON("odd_size_8000", "struct_size is 8000");
    CHECK_REASON("odd_handler_size_16", "handlers[0].struct_size is 16");
    CHECK_REASON("odd_count_0", "handler_count is 0");
    CHECK_REASON("odd_count_0x10000000000", "handler_count is 1099511627776");
    CHECK_REASON("odd_major_2", "built for plugin ABI 2.1, this host speaks 0.1");
    CHECK_REASON("odd_null_call", "handlers[0].call is NULL");
    CHECK_REASON("odd_null_handler", "handlers[0] is NULL");
    CHECK_REASON("odd_init_fails", "E_CONFIG (-7): the moon is wrong");
    CHECK_REASON("odd_undefined", "undefined symbol: tasker_fixture_undefined");
    CHECK_REASON("odd_needed", "libtasker_fixture_absent.so");
    CHECK_REASON("odd_needed", "searched");
    CHECK_REASON("odd_runpath_dot", "relative folder");
    CHECK_REASON("odd_runpath_origin", "$ORIGIN");
    CHECK_REASON("odd_runpath_empty", "an empty entry");
    CHECK_REASON("odd_exec_stack", "executable stack");
    CHECK_REASON("odd_tls", "static TLS block");
    CHECK_REASON("odd_tls", "-ftls-model=global-dynamic");
}

TEST_CASE("one bad file never stops the others and only plugin files are looked at") {
    Loading loading;
    const auto good = loading.add("good_c");
    loading.add("odd_no_entry");
    loading.dir.write("plugins/text.so", "hello");
    loading.dir.write("plugins/.hidden.so", "hello");
    loading.dir.write("plugins/upload.so.tmp", "hello");
    loading.dir.write("plugins/README", "hello");
    loading.dir.write("plugins/deeper/x.so", "hello");
    loading.options.roots.push_back(loading.dir / "missing");
    const auto loaded = loading.load();
    REQUIRE(loaded.reports.size() == 3);
    CHECK(loaded.reports[0].path == good);
    CHECK(loaded.reports[0].state == "loaded");
    CHECK(loaded.reports[1].state == "rejected");
    CHECK(loaded.reports[2].state == "rejected");
    CHECK(loaded.registry.list_handlers() == std::vector<std::string>{"fixture.c"});
    CHECK(loading.sink->contains("Plugin folder cannot be read"));
    CHECK(loading.sink->contains("Plugin rejected"));
}

TEST_CASE("a callable that two files offer is served by neither and both are named") {
    Loading loading;
    const auto one = loading.add("good_c");
    const auto two = loading.add("good_c_twin");
    loading.add("good_cpp");
    const auto loaded = loading.load();
    CHECK(loaded.registry.list_handlers() == std::vector<std::string>{"fixture.cpp"});
    for (const auto& report : loaded.reports) {
        if (report.path.filename() == "good_cpp.so") continue;
        CHECK(report.state == "duplicate");
        CHECK(report.reason.find("'fixture.c'") != std::string::npos);
        CHECK(report.reason.find(one.string()) != std::string::npos);
        CHECK(report.reason.find(two.string()) != std::string::npos);
    }
}

TEST_CASE("one file found through two roots is loaded once") {
    Loading loading;
    loading.add("good_c");
    fs::create_directory(loading.dir / "second");
    fs::create_symlink(loading.dir / "plugins/good_c.so", loading.dir / "second/again.so");
    loading.options.roots.push_back(loading.dir / "second");
    loading.options.roots.push_back(loading.dir / "plugins");
    const auto loaded = loading.load();
    REQUIRE(loaded.reports.size() == 1);
    CHECK(loaded.reports[0].state == "loaded");
}

TEST_CASE("identical copies in two folders are loaded once, the second is named as a copy") {
    Loading loading;
    const auto first = loading.add("good_c");
    fs::create_directory(loading.dir / "second");
    fs::copy_file(first, loading.dir / "second/good_c.so");
    fs::copy_file(first, loading.dir / "second/renamed.so");
    for (const char* name : {"second/good_c.so", "second/renamed.so"})
        fs::permissions(loading.dir / name, fs::perms::owner_all);
    loading.options.roots.push_back(loading.dir / "second");
    const auto loaded = loading.load();
    REQUIRE(loaded.reports.size() == 3);
    CHECK(loaded.reports[0].state == "loaded");
    for (const std::size_t i : {1U, 2U}) {
        CHECK(loaded.reports[i].state == "copy");
        CHECK(loaded.reports[i].reason == "same file as " + first.string());
        CHECK(loaded.reports[i].hash == loaded.reports[0].hash);
    }
    CHECK(loaded.registry.list_handlers() == std::vector<std::string>{"fixture.c"});
    for (const auto& record : loading.sink->records()) CHECK(record.level != LogLevel::Error);
}

TEST_CASE("a second file of one plugin id is an error that names both") {
    for (const std::string next : {"good_c_next", "good_c_next_plain"}) {
        Loading loading;
        const auto first = loading.add("good_c");
        const auto second = loading.add(next);
        const auto loaded = loading.load();
        REQUIRE(loaded.reports.size() == 2);
        CHECK(loaded.reports[0].state == "loaded");
        CHECK(loaded.reports[1].state == "rejected");
        CHECK(loaded.reports[1].path == second);
        CHECK(loaded.reports[1].reason.find("plugin 'org.example.c' is also in " + first.string()) !=
              std::string::npos);
        CHECK(loaded.registry.list_handlers() == std::vector<std::string>{"fixture.c"});
    }
}

TEST_CASE("overwriting or deleting the file does not touch the loaded plugin") {
    Loading loading;
    const auto file = loading.add("good_c");
    const auto loaded = loading.load();
    const auto handler = loaded.registry.resolve("fixture.c");
    REQUIRE(handler);
    const auto instance = handler->create(0);
    FakeControl control;
    const auto event = make_event();
    std::ofstream(file, std::ios::binary | std::ios::in) << std::string(8192, '\0');
    CHECK(std::holds_alternative<Succeeded>(instance->call(event, control)));
    fs::resize_file(file, 10);
    fs::remove(file);
    CHECK(std::holds_alternative<Succeeded>(instance->call(event, control)));
}

TEST_CASE("writable plugins are refused, or loaded with a warning when that is relaxed") {
    Loading loading;
    const auto file = loading.add("good_c");
    fs::permissions(file, fs::perms::all);
    auto refused = loading.load();
    CHECK(refused.reports[0].state == "rejected");
    CHECK(refused.reports[0].reason.find("chmod o-w " + file.string()) != std::string::npos);
    loading.options.relax_permissions = true;
    auto relaxed = loading.load();
    CHECK(relaxed.reports[0].state == "loaded");
    CHECK_FALSE(relaxed.reports[0].warnings.empty());
}

TEST_CASE("inspecting a file tells its notes without running it") {
    Loading loading;
    const auto report = inspect_plugin(loading.add("good_c"), loading.options);
    CHECK(report.state == "valid");
    CHECK(report.id == "org.example.c");
    CHECK(report.version == "1.0.0");
    REQUIRE(report.handlers.size() == 1);
    CHECK(report.handlers[0].callable == "fixture.c");
    CHECK_FALSE(fs::exists(loading.dir / "cas"));
    // Its entry would refuse the host: inspection does not ask it.
    CHECK(inspect_plugin(loading.add("odd_null_entry"), loading.options).state == "valid");
    CHECK(inspect_plugin(loading.dir / "none.so", loading.options).state == "rejected");
}
