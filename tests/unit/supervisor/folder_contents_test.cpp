#include "host/supervisor/folder_contents.hpp"

#include <doctest/doctest.h>

namespace tasker::host::testing {

namespace {
ManifestPlugin plugin(char hash, std::vector<std::string> namespaces) {
    return {std::string(1, hash) + ".so", std::string(64, hash), "id", "1.0.0", std::move(namespaces)};
}

GenerationManifest manifest(std::vector<ManifestPlugin> plugins, std::vector<std::string> definitions = {}) {
    GenerationManifest made;
    made.namespace_name = "pay";
    made.chosen = true;
    made.plugins = std::move(plugins);
    for (std::string& one : definitions) made.templates.push_back({"/t.yaml", std::move(one)});
    return made;
}

const std::string kDocument = R"({
  "manifest": [{"file": "a.so", "sha256": ")" +
                              std::string(64, 'a') +
                              R"(", "id": "a", "version": "1", "namespaces": ["pay"]}],
  "plugins": [{"path": "/p/a.so", "state": "loaded"}, {"path": "/p/copy.so", "state": "copy", "reason": "same file"},
              {"path": "/p/b.so", "state": "quarantined", "hash": "bb", "reason": "died with SIGSEGV in load"},
              {"path": "/p/c.so", "state": "settling", "hash": null, "reason": "cut off"}],
  "templates": [{"namespace": "pay", "name": "n", "version": "1", "path": "/t/n.yaml", "definition": "{}"},
                {"namespace": "ship", "name": "m", "version": "1", "path": "/t/m.yaml", "definition": "{ }"}],
  "kept_templates": ["pay/n/1"], "template_findings": ["m.yaml: bad"], "warnings": ["no room for verdicts"],
  "link_findings": ["ship/m/1: no plugin offers 'ship.it'"],
  "missing": {"ship": ["ship.it"]}, "settling": 1})";
}  // namespace

TEST_CASE("folder contents: the document of a scan becomes a manifest for each namespace") {
    const auto contents = contents_from(kDocument);
    REQUIRE(contents);
    CHECK(contents->namespaces() == std::set<std::string>{"pay", "ship"});
    const GenerationManifest pay = contents->manifest("pay"), ship = contents->manifest("ship");
    CHECK(pay.chosen);
    CHECK_FALSE(pay.loaded);
    REQUIRE(pay.plugins.size() == 1);
    CHECK(pay.plugins[0].namespaces == std::vector<std::string>{"pay"});
    CHECK(ship.plugins == pay.plugins);
    REQUIRE(pay.templates.size() == 1);
    CHECK(pay.templates[0] == ManifestTemplate{"/t/n.yaml", "{}"});
    CHECK(pay.missing.empty());
    CHECK(ship.missing == std::vector<std::string>{"ship.it"});
    CHECK(contents->refused ==
          std::vector<RefusedFile>{{"/p/b.so", "quarantined", "bb", "died with SIGSEGV in load"},
                                   {"/p/c.so", "settling", "", "cut off"}});
    CHECK(contents->findings == std::vector<std::string>{"m.yaml: bad", "no room for verdicts"});
    CHECK(contents->link_findings == std::vector<std::string>{"ship/m/1: no plugin offers 'ship.it'"});
    CHECK(contents->kept_templates == std::vector<std::string>{"pay/n/1"});
    CHECK(contents->settling == 1);
}

TEST_CASE("folder contents: a text that is no document is nothing") {
    for (const char* text : {"", "{}", "[]", "null", "{\"manifest\":[]}", "x"})
        CHECK_FALSE(contents_from(text));
    std::string path = kDocument;
    path.replace(path.find("a.so"), 4, "../a");
    CHECK_FALSE(contents_from(path));
}

TEST_CASE(
    "folder contents: a namespace is another one when its templates or plugins that it may use differ") {
    const auto same = [](const GenerationManifest& a, const GenerationManifest& b) {
        CHECK(same_for_workers(a, b) == same_for_workers(b, a));
        return same_for_workers(a, b);
    };
    const GenerationManifest one = manifest({plugin('a', {"pay"}), plugin('b', {"ship"})}, {"t"});
    CHECK(same(one, one));
    GenerationManifest renamed = one;
    renamed.plugins[0].file = "other.so";
    CHECK(same(one, renamed));
    CHECK_FALSE(same(one, manifest({plugin('c', {"pay"}), plugin('b', {"ship"})}, {"t"})));
    CHECK_FALSE(same(one, manifest({plugin('b', {"ship"})}, {"t"})));
    // Somebody else's plugin is nothing to it; one that nobody uses yet may be what an older task waits for.
    CHECK(same(one, manifest({plugin('a', {"pay"}), plugin('d', {"ship"})}, {"t"})));
    CHECK_FALSE(same(one, manifest({plugin('a', {"pay"}), plugin('b', {"ship"}), plugin('e', {})}, {"t"})));
    // It is used by somebody else, too, now.
    CHECK(same(one, manifest({plugin('a', {"pay", "ship"}), plugin('b', {"ship"})}, {"t"})));
    CHECK_FALSE(same(one, manifest(one.plugins, {"u"})));
    CHECK_FALSE(same(one, manifest(one.plugins, {"t", "u"})));
    GenerationManifest unknown = one;
    unknown.chosen = false;
    CHECK_FALSE(same(one, unknown));
}

TEST_CASE("folder contents: what was offered to a template and is not any more refuses a generation") {
    const std::string asks = R"({"callable":"pay.charge"})";
    const GenerationManifest running = manifest({plugin('a', {"pay"})}, {asks});
    GenerationManifest next = manifest({}, {asks});
    next.missing = {"pay.charge"};
    REQUIRE(refusal(running, next));
    CHECK(refusal(running, next)->find("'pay.charge'") != std::string::npos);
    CHECK_FALSE(refusal(running, running));
    // It was missing before.
    CHECK_FALSE(refusal(next, next));
    // A template that is new asks for it.
    CHECK_FALSE(refusal(manifest({plugin('a', {"pay"})}, {"{}"}), next));
    // An emptied folder takes nothing away.
    REQUIRE(refusal(running, manifest({})));
    CHECK(refusal(running, manifest({}))->find("worker drain pay") != std::string::npos);
    CHECK_FALSE(refusal(manifest({}), manifest({})));
    // What runs was made before anybody looked.
    GenerationManifest unknown = running;
    unknown.chosen = false;
    CHECK_FALSE(refusal(unknown, next));
}

}  // namespace tasker::host::testing
