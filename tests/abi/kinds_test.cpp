// Each kind of handler, in C and in C++ of several toolchains, through the loader.
#include <doctest/doctest.h>

#include <filesystem>
#include <string>
#include <vector>

#include "host/loader/plugin_set.hpp"
#include "tests/support/temp_dir.hpp"
#include "tests/unit/loader/call_fixture.hpp"

using namespace tasker::host;
using namespace tasker::host::testing;
namespace fs = std::filesystem;

namespace {
std::vector<std::string> languages() {
    std::vector<std::string> all{"c", "cpp"};
#ifdef TASKER_HAVE_LIBCXX_PLUGIN
    all.emplace_back("libcxx");
#endif
    return all;
}

// One plugin of kinds, loaded; its callables are kinds.LANGUAGE.NAME.
class Kinds {
  public:
    explicit Kinds(const std::string& language) : prefix_("kinds." + language + ".") {
        fs::create_directory(dir_ / "plugins");
        const auto to = dir_ / "plugins" / "kinds.so";
        fs::copy_file(fs::path(TASKER_ABI_PLUGINS) / ("kinds_" + language + ".so"), to);
        fs::permissions(to, fs::perms::owner_all);
        PluginOptions options;
        options.roots = {dir_ / "plugins"};
        options.cache_dir = dir_ / "cas";
        loaded_ = load_plugins(options, Logger{});
        REQUIRE(loaded_.reports.size() == 1);
        REQUIRE_MESSAGE(loaded_.reports[0].state == "loaded", loaded_.reports[0].reason);
    }
    std::string kind(const std::string& name) const { return handler(name)->info().kind; }
    StepOutcome run(const std::string& name, const StepEvent& event = make_event()) {
        return handler(name)->create(0)->call(event, control);
    }
    FakeControl control;

  private:
    std::shared_ptr<Handler> handler(const std::string& name) const {
        auto found = loaded_.registry.resolve(prefix_ + name);
        REQUIRE_MESSAGE(found != nullptr, prefix_, name);
        return found;
    }

    TempDir dir_;
    std::string prefix_;
    LoadedPlugins loaded_;
};

StepEvent batch_of(std::string inputs, const char* checkpoint = nullptr) {
    StepEvent event = make_event();
    event.task_sequence_step.workflow_step.inputs_json = std::move(inputs);
    if (checkpoint != nullptr)
        event.task_sequence_step.workflow_step.checkpoint_json = shared_text(checkpoint);
    return event;
}

constexpr auto kBatch =
    R"({"cursor":{"batch_id":"001","start_cursor":0,"end_cursor":500,"batch_size":500},"is_no_op":false})";
}  // namespace

TEST_CASE("H02: the kinds of a plugin are known in every language") {
    for (const auto& language : languages()) {
        const Kinds kinds(language);
        CHECK(kinds.kind("decide") == "decision");
        CHECK(kinds.kind("analyze") == "batch_analyzer");
        CHECK(kinds.kind("load") == "batch_worker");
        CHECK(kinds.kind("emit") == "step");
    }
}

TEST_CASE("D01: a decision in every language") {
    for (const auto& language : languages()) {
        const auto outcome = Kinds(language).run("decide");
        REQUIRE_MESSAGE(std::holds_alternative<Succeeded>(outcome), language);
        CHECK(std::get<Succeeded>(outcome).result_json.starts_with(
            R"({"decision_point_outcome":{"type":"create_steps","step_names":["approve","notify"]},)"
            R"("routing_context":{"from":)"));
    }
}

TEST_CASE("B04: batches in every language") {
    for (const auto& language : languages()) {
        const auto outcome = Kinds(language).run("analyze");
        REQUIRE_MESSAGE(std::holds_alternative<Succeeded>(outcome), language);
        CHECK(std::get<Succeeded>(outcome).result_json.starts_with(
            R"({"batch_processing_outcome":{"type":"create_batches","worker_template_name":"load","worker_count":2,)"
            R"("cursor_configs":[{"batch_id":"001","start_cursor":0,"end_cursor":500,"batch_size":500},)"
            R"({"batch_id":"002","start_cursor":500,"end_cursor":750,"batch_size":250}],"total_items":750})"));
    }
}

TEST_CASE("B12 B15 B07: a worker saves, yields, goes on, and ends a placeholder, in every language") {
    for (const auto& language : languages()) {
        CAPTURE(language);
        Kinds kinds(language);
        const Checkpoint half{"250", 250, R"({"sum":31125})"};
        const auto first = kinds.run("load", batch_of(kBatch));
        REQUIRE(std::holds_alternative<Yielded>(first));
        CHECK(std::get<Yielded>(first).checkpoint == half);
        CHECK(kinds.control.saved == std::vector<Checkpoint>{half});
        const auto second = kinds.run("load", batch_of(kBatch, R"({"cursor":250,"items_processed":250})"));
        REQUIRE(std::holds_alternative<Succeeded>(second));
        CHECK(std::get<Succeeded>(second).result_json.find(R"("items_processed":500)") != std::string::npos);
        const auto placeholder =
            kinds.run("load", batch_of(R"({"cursor":{"batch_id":"000"},"is_no_op":true})"));
        CHECK(std::get<Succeeded>(placeholder).result_json.find(R"("no_op":true)") != std::string::npos);
    }
}

TEST_CASE("E01: an event in every language") {
    for (const auto& language : languages()) {
        const auto outcome = Kinds(language).run("emit");
        REQUIRE_MESSAGE(std::holds_alternative<Succeeded>(outcome), language);
        CHECK(std::get<Succeeded>(outcome).events ==
              std::vector<EmittedEvent>{{"payment.authorized", R"({"amount":5})"}});
    }
}
