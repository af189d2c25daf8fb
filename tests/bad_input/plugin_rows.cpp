// Rows 23-38: plugin files.

#include <fstream>

#include "tests/bad_input/sandbox.hpp"

namespace tasker::host::bad_input {

namespace {

namespace fs = std::filesystem;

const std::string kOwn = TASKER_BINARY_DIR "/tests/bad-plugins/";
const std::string kAbi = TASKER_BINARY_DIR "/tests/abi-plugins/";
const std::string kHostile = TASKER_BINARY_DIR "/tests/hostile-plugins/hostile_";
const Arguments kPlugins{"plugin", "list"};

// A bad file beside a good one, which must load all the same.
std::function<void(Sandbox&)> beside_good(const std::function<void(Sandbox&)>& bad) {
    return [=](Sandbox& sandbox) {
        sandbox.install(kOwn + "misbehave.so", "good.so");
        bad(sandbox);
    };
}
std::function<void(Sandbox&)> text(const std::string& content) {
    return beside_good([=](Sandbox& sandbox) { sandbox.write("plugins/bad.so", content); });
}
std::function<void(Sandbox&)> fixture(const std::string& name) {
    return beside_good([=](Sandbox& sandbox) { sandbox.install(kAbi + name + ".so", "bad.so"); });
}
// The good plugin with some bytes changed.
std::function<void(Sandbox&)> patched(std::size_t at, const std::string& bytes) {
    return text([&] {
        std::string file = read_file(kOwn + "throws.so");
        return file.replace(at, bytes.size(), bytes);
    }());
}

const std::string kBad = "{DIR}/plugins/bad.so";

Row refused(int number, const std::string& what, std::function<void(Sandbox&)> prepare,
            std::vector<std::string> says) {
    says.insert(says.begin(), {kBad, "misbehave"});
    return {number, what, kPlugins, 0, std::move(says), std::move(prepare)};
}

}  // namespace

TEST_CASE("rows 23-29: files that are no plugins") {
    const std::string whole = read_file(kOwn + "throws.so");
    check_rows({
        refused(23, "a text file", text("#!/bin/sh\necho hello\n"), {"not an ELF shared object"}),
        refused(23, "an empty file", text(""), {"not an ELF shared object"}),
        refused(24, "half a plugin", text(whole.substr(0, 6000)), {"beyond end of file"}),
        refused(24, "the header alone", text(whole.substr(0, 64)), {"beyond end of file"}),
        refused(25, "another machine", patched(18, std::string("\xb7\0", 2)),
                {"built for", "aarch64", "x86-64"}),
        refused(25, "32 bits", patched(4, "\x01"), {"32-bit"}),
        refused(26, "no entry", fixture("odd_no_entry"), {"tasker_plugin_entry_v0"}),
        refused(27, "another ABI", fixture("odd_major_2"), {"ABI", "2"}),
        refused(27, "a struct that is too small", fixture("odd_size_7"), {"struct_size", "7"}),
        refused(28, "an unresolved symbol", fixture("odd_undefined"), {"symbol"}),
        refused(29, "a missing library", fixture("odd_needed"), {"libtasker_fixture_absent.so"}),
    });
}

TEST_CASE(
    "row 30: plugins that cannot even be loaded are found out in a process of their own, and quarantined") {
    const auto hostile = [](const std::string& name) {
        return beside_good([=](Sandbox& sandbox) { sandbox.install(kHostile + name + ".so", "bad.so"); });
    };
    check_rows({
        refused(30, "a constructor that crashes", hostile("segv"),
                {"quarantined", "died with SIGSEGV in load", "plugin unquarantine"}),
        refused(30, "a constructor that throws", hostile("throws"), {"quarantined", "SIGABRT in load"}),
        refused(30, "a constructor that exits", hostile("exit_0"), {"quarantined", "exited 0 in load"}),
        {30,
         "a constructor that sleeps for ever",
         {"plugin", "check", kBad, "--probe-deadline", "100ms"},
         3,
         {"took longer than 200 ms", "plugin unquarantine"},
         hostile("sleeps")},
        refused(30, "a report that the plugin wrote itself", hostile("fake_report"),
                {"quarantined", "wrong nonce"}),
    });
}

TEST_CASE("rows 31-38: plugins that cannot be trusted or served") {
    check_rows({
        {31,
         "two plugins with one callable",
         kPlugins,
         0,
         {"{DIR}/plugins/a.so", "{DIR}/plugins/b.so", "good.echo"},
         [](Sandbox& s) {
             s.install(kOwn + "misbehave.so", "a.so");
             s.install(kOwn + "misbehave_twin.so", "b.so");
         }},
        refused(32, "an empty callable",
                beside_good([](Sandbox& s) { s.install(kOwn + "empty_callable.so", "bad.so"); }),
                {"invalid callable name"}),
        refused(32, "control characters in a callable",
                beside_good([](Sandbox& s) { s.install(kOwn + "odd_callable.so", "bad.so"); }),
                {"invalid callable name"}),
        refused(33, "no handler table", fixture("odd_null_handler"), {"handlers[0]"}),
        refused(33, "a trillion handlers", fixture("odd_count_0x10000000000"), {"handler_count"}),
        refused(37, "too much static TLS", fixture("odd_tls"), {"-ftls-model=global-dynamic"}),
        refused(38, "a relative run path", fixture("odd_runpath_dot"), {"RUNPATH"}),
        refused(34, "a plugin that others may write", beside_good([](Sandbox& s) {
                    s.install(kOwn + "throws.so", "bad.so");
                    fs::permissions(s.path("plugins/bad.so"), fs::perms::others_write, fs::perm_options::add);
                }),
                {"chmod", "0646"}),
    });
    check_rows({{34,
                 "a folder that others may write",
                 kPlugins,
                 0,
                 {"{DIR}/plugins", "chmod", "0777"},
                 [](Sandbox& s) {
                     s.install(kOwn + "misbehave.so", "bad.so");
                     fs::permissions(s.path("plugins"), fs::perms::all);
                 }}});
}

}  // namespace tasker::host::bad_input
