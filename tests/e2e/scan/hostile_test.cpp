// One plugin for each way to misbehave while it is loaded: what the host says of it, and what is left of it.

#include <algorithm>
#include <fstream>
#include <sstream>

#include "tests/e2e/cli/sandbox.hpp"

namespace tasker::host::e2e {

namespace {
const std::string kHostile = TASKER_BINARY_DIR "/tests/hostile-plugins/hostile_";
const std::string kOdd = TASKER_BINARY_DIR "/tests/abi-plugins/odd_";
// For those that hang: that and twice that is all they get. For the others: what no machine is too slow for.
constexpr const char* kShort = "200ms";
constexpr const char* kLong = "60s";

struct Case {
    std::string file, verdict, state;
    std::string says = {};
};

json check(const Sandbox& sandbox, const std::string& file, bool good, const char* deadline) {
    return sandbox.document({"plugin", "check", file, "--probe-deadline", deadline}, good ? 0 : 3);
}

void run_cases(const std::vector<Case>& cases, const char* deadline) {
    const Sandbox sandbox;
    for (const Case& one : cases) {
        const json told = check(sandbox, one.file, one.state == "loaded", deadline);
        CAPTURE(told.dump());
        CHECK(told["verdict"] == one.verdict);
        CHECK(told["state"] == one.state);
        const std::string reason = told["reason"].is_null() ? "" : told["reason"].get<std::string>();
        CHECK(reason.find(one.says) != std::string::npos);
        CHECK_FALSE(told["remembered"].get<bool>());
    }
}

// Gone, or dead and not yet reaped by whoever inherited it.
bool is_dead(pid_t pid) {
    std::ifstream in("/proc/" + std::to_string(pid) + "/stat");
    std::string number, program, state;
    in >> number >> program >> state;
    return !in || state == "Z" || state == "X";
}
}  // namespace

TEST_CASE("a plugin that dies while it is loaded is quarantined, with the signal and where") {
    run_cases({{kHostile + "abort.so", "crashed", "quarantined", "died with SIGABRT in load"},
               {kHostile + "segv.so", "crashed", "quarantined", "died with SIGSEGV in load"},
               {kHostile + "trap.so", "crashed", "quarantined", "SIGTRAP in load"},
               {kHostile + "throws.so", "crashed", "quarantined", "SIGABRT in load"},
               {kHostile + "recurse.so", "crashed", "quarantined", "SIGSEGV in load"},
               {kHostile + "forks_and_aborts.so", "crashed", "quarantined", "SIGABRT in load"},
               // The unwinding of the thread meets a function that lets nothing out.
               {kHostile + "pthread_exit.so", "crashed", "quarantined", "SIGABRT in load"},
               {kHostile + "entry_abort.so", "crashed", "quarantined", "SIGABRT in its entry"},
               {kHostile + "extension_segv.so", "crashed", "quarantined", "SIGSEGV in describe"},
               // Whoever did that: perhaps the machine had no memory left.
               {kHostile + "kill.so", "unknown", "unknown", "killed from outside in load"}},
              kLong);
#if !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__)
    // Sanitizers have an answer of their own to these.
    run_cases({{kHostile + "alloc.so", "crashed", "quarantined", "SIGABRT in load"},
               {kHostile + "double_free.so", "crashed", "quarantined", "SIGABRT in load"}},
              kLong);
#endif
}

TEST_CASE("a plugin that ends the process is quarantined, whatever the exit code") {
    run_cases({{kHostile + "exit_0.so", "exited", "quarantined", "exited 0 in load"},
               {kHostile + "exit_3.so", "exited", "quarantined", "exited 3 in load"},
               {kHostile + "exit_75.so", "exited", "quarantined", "exited 75 in load"},
               {kHostile + "exit_now.so", "exited", "quarantined", "exited 0 in load"},
               {kHostile + "entry_exit.so", "exited", "quarantined", "exited 0 in its entry"}},
              kLong);
}

TEST_CASE("a plugin that hangs is killed at the deadline and quarantined after a second try") {
    run_cases({{kHostile + "loop.so", "hung", "quarantined", "took longer than 400 ms in"},
               {kHostile + "sleeps.so", "hung", "quarantined", "took longer than 400 ms"},
               {kHostile + "deadlock.so", "hung", "quarantined"},
               {kHostile + "deaf.so", "hung", "quarantined"},
               {kHostile + "stop.so", "hung", "quarantined"},
               {kHostile + "flood_for_ever.so", "hung", "quarantined"},
               {kHostile + "flood_report.so", "hung", "quarantined"},
               {kHostile + "entry_loop.so", "hung", "quarantined"},
               {kHostile + "extension_loop.so", "hung", "quarantined"}},
              kShort);
}

TEST_CASE("a report that the probe did not write, or that does not arrive, accepts nothing") {
    run_cases({{kHostile + "fake_report.so", "exited", "quarantined", "wrong nonce"},
               {kHostile + "fake_and_go_on.so", "exited", "quarantined", "wrong nonce"},
               {kHostile + "garbage.so", "exited", "quarantined", "not a JSON object"},
               {kHostile + "close_report.so", "exited", "quarantined", "exited 1"},
               {kHostile + "close_all.so", "exited", "quarantined"}},
              kLong);
}

TEST_CASE("what is bad manners and harms nobody else is accepted") {
    const std::vector<Case> cases{{kHostile + "good.so", "ok", "loaded"},
                                  {kHostile + "prints.so", "ok", "loaded"},
                                  {kHostile + "flood.so", "ok", "loaded"},
                                  {kHostile + "chdir.so", "ok", "loaded"},
                                  {kHostile + "mask.so", "ok", "loaded"},
                                  {kHostile + "locale.so", "ok", "loaded"},
                                  {kHostile + "round.so", "ok", "loaded"},
                                  {kHostile + "threads.so", "ok", "loaded"},
                                  {kHostile + "entry_asks.so", "ok", "loaded"},
                                  // These die when the process ends, which a worker does without them, too.
                                  {kHostile + "atexit.so", "ok", "loaded"},
                                  {kHostile + "destructor.so", "ok", "loaded"}};
    run_cases(cases, kLong);
    const Sandbox sandbox;
    const json prints = check(sandbox, kHostile + "prints.so", true, kLong);
    CHECK(prints["output"] == "hello from a constructor\n");
    CHECK(prints["warnings"].dump().find("printed something") != std::string::npos);
    CHECK(check(sandbox, kHostile + "flood.so", true, kLong)["output"].get<std::string>().size() < 4096);
    CHECK(check(sandbox, kHostile + "reads_nonce.so", true, kLong)["output"] ==
          "there was nothing to read\n");
}

TEST_CASE("limits: descriptors, no network, no way out of the process group") {
    const Sandbox sandbox;
    // The probe itself then has none left for looking at pointers.
    const json many = check(sandbox, kHostile + "descriptors.so", false, kLong);
    CHECK(many["output"].get<std::string>().starts_with("no more descriptors\n"));
    CHECK(many["verdict"] == "incompatible");
    CHECK(check(sandbox, kHostile + "network.so", true, kLong)["output"] ==
          "no network\nno session\nno group\n");
}

TEST_CASE("children that a constructor forks end with the probe") {
    const Sandbox sandbox;
    for (const char* name : {"forks.so", "forks_and_aborts.so"}) {
        const json told = check(sandbox, kHostile + name, std::string(name) == "forks.so", kLong);
        const std::vector<std::string> children = lines(told["output"].get<std::string>());
        CHECK(children.size() == 20);
        for (const std::string& child : children)
            CHECK_MESSAGE(eventually(kPatience, [&] { return is_dead(std::stoi(child)); }), name, child);
    }
}

TEST_CASE("entries and tables that cannot be used are refused by name") {
    run_cases({{kOdd + "null_entry.so", "incompatible", "rejected", "refused this host"},
               {kOdd + "wild_entry.so", "incompatible", "rejected", "points to nowhere"},
               {kOdd + "unaligned_entry.so", "incompatible", "rejected", "not aligned"},
               {kOdd + "count_0x10000000000.so", "incompatible", "rejected", "handler_count"},
               {kOdd + "null_handler.so", "incompatible", "rejected", "handlers[0] is NULL"},
               {kOdd + "size_0.so", "incompatible", "rejected", "struct_size is 0"},
               {kOdd + "size_7.so", "incompatible", "rejected", "struct_size is 7"},
               {kOdd + "note_differs.so", "incompatible", "rejected", "disagree"},
               {kOdd + "events_wild.so", "incompatible", "rejected", "points to nowhere"},
               {kOdd + "undefined.so", "unloadable", "rejected", "tasker_fixture_undefined"},
               {kOdd + "needed.so", "unloadable", "rejected", "libtasker_fixture_absent.so"}},
              kLong);
}

}  // namespace tasker::host::e2e
