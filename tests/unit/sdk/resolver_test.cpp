// Resolvers through their C functions, as the host calls them.
#include <doctest/doctest.h>

#include <stdexcept>
#include <string>
#include <tasker/sdk.hpp>
#include <tasker/testing.hpp>

using namespace tasker;
using tasker::detail::borrow;
using tasker::detail::ResolverDescriptor;

namespace {
struct Written {
    std::string text;
    std::int32_t answer = TASKER_OK;
    tasker_sink sink{this, [](void* to, const char* bytes, std::size_t size) noexcept -> std::int32_t {
                         auto& self = *static_cast<Written*>(to);
                         self.text.append(bytes, size);
                         return self.answer;
                     }};
};

struct Reports : HandlerResolver {
    static constexpr std::string_view resolver_name = "reports";
    static constexpr std::string_view prefix = "report.";
    explicit Reports(const ResolverSetup& setup) : only(setup.config.value("only", "")) {}
    std::optional<std::string> resolve(const AskedCallable& asked) override {
        if (asked.rest == "bad") throw std::runtime_error("no such report");
        if (asked.rest == "odd") throw 42;
        if (!only.empty() && asked.rest != only) return std::nullopt;
        return "for " + std::string(asked.callable);
    }
    std::string only;
};
struct Picky : HandlerResolver {
    static constexpr std::string_view resolver_name = "picky";
    static constexpr std::string_view prefix = "p";
    static constexpr int priority = 1000;
    explicit Picky(const ResolverSetup&) { throw std::runtime_error("no archive configured"); }
    std::optional<std::string> resolve(const AskedCallable&) override { return std::nullopt; }
};
using Queries = pattern_resolver<"queries", "sql\\.(\"?)([a-z]+)",
                                 [](const AskedCallable& asked) {
                                     return std::optional<std::string>(std::string(asked.groups.at(1)) + "/" +
                                                                       std::to_string(asked.groups.size()));
                                 },
                                 40>;

struct Handle : StepHandler {
    static constexpr std::string_view handler_name = "h";
    StepHandlerResult call(StepContext& context) override {
        return success({{"callable", std::string(context.handler_name())}});
    }
};

struct Made {
    explicit Made(const tasker_handler_resolver_v0& of, const char* config = "{}") : table(of) {
        const tasker_create_v0 args{sizeof(tasker_create_v0), 0,       nullptr,
                                    borrow(config),           nullptr, &error.sink};
        status = table.create(&table, &args, &instance);
    }
    ~Made() {
        if (status == TASKER_OK) table.destroy(instance);
    }
    Made(const Made&) = delete;
    Made& operator=(const Made&) = delete;
    std::int32_t ask(std::string_view callable, std::string_view rest,
                     std::vector<std::string_view> groups = {}) {
        std::vector<tasker_str> views;
        for (const auto group : groups) views.push_back(borrow(group));
        const tasker_asked_callable_v0 asked{sizeof asked, static_cast<std::uint32_t>(views.size()),
                                             borrow(callable), borrow(rest), views.data()};
        handler.text.clear();
        error.text.clear();
        return table.resolve(instance, &asked, &handler.sink, &error.sink);
    }
    const tasker_handler_resolver_v0& table;
    void* instance = nullptr;
    std::int32_t status = 0;
    Written handler, error;
};
}  // namespace

TEST_CASE("V03: a resolver class answers with a handler, with nothing, or with why it failed") {
    const auto& table = ResolverDescriptor<Reports>::value;
    CHECK(table.struct_size == sizeof table);
    CHECK(std::string(table.name) == "reports");
    CHECK(std::string(table.prefix) == "report.");
    CHECK(table.pattern == nullptr);
    CHECK(table.priority == 50);
    Made made(table);
    REQUIRE(made.status == TASKER_OK);
    CHECK(made.ask("report.daily", "daily") == TASKER_RESOLVE_FOUND);
    CHECK(made.handler.text == "for report.daily");
    CHECK(made.ask("report.bad", "bad") == TASKER_E_FAILED);
    CHECK(made.error.text == "no such report");
    CHECK(made.ask("report.odd", "odd") == TASKER_E_PANIC);
    CHECK(made.error.text == "unknown exception");
    made.handler.answer = TASKER_E_NOMEM;
    CHECK(made.ask("report.daily", "daily") == TASKER_E_NOMEM);
    Made configured(table, R"({"only":"weekly"})");
    CHECK(configured.ask("report.daily", "daily") == TASKER_RESOLVE_NOT_MINE);
    CHECK(configured.handler.text.empty());
    CHECK(configured.ask("report.weekly", "weekly") == TASKER_RESOLVE_FOUND);
    const Made picky(ResolverDescriptor<Picky>::value);
    CHECK(picky.status == TASKER_E_CONFIG);
    CHECK(picky.error.text == "no archive configured");
}

TEST_CASE("V03: a resolver in one line") {
    Made made(ResolverDescriptor<Queries>::value);
    CHECK(made.table.prefix == nullptr);
    CHECK(std::string(made.table.pattern) == "sql\\.(\"?)([a-z]+)");
    CHECK(made.table.priority == 40);
    CHECK(made.ask("sql.read", "", {"", "read"}) == TASKER_RESOLVE_FOUND);
    CHECK(made.handler.text == "read/2");
}

TEST_CASE("V03: resolvers stand in the plugin's extension and in its manifest") {
    using Plugin = detail::PluginOf<"id", "1.0.0", detail::NoState, Queries, Handle, Reports>::type;
    const auto& plugin = Plugin::plugin;
    REQUIRE(plugin.handler_count == 1);
    const auto* list = static_cast<const tasker_handler_resolvers_v0*>(
        plugin.get_extension(&plugin, TASKER_EXT_HANDLER_RESOLVER));
    REQUIRE(list != nullptr);
    REQUIRE(list->count == 2);
    CHECK(std::string(list->items[0]->name) == "queries");
    CHECK(plugin.get_extension(&plugin, TASKER_EXT_EVENT_PUBLISHER) == nullptr);
    const std::string note(Plugin::note.desc, Plugin::note.desc_size);
    const json manifest = json::parse(note);
    CHECK(manifest["resolvers"] ==
          json::array({{{"name", "queries"}, {"priority", 40}, {"pattern", "sql\\.(\"?)([a-z]+)"}},
                       {{"name", "reports"}, {"priority", 50}, {"prefix", "report."}}}));
    CHECK(manifest["publishers"] == json::array());
}

TEST_CASE("V03: a handler sees the callable that it was found for") {
    CHECK(testing::StepTest::of<Handle>().run().result().result()["callable"] == "h");
    CHECK(testing::StepTest::of<Handle>().callable("report.daily").run().result().result()["callable"] ==
          "report.daily");
}
