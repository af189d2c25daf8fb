#include "host/supervisor/manifest_store.hpp"

#include <doctest/doctest.h>

#include <fstream>

#include "tests/support/temp_dir.hpp"

namespace tasker::host::testing {

namespace {
GenerationManifest manifest(const std::string& ns, Generation number) {
    GenerationManifest out;
    out.namespace_name = ns;
    out.generation = number;
    out.made_ms = 1'790'000'000'000;
    out.why = "restart";
    out.loaded = true;
    out.chosen = true;
    out.plugins = {{"orders.so", std::string(64, 'b'), "orders", "1.2.0", {"payments"}}};
    out.templates = {{"/templates/orders.yaml", "{\"name\":\"orders\"}"}};
    out.missing = {"orders.ship"};
    return out;
}
}  // namespace

TEST_CASE("manifests: what was saved is loaded, of namespaces with any name") {
    const TempDir dir;
    const ManifestStore store(dir / "generations");
    for (const std::string ns : {"payments", "a/../b", "..", "Ümlaut x", "%2e"}) {
        CHECK(store.newest(ns) == 0);
        CHECK_FALSE(store.load(ns, 1));
        store.save(manifest(ns, 1));
        CHECK(store.load(ns, 1) == manifest(ns, 1));
        CHECK(store.newest(ns) == 1);
        CHECK(store.path(ns, 1).parent_path().parent_path() == dir / "generations");
        CHECK(store.good(ns) == 0);
        store.set_good(ns, 1);
        CHECK(store.good(ns) == 1);
    }
}

TEST_CASE("manifests: the newest and the good one stay") {
    const TempDir dir;
    const ManifestStore store(dir / "generations");
    store.save(manifest("ns", 1));
    store.save(manifest("ns", 2));
    store.set_good("ns", 2);
    for (Generation number = 3; number <= 30; ++number) store.save(manifest("ns", number));
    CHECK_FALSE(store.load("ns", 1));
    CHECK(store.load("ns", 2));
    CHECK_FALSE(store.load("ns", 20));
    CHECK(store.load("ns", 21));
    CHECK(store.newest("ns") == 30);
}

TEST_CASE("manifests: damaged files are none, and a number is never used twice") {
    const TempDir dir;
    const ManifestStore store(dir / "generations");
    store.save(manifest("ns", 7));
    store.set_good("ns", 7);
    const auto path = store.path("ns", 7);
    const std::string whole = to_json(manifest("ns", 7));
    for (const std::string& text :
         {std::string(), std::string("null"), whole.substr(0, whole.size() / 2), std::string("[1]"),
          to_json(manifest("other", 7)), to_json(manifest("ns", 8))}) {
        std::ofstream(path, std::ios::trunc) << text;
        CHECK_FALSE(store.load("ns", 7));
    }
    CHECK(store.newest("ns") == 7);
    std::ofstream(path.parent_path() / "good", std::ios::trunc) << "many";
    CHECK(store.good("ns") == 0);
    std::ofstream(path.parent_path() / "x9.json") << "{}";
    CHECK(store.newest("ns") == 7);
}

TEST_CASE("manifests: a plugin's name and hash become a path, so others are refused") {
    CHECK(manifest_plugins_from(to_json(manifest("ns", 1).plugins)) == manifest("ns", 1).plugins);
    const std::string hash(64, 'c');
    CHECK(manifest_plugins_from(R"([{"file":"a.so","sha256":")" + hash + R"(","id":"","version":""}])"));
    CHECK_FALSE(
        manifest_plugins_from(R"([{"file":"../a.so","sha256":")" + hash + R"(","id":"","version":""}])"));
    CHECK_FALSE(manifest_plugins_from(R"([{"file":"","sha256":")" + hash + R"(","id":"","version":""}])"));
    CHECK_FALSE(manifest_plugins_from(R"([{"file":"a.so","sha256":"../../x","id":"","version":""}])"));
    CHECK_FALSE(manifest_plugins_from(R"([{"file":"a.so"}])"));
    CHECK_FALSE(manifest_plugins_from("{"));
}

}  // namespace tasker::host::testing
