// Generations made of what a scan tells. The scan is a program that prints a file; the workers behave well.

#include "host/supervisor/renewal.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <fstream>
#include <nlohmann/json.hpp>

#include "tests/support/eventually.hpp"
#include "tests/support/manual_clock.hpp"
#include "tests/support/temp_dir.hpp"

namespace tasker::host::testing {

namespace {
using nlohmann::json;
constexpr std::chrono::seconds kLimit{30};

struct RenewalFixture {
    TempDir dir;
    ManualClock clock;
    SeededRandom random{20261127};
    std::unique_ptr<Supervisor> supervisor;
    std::unique_ptr<Renewal> renewal;
    json document{
        {"manifest", json::array()},       {"plugins", json::array()},           {"templates", json::array()},
        {"kept_templates", json::array()}, {"template_findings", json::array()}, {"missing", json::object()},
        {"link_findings", json::array()},  {"warnings", json::array()},          {"settling", 0}};
    bool look_again = false;

    RenewalFixture() {
        SupervisorOptions options;
        options.engine = {TASKER_FAKE_CHILD, {"good"}};
        options.worker = [](const WorkerLaunch&) { return ChildProgram{TASKER_FAKE_CHILD, {"good"}}; };
        options.generations = dir / "generations";
        supervisor = std::make_unique<Supervisor>(std::move(options), clock, random, Logger());
    }
    void begin(std::vector<std::string> named = {}) {
        RenewalOptions options;
        options.serves_all = named.empty();
        options.namespaces = std::move(named);
        options.scan.program = {"/bin/sh", {"-c", "cat \"$0\"", (dir / "document").string()}};
        options.scan.kept = dir / "kept.json";
        renewal = std::make_unique<Renewal>(*supervisor, std::move(options), clock, random, Logger());
        renewal->begin();
    }
    void offer(const std::string& plugin, char hash, std::vector<std::string> namespaces) {
        for (json& one : document["manifest"]) {
            if (one["id"] != plugin) continue;
            one["sha256"] = std::string(64, hash);
            return publish();
        }
        document["manifest"].push_back({{"file", plugin + ".so"},
                                        {"sha256", std::string(64, hash)},
                                        {"id", plugin},
                                        {"version", "1"},
                                        {"namespaces", std::move(namespaces)}});
        publish();
    }
    void add_template(const std::string& ns, const std::string& definition) {
        document["templates"].push_back({{"namespace", ns}, {"path", "/t.yaml"}, {"definition", definition}});
        publish();
    }
    void publish() const { write(document.dump()); }
    void write(const std::string& text) const {
        std::ofstream(dir / "document", std::ios::binary | std::ios::trunc) << text;
    }
    bool reaches(const std::function<bool()>& condition) {
        return eventually(kLimit, [&] {
            look_again = renewal->turn() || look_again;
            supervisor->turn();
            return condition();
        });
    }
    Generation generation(const std::string& ns) const {
        for (const SlotReport& one : supervisor->report()) {
            if (one.namespace_name == ns && one.current && one.state == SlotState::Active)
                return one.current->generation;
        }
        return 0;
    }
    bool reaches(const std::string& ns, Generation wanted) {
        return reaches([&] {
            if (generation(ns) == wanted) return true;
            // Whoever is on probation stands it at once.
            for (const SlotReport& one : supervisor->report())
                if (one.state == SlotState::Probation) clock.advance(SlotOptions{}.probation_ms);
            return false;
        });
    }
    // Looks, and lets the look come to its end.
    void look() {
        renewal->look();
        REQUIRE(reaches([&] { return renewal->due_ms() == kNever; }));
    }
};
}  // namespace

TEST_CASE("renewal: the supervisor starts with what the first look has found") {
    RenewalFixture f;
    f.offer("pay", 'a', {"pay"});
    f.add_template("pay", "{}");
    SUBCASE("the namespaces of the templates") { f.begin(); }
    SUBCASE("those that are named") { f.begin({"pay"}); }
    CHECK(f.supervisor->report().empty());
    REQUIRE(f.reaches("pay", 1));
    const auto manifest = f.supervisor->newest("pay");
    REQUIRE(manifest);
    CHECK(manifest->chosen);
    CHECK(manifest->loaded);
    REQUIRE(manifest->plugins.size() == 1);
    CHECK(manifest->plugins[0].id == "pay");
    CHECK(manifest->why == "start");
}

TEST_CASE("renewal: only a namespace for which the folders changed gets a new generation") {
    RenewalFixture f;
    f.offer("pay", 'a', {"pay"});
    f.offer("ship", 'b', {"ship"});
    f.add_template("pay", "{}");
    f.add_template("ship", "{}");
    f.begin();
    REQUIRE(f.reaches("pay", 1));
    REQUIRE(f.reaches("ship", 1));
    f.offer("pay", 'c', {});
    f.look();
    REQUIRE(f.reaches("pay", 2));
    CHECK(f.generation("ship") == 1);
    f.look();
    CHECK(f.generation("pay") == 2);
    // Asked for, it is made all the same.
    CHECK_FALSE(f.renewal->renew("other", "test"));
    CHECK(f.renewal->renew("ship", "test"));
    REQUIRE(f.reaches("ship", 2));
    f.renewal->renew_all("SIGHUP");
    REQUIRE(f.reaches("pay", 3));
    REQUIRE(f.reaches("ship", 3));
}

TEST_CASE("renewal: a namespace that appears is served, unless others were named") {
    RenewalFixture f;
    f.add_template("pay", "{}");
    bool named = false;
    SUBCASE("all") {}
    SUBCASE("named") { named = true; }
    f.begin(named ? std::vector<std::string>{"pay"} : std::vector<std::string>{});
    REQUIRE(f.reaches("pay", 1));
    f.add_template("ship", "{}");
    f.look();
    if (named) {
        CHECK_FALSE(f.supervisor->serves("ship"));
    } else {
        CHECK(f.reaches("ship", 1));
    }
    CHECK(f.generation("pay") == 1);
}

TEST_CASE("renewal: a callable that vanished keeps the old generation, and who waits hears why") {
    RenewalFixture f;
    f.offer("pay", 'a', {"pay"});
    f.add_template("pay", R"({"callable":"pay.charge"})");
    f.begin();
    REQUIRE(f.reaches("pay", 1));
    f.document["manifest"] = json::array();
    f.document["missing"] = {{"pay", {"pay.charge"}}};
    f.document["plugins"].push_back(
        {{"path", "/p/pay.so"}, {"state", "rejected"}, {"reason", "not an ELF file"}});
    f.publish();
    std::string told;
    f.renewal->renew("pay", "test",
                     [&](bool committed, const std::string& why) { told = committed ? "yes" : why; });
    REQUIRE(f.reaches([&] { return !told.empty(); }));
    CHECK_MESSAGE(
        told.find(
            "no plugin offers 'pay.charge' any more; not used: /p/pay.so (rejected: not an ELF file)") !=
            std::string::npos,
        told);
    CHECK(f.generation("pay") == 1);
    CHECK(f.supervisor->report()[0].history.back().find("a change is refused") != std::string::npos);
    CHECK(f.renewal->refused().size() == 1);
}

TEST_CASE("renewal: a change that is refused for the same reason again is told once") {
    RenewalFixture f;
    f.offer("pay", 'a', {"pay"});
    f.add_template("pay", R"({"callable":"pay.charge"})");
    f.begin();
    REQUIRE(f.reaches("pay", 1));
    f.document["manifest"] = json::array();
    f.document["missing"] = {{"pay", {"pay.charge"}}};
    f.publish();
    const auto refusals = [&] {
        const auto history = f.supervisor->report()[0].history;
        return std::count_if(history.begin(), history.end(), [](const std::string& line) {
            return line.find("a change is refused") != std::string::npos;
        });
    };
    INFO("as long as a file is still being written it may bring what is missing");
    f.document["settling"] = 1;
    f.publish();
    f.look();
    CHECK(refusals() == 0);
    CHECK(f.generation("pay") == 1);
    f.document["settling"] = 0;
    f.publish();
    f.look();
    f.look();
    CHECK(refusals() == 1);
    // Whoever asks is told each time.
    std::string told;
    f.renewal->renew("pay", "test", [&](bool, const std::string& why) { told = why; });
    REQUIRE(f.reaches([&] { return !told.empty(); }));
    CHECK(refusals() == 2);
    // It was mended in between, so it is news again.
    f.document["missing"] = json::object();
    f.offer("pay", 'b', {"pay"});
    f.look();
    REQUIRE(f.reaches("pay", 2));
    f.document["manifest"] = json::array();
    f.document["missing"] = {{"pay", {"pay.charge"}}};
    f.publish();
    f.look();
    CHECK(refusals() == 3);
}

TEST_CASE("renewal: what may still be being written is looked at again") {
    RenewalFixture f;
    f.add_template("pay", "{}");
    f.document["settling"] = 1;
    f.publish();
    f.begin();
    REQUIRE(f.reaches("pay", 1));
    CHECK(f.look_again);
}

TEST_CASE("renewal: a look that fails changes nothing, and says so to whoever waits") {
    RenewalFixture f;
    f.add_template("pay", "{}");
    f.begin();
    REQUIRE(f.reaches("pay", 1));
    f.write("no document");
    std::string told;
    f.renewal->renew("pay", "test", [&](bool, const std::string& why) { told = why; });
    REQUIRE(f.reaches([&] { return !told.empty(); }));
    CHECK_MESSAGE(told.find("the scan's document cannot be read") != std::string::npos, told);
    CHECK(f.generation("pay") == 1);
}

TEST_CASE("renewal: a first look that fails is repeated; after a restart what was there before is used") {
    RenewalFixture f;
    SUBCASE("nothing is known") {
        f.write("no document");
        f.begin();
        REQUIRE(f.reaches([&] { return f.renewal->due_ms() == f.clock.steady_ms() + 5000; }));
        CHECK(f.supervisor->report().empty());
        f.add_template("pay", "{}");
        f.clock.advance(5000);
    }
    SUBCASE("there is an earlier document") {
        f.add_template("pay", "{}");
        std::ofstream(f.dir / "kept.json") << f.document.dump();
        f.write("no document");
        f.begin();
    }
    CHECK(f.reaches("pay", 1));
}

}  // namespace tasker::host::testing
