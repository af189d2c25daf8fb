#include <doctest/doctest.h>

#include <functional>
#include <string>

#include "tests/unit/loader/call_fixture.hpp"

using namespace tasker::host;
using namespace tasker::host::testing;

namespace {
std::string refusal(const std::function<void(InTestPlugin&)>& damage) {
    InTestPlugin plugin;
    damage(plugin);
    try {
        plugin.load();
    } catch (const PluginError& error) {
        return error.what();
    }
    return "(loaded)";
}
}  // namespace

#define REFUSED_WITH(part, damage)                                          \
    do {                                                                    \
        const std::string text = refusal([&](InTestPlugin& p) { damage; }); \
        CHECK_MESSAGE(text.find(part) != std::string::npos, text);          \
    } while (false)

TEST_CASE("a sound plugin table is accepted with all it says") {
    InTestPlugin plugin;
    const char* methods[] = {"refund"};
    plugin.handler.methods = methods;
    plugin.handler.method_count = 1;
    plugin.handler.threads = TASKER_THREADS_AFFINE;
    plugin.handler.summary = "does things";
    const auto loaded = plugin.load();
    const HandlerInfo& info = loaded->descriptor().handlers.at(0).info;
    CHECK(info.callable == "test.handler");
    CHECK(info.kind == "step");
    CHECK(info.threading == Threading::Affine);
    CHECK(info.methods == std::vector<std::string>{"refund"});
    CHECK(info.version() == "org.test@1.2.3");
}

TEST_CASE("a damaged plugin table is refused with the member at fault") {
    REFUSED_WITH("struct_size is 0", p.table.struct_size = 0);
    REFUSED_WITH("struct_size is 7", p.table.struct_size = 7);
    REFUSED_WITH("struct_size is 96", p.table.struct_size = sizeof p.table - 8);
    REFUSED_WITH("struct_size is 4104", p.table.struct_size = 4104);
    REFUSED_WITH("struct_size is 4294967295", p.table.struct_size = 0xffffffffU);
    REFUSED_WITH("reserved", p.table.reserved0 = 1);
    REFUSED_WITH("reserved", p.table.reserved1 = 1);
    REFUSED_WITH("id is NULL", p.table.id = nullptr);
    REFUSED_WITH("id is empty", p.table.id = "");
    REFUSED_WITH("version is NULL", p.table.version = nullptr);
    REFUSED_WITH("id is not readable", p.table.id = reinterpret_cast<const char*>(64));
    REFUSED_WITH("handler_count is 0", p.table.handler_count = 0);
    REFUSED_WITH("handler_count is 4294967295", p.table.handler_count = 0xffffffffU);
    REFUSED_WITH("handler_count is 1099511627776", p.table.handler_count = std::size_t{1} << 40U);
    REFUSED_WITH("handlers is NULL", p.table.handlers = nullptr);
    REFUSED_WITH("handlers[0] is not readable",
                 p.table.handlers = reinterpret_cast<const tasker_handler_v0* const*>(64));
    REFUSED_WITH("handlers[0] is NULL", p.handlers = nullptr);
    REFUSED_WITH("handlers[0] is not aligned",
                 p.handlers = reinterpret_cast<const tasker_handler_v0*>(0x1001));
    REFUSED_WITH("handlers[0] points to nowhere",
                 p.handlers = reinterpret_cast<const tasker_handler_v0*>(0x1000));
    REFUSED_WITH("handlers[0].struct_size is 8", p.handler.struct_size = 8);
    REFUSED_WITH("handlers[0].kind is 9", p.handler.kind = 9);
    REFUSED_WITH("handlers[0].threads is 3", p.handler.threads = 3);
    REFUSED_WITH("handlers[0].call is NULL", p.handler.call = nullptr);
    REFUSED_WITH("handlers[0].callable is NULL", p.handler.callable = nullptr);
    REFUSED_WITH("handlers[0].methods is NULL", p.handler.method_count = 2);
    REFUSED_WITH("handlers[0].config_schema_json is not JSON", p.handler.config_schema_json = "{");
}

TEST_CASE("an invalid callable name is refused, escaped and cut") {
    REFUSED_WITH("invalid callable name ''", p.handler.callable = "");
    REFUSED_WITH("invalid callable name 'a\\x0ab'", p.handler.callable = "a\nb");
    const std::string huge(10000, 'a');
    REFUSED_WITH("invalid callable name 'aaaa", p.handler.callable = huge.c_str());
    CHECK(refusal([&](InTestPlugin& p) { p.handler.callable = huge.c_str(); }).size() < 300);
}

TEST_CASE("two handlers of one plugin may not share a callable") {
    InTestPlugin plugin;
    const tasker_handler_v0* both[] = {&plugin.handler, &plugin.handler};
    plugin.table.handlers = both;
    plugin.table.handler_count = 2;
    CHECK_THROWS_WITH_AS(plugin.load(),
                         "invalid plugin table: handlers[1].callable 'test.handler' is there twice",
                         PluginError);
}

TEST_CASE("another ABI major is refused with both versions") {
    REFUSED_WITH("built for plugin ABI 7.3, this host speaks 0.1",
                 (p.table.abi_major = 7, p.table.abi_minor = 3));
    REFUSED_WITH("needs at least 0.99", (p.table.abi_minor = 99, p.table.min_host_minor = 99));
}

TEST_CASE("a newer minor that needs nothing new is accepted") {
    CHECK(refusal([](InTestPlugin& p) { p.table.abi_minor = 99; }) == "(loaded)");
}

TEST_CASE("an entry that returns NULL refuses this host") {
    PluginNotes notes;
    const auto entry = [](const tasker_host_v0*) noexcept -> const tasker_plugin_v0* { return nullptr; };
    CHECK_THROWS_WITH_AS(Plugin(entry, notes, {}, Logger{}), "its entry refused this host (plugin ABI 0.1)",
                         PluginError);
}

TEST_CASE("init runs once with the host's services and a failure names its reason") {
    InTestPlugin plugin;
    plugin.table.init = [](const tasker_plugin_v0*, const tasker_host_v0* host, void** state,
                           const tasker_sink* error) noexcept -> int32_t {
        *state = const_cast<char*>("state");
        std::string value;
        const tasker_sink into{&value, [](void* ctx, const char* bytes, size_t size) noexcept -> int32_t {
                                   static_cast<std::string*>(ctx)->append(bytes, size);
                                   return TASKER_OK;
                               }};
        if (host->config(host, "db.port", &into) != TASKER_OK)
            return error->write(error->ctx, "no db.port", 10), TASKER_E_CONFIG;
        if (host->config(host, "db.host", &into) != TASKER_E_NOT_FOUND) return TASKER_E_FAILED;
        if (host->unix_ms(host) <= 0 || host->mono_ns(host) <= 0) return TASKER_E_FAILED;
        return value == "5432" ? TASKER_OK : TASKER_E_FAILED;
    };
    CHECK_THROWS_WITH_AS(plugin.load(), "init() of plugin org.test failed with E_CONFIG (-7): no db.port",
                         PluginError);
    PluginOptions options;
    options.plugin_config_json["org.test"] = R"({"db":{"port":5432}})";
    CHECK(plugin.load(options)->state() != nullptr);
}

TEST_CASE("shutdown runs once, after the last handler and instance are gone") {
    static int shutdowns = 0;
    shutdowns = 0;
    InTestPlugin plugin;
    plugin.table.shutdown = [](const tasker_plugin_v0*, void*) noexcept { ++shutdowns; };
    auto handler = std::make_unique<PluginHandler>(plugin.load(), 0, "test.so");
    auto instance = handler->create(0);
    handler.reset();
    CHECK(shutdowns == 0);
    instance.reset();
    CHECK(shutdowns == 1);
}

TEST_CASE("a handler that refuses its configuration says why") {
    InTestPlugin plugin;
    plugin.handler.create = [](const tasker_handler_v0*, const tasker_create_v0* args,
                               void**) noexcept -> int32_t {
        args->error->write(args->error->ctx, "url is missing", 14);
        return TASKER_E_CONFIG;
    };
    PluginHandler handler(plugin.load(), 0, "test.so");
    CHECK_THROWS_WITH_AS(handler.create(0),
                         "handler test.handler of test.so cannot be created: E_CONFIG (-7): url is missing",
                         PluginError);
}

TEST_CASE("a handler that cannot be created is one error in the log, however often it is tried") {
    InTestPlugin plugin;
    plugin.handler.create = [](const tasker_handler_v0*, const tasker_create_v0* args,
                               void**) noexcept -> int32_t {
        args->error->write(args->error->ctx, "no licence", 10);
        return TASKER_E_FAILED;
    };
    const auto sink = std::make_shared<CaptureSink>();
    PluginHandler handler(plugin.load(), 0, "test.so", Logger(sink));
    for (unsigned slot = 0; slot < 3; ++slot) CHECK_THROWS_AS(handler.create(slot), PluginError);
    const auto records = sink->records();
    REQUIRE(records.size() == 1);
    CHECK(records[0].level == LogLevel::Error);
    CHECK(records[0].message == "Handler cannot be created");
    CHECK(sink->contains("Handler cannot be created"));
}

namespace {
std::string difference(const std::string& manifest, const PluginDescriptor& descriptor) {
    PluginNotes notes;
    notes.abi = descriptor.abi;
    try {
        notes.manifest = read_manifest(manifest);
        require_equal(notes, descriptor);
    } catch (const PluginError& error) {
        return error.what();
    }
    return "(equal)";
}
}  // namespace

TEST_CASE("whatever a manifest says must be what the plugin's table says") {
    InTestPlugin plugin;
    const char* methods[] = {"refund", "charge"};
    plugin.handler.methods = methods;
    plugin.handler.method_count = 2;
    plugin.table.sdk = "tasker-cpp 0.1.0";
    const auto loaded = plugin.load();
    const auto said = [&](const std::string& json) { return difference(json, loaded->descriptor()); };
    const auto of_handler = [&](const std::string& members) {
        return said(R"({"handlers":[{"callable":"test.handler")" + members + "}]}");
    };
    const auto says = [](const std::string& text, const std::string& part) {
        CHECK_MESSAGE(text.find(part) != std::string::npos, text);
    };
    CHECK(said(R"({"id":"org.test","version":"1.2.3","sdk":"tasker-cpp 0.1.0","handlers":[
        {"callable":"test.handler","kind":"step","methods":["charge","refund"]}]})") == "(equal)");
    CHECK(of_handler("") == "(equal)");
    says(said(R"({"id":"org.other"})"), "the id is 'org.other'");
    says(said(R"({"version":"1.2.4"})"), "the version is '1.2.4'");
    says(said(R"({"sdk":"tasker-cpp 9"})"), "the SDK is 'tasker-cpp 9' in the note and 'tasker-cpp 0.1.0'");
    says(of_handler(R"(,"kind":"decision")"), "the kind of test.handler is 'decision'");
    says(of_handler(R"(,"methods":["refund"])"),
         "the methods of test.handler is 'refund' in the note and 'charge, refund'");
    says(of_handler(R"(,"methods":[])"), "the methods of test.handler");
    says(of_handler(R"(,"methods":"refund")"), "'methods' is not a list");
    says(of_handler(R"(,"methods":[1])"), "a method is not a text");
    says(said(R"({"handlers":[{"callable":"test.handler"},{"callable":"test.handler"}]})"),
         "it lists the callable 'test.handler' twice");
    says(said(R"({"handlers":[]})"), "the number of handlers is '0'");
    says(said(R"({"handlers":{}})"), "'handlers' is not a list");
    says(said(R"({"handlers":[1]})"), "a handler is not an object");
    says(said(R"({"id":5})"), "'id' is not a text");
}
