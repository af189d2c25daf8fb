// The quarantine as an operator meets it, and the documents of the verbs.

#include <fstream>

#include "tests/e2e/cli/sandbox.hpp"

namespace tasker::host::e2e {

namespace {
namespace fs = std::filesystem;
const std::string kHostile = TASKER_BINARY_DIR "/tests/hostile-plugins/hostile_";
const std::string kGood = TASKER_BINARY_DIR "/plugins/linear_workflow.so";

// Its own plugin folder, with a good plugin and one whose constructor aborts.
struct Folder : Sandbox {
    Folder() {
        fs::create_directory(path("drop"));
        fs::copy_file(kGood, path("drop/good.so"));
        fs::copy_file(kHostile + "abort.so", path("drop/bad.so"));
        set("TASKER_PLUGIN_PATH", path("drop").string());
    }
    json listed(const std::string& file) const {
        const json all = document({"plugin", "list"});
        for (const json& one : all["plugins"]) {
            if (one["path"] == path("drop/" + file).string()) return one;
        }
        FAIL("not listed: " << file << " in " << all.dump());
        return {};
    }
};

bool has(const std::string& text, const std::string& part) { return text.find(part) != std::string::npos; }
}  // namespace

TEST_CASE("a plugin that crashes its probe is quarantined by its content until somebody takes it out") {
    const Folder box;
    const json first = box.listed("bad.so");
    CHECK(first["state"] == "quarantined");
    CHECK(first["verdict"] == "crashed");
    CHECK_FALSE(first["remembered"].get<bool>());
    CHECK(first["copy"].is_null());
    CHECK(box.listed("good.so")["state"] == "loaded");
    const json second = box.listed("bad.so");
    CHECK(second["remembered"].get<bool>());
    CHECK(second["reason"] == first["reason"]);

    const Finished text = box.run({"plugin", "list"});
    CHECK(text.status.code == 0);
    CHECK_MESSAGE(has(text.out, "quarantined"), text.out);
    CHECK_MESSAGE(has(text.out, "bad.so: died with SIGABRT in load"), text.out);
    const std::string hash = first["sha256"];
    CHECK_MESSAGE(has(text.out, "tasker-host plugin unquarantine " + hash.substr(0, 12)), text.out);

    // By another name it is the same content; a rebuilt one is another plugin.
    fs::rename(box.path("drop/bad.so"), box.path("drop/renamed.so"));
    CHECK(box.listed("renamed.so")["remembered"].get<bool>());

    const json out = box.document({"plugin", "unquarantine", hash.substr(0, 8)});
    CHECK(out["sha256"] == hash);
    CHECK(out["verdict"] == "crashed");
    CHECK_FALSE(box.listed("renamed.so")["remembered"].get<bool>());
    CHECK(box.run({"plugin", "unquarantine", box.path("drop/renamed.so").string()}).status.code == 0);
    CHECK_FALSE(box.listed("renamed.so")["remembered"].get<bool>());
}

TEST_CASE("only what is quarantined can be taken out") {
    const Folder box;
    CHECK(box.listed("good.so")["state"] == "loaded");
    for (const std::string& what :
         {std::string("0123456789abcdef"), std::string("abc"), box.path("drop/good.so").string()}) {
        const Finished refused = box.run({"plugin", "unquarantine", what});
        CHECK_MESSAGE(refused.status.code == 10, what, refused.err);
        CHECK_MESSAGE(has(refused.err, "plugin list"), refused.err);
    }
    CHECK(box.run({"plugin", "unquarantine"}).status.code == 2);
    CHECK(box.run({"plugin", "unquarantine", "./none.so"}).status.code == 10);
}

TEST_CASE(
    "a quarantined plugin is skipped by task run and by a worker, with a warning, and the others work") {
    const Folder box;
    // The worker would die of it: nobody has tried it yet.
    CHECK(box.run({"task", "run", "linear_workflow", "-c", R"({"number":6})"}).status.signal == SIGABRT);
    CHECK(box.run({"plugin", "check", box.path("drop/bad.so").string()}).status.code == 3);
    const Finished ran = box.run({"task", "run", "linear_workflow", "-c", R"({"number":6})"});
    CHECK_MESSAGE(ran.status.code == 0, ran.err);
    CHECK_MESSAGE(has(ran.err, "quarantined"), ran.err);
    const auto worker = box.worker({"--namespace", "examples"});
    CHECK_MESSAGE(has(worker->err(), "Plugin is quarantined and was skipped"), worker->err());
    stop(*worker);
}

TEST_CASE("a damaged file of verdicts is a warning, and everything is tried again") {
    const Folder box;
    CHECK(box.listed("bad.so")["state"] == "quarantined");
    const fs::path file = box.path("state/plugin-verdicts.json");
    REQUIRE(fs::exists(file));
    std::ofstream(file, std::ios::binary) << "{\"format\":1,";
    const Finished listed = box.run({"plugin", "list"});
    CHECK(listed.status.code == 0);
    CHECK_MESSAGE(has(listed.err, "start anew"), listed.err);
    CHECK(box.listed("bad.so")["remembered"].get<bool>());
    CHECK_FALSE(has(box.run({"plugin", "list"}).err, "start anew"));
}

TEST_CASE("plugin check explains each stage") {
    const Folder box;
    const Finished good = box.run({"plugin", "check", box.path("drop/good.so").string()});
    CHECK(good.status.code == 0);
    for (const char* part :
         {"linear_workflow 1.0.0", "open: ", "ELF and notes: ", "probe: loads in a process of its own",
          "templates: it serves examples/linear_workflow/1.0.0#add"})
        CHECK_MESSAGE(has(good.out, part), part, good.out);
    const Finished bad = box.run({"plugin", "check", box.path("drop/bad.so").string()});
    CHECK(bad.status.code == 3);
    CHECK_MESSAGE(has(bad.out, "probe: died with SIGABRT in load"), bad.out);
    const Finished again = box.run({"plugin", "check", box.path("drop/bad.so").string()});
    CHECK_MESSAGE(has(again.out, "probe (an earlier probe of the same content): died"), again.out);
    box.write("drop/text.so", "hello");
    const Finished text = box.run({"plugin", "check", box.path("drop/text.so").string()});
    CHECK(text.status.code == 3);
    CHECK_MESSAGE(has(text.out, "ELF and notes: "), text.out);
    CHECK_MESSAGE(has(text.out, "not an ELF shared object"), text.out);
    fs::permissions(box.path("drop/text.so"), fs::perms::others_write, fs::perm_options::add);
    const Finished open = box.run({"plugin", "check", box.path("drop/text.so").string()});
    CHECK_MESSAGE(has(open.out, "open: plugin file"), open.out);
    CHECK(box.run({"plugin", "check", box.path("drop").string()}).status.code == 3);
    CHECK(box.run({"plugin", "check", box.path("drop/none.so").string()}).status.code == 10);
    CHECK(box.run({"plugin", "check"}).status.code == 2);
    const json document = box.document({"plugin", "check", box.path("drop/good.so").string()});
    CHECK(document["state"] == "loaded");
    CHECK(document["used_by"].size() == 4);
    CHECK(document["findings"].empty());
}

TEST_CASE("the scan of a supervisor is one document, and is shown in no help") {
    const Folder box;
    box.write("templates/lost.yaml",
              "name: lost\nnamespace_name: n\nversion: 1.0.0\nsteps:\n  - name: s\n    handler: {callable: "
              "linear_workflow.sqare}\n");
    const json scan = box.document({"scan"});
    REQUIRE(scan["manifest"].size() == 1);
    CHECK(scan["manifest"][0]["file"] == "good.so");
    CHECK(scan["manifest"][0]["id"] == "linear_workflow");
    CHECK(scan["manifest"][0]["sha256"].get<std::string>().size() == 64);
    CHECK(scan["plugins"].size() == 2);
    CHECK(scan["probed"] == 2);
    CHECK(scan["settling"] == 0);
    CHECK(scan["warnings"].empty());
    bool missing = false;
    for (const json& one : scan["links"]["missing"])
        missing = missing || one["callable"] == "linear_workflow.sqare";
    CHECK(missing);
    CHECK(box.document({"scan"})["remembered"] == 2);
    CHECK_FALSE(has(box.run({"--help"}).out, "scan"));
    CHECK_FALSE(has(box.run({"completion", "bash"}).out, "scan"));
    // What the manifest names is in the cache, also when the folder has a symlink to it.
    fs::rename(box.path("drop/good.so"), box.path("good-1.0.so"));
    fs::create_symlink(box.path("good-1.0.so"), box.path("drop/good.so"));
    const json linked = box.document({"scan"})["manifest"];
    REQUIRE(linked.size() == 1);
    const std::string sha256 = linked[0]["sha256"];
    CHECK(linked[0]["file"] == "good-1.0.so");
    CHECK(fs::exists(box.path("state/plugin-cache") / sha256.substr(0, 2) / sha256 /
                     linked[0]["file"].get<std::string>()));
}

TEST_CASE("half a plugin is given time to be written to its end, when that is asked for") {
    const Folder box;
    const std::string whole = read_file(kGood);
    box.write("drop/half.so", whole.substr(0, whole.size() / 2));
    const json patient = box.document({"scan", "--settle"});
    CHECK(patient["settling"] == 1);
    CHECK(patient["manifest"].size() == 1);
    const json strict = box.document({"scan"});
    CHECK(strict["settling"] == 0);
    CHECK(box.listed("half.so")["state"] == "rejected");
}

}  // namespace tasker::host::e2e
