// The pool with scripts in the place of the probe: what it does with processes, whatever they are.
#include <doctest/doctest.h>
#include <unistd.h>

#include <chrono>
#include <csignal>
#include <fstream>
#include <map>

#include "host/scan/probe_pool.hpp"
#include "tests/support/eventually.hpp"
#include "tests/support/temp_dir.hpp"

using namespace tasker::host;
using namespace tasker::host::testing;
namespace fs = std::filesystem;

namespace {
// Answers as a probe does; $N is the nonce.
constexpr const char* kGood =
    "N=$(head -c 32 <&3)\necho '{\"phase\":\"load\"}' >&3\n"
    "echo '{\"verdict\":\"ok\",\"plugin\":{\"id\":\"x\"}}' >&3\n"
    "echo \"{\\\"complete\\\":true,\\\"nonce\\\":\\\"$N\\\"}\" >&3\n";

struct Scripts {
    TempDir dir;
    SystemClock clock;
    SystemRandom random;
    ProbeOptions options{.program = "/bin/sh", .environment = {"PATH=/usr/bin:/bin"}, .deadline_ms = 30'000};

    std::vector<Verdict> run(const std::vector<std::string>& scripts) {
        std::vector<fs::path> files;
        for (std::size_t i = 0; i < scripts.size(); ++i)
            files.push_back(dir.write("script" + std::to_string(i), scripts[i]));
        std::vector<Verdict> verdicts(files.size());
        std::size_t called = 0;
        ProbePool(options, clock, random).run(files, [&](std::size_t index, Verdict verdict) {
            verdicts.at(index) = std::move(verdict);
            ++called;
        });
        CHECK(called == scripts.size());
        return verdicts;
    }
    Verdict run(const std::string& script) { return run(std::vector<std::string>{script}).front(); }
};

// Gone, or dead and not yet reaped by whoever inherited it.
bool is_dead(pid_t pid) {
    std::ifstream in("/proc/" + std::to_string(pid) + "/stat");
    std::string number, program, state;
    in >> number >> program >> state;
    return !in || state == "Z" || state == "X";
}
}  // namespace

TEST_CASE("each file has the verdict of its own process, also when many run at once") {
    Scripts scripts;
    scripts.options.at_once = 4;
    std::vector<std::string> all;
    for (int i = 0; i < 12; ++i) all.push_back(i % 3 == 0 ? kGood : "exit " + std::to_string(i));
    const auto verdicts = scripts.run(all);
    for (std::size_t i = 0; i < all.size(); ++i) {
        CHECK_MESSAGE(verdicts[i].kind == (i % 3 == 0 ? VerdictKind::Ok : VerdictKind::Exited), i, ": ",
                      verdicts[i].reason);
        if (i % 3 != 0) CHECK(verdicts[i].reason.find("exited " + std::to_string(i)) != std::string::npos);
    }
}

TEST_CASE("a process that does not end is killed with all that it started, after a second try") {
    Scripts scripts;
    scripts.options.deadline_ms = 100;
    const Verdict verdict = scripts.run("sleep 1000 & echo $! \"tries\"; wait\n");
    CHECK(verdict.kind == VerdictKind::Hung);
    CHECK_MESSAGE(verdict.reason.find("200 ms") != std::string::npos, verdict.reason);
}

TEST_CASE("what a probe leaves behind ends with it") {
    Scripts scripts;
    const Verdict verdict = scripts.run(std::string("sleep 1000 & echo $!\n") + kGood);
    CHECK_MESSAGE(verdict.kind == VerdictKind::Ok, verdict.reason);
    const pid_t child = std::stoi(verdict.output);
    CHECK(eventually(std::chrono::seconds{30}, [&] { return is_dead(child); }));
}

TEST_CASE("a probe has an environment, descriptors and a working directory of its own") {
    Scripts scripts;
    const Verdict verdict = scripts.run(
        "pwd; env | grep -v ^PWD= | grep -v ^SHLVL | grep -v ^_=; ls /proc/self/fd | tr '\\n' ' '\n");
    // 3 is the report; ls itself opens the folder, as 4.
    CHECK_MESSAGE(verdict.output == "/\nPATH=/usr/bin:/bin\n0 1 2 3 4 ", verdict.output);
}

TEST_CASE("floods are cut, and the flood of one does not keep the others waiting") {
    Scripts scripts;
    const auto verdicts =
        scripts.run(std::vector<std::string>{"head -c 20000000 /dev/zero; " + std::string(kGood),
                                             "head -c 6000000 /dev/zero >&3; " + std::string(kGood), kGood});
    CHECK_MESSAGE(verdicts[0].kind == VerdictKind::Ok, verdicts[0].reason);
    CHECK(verdicts[0].output.size() <= 8192);
    CHECK(verdicts[1].kind == VerdictKind::Exited);
    CHECK_MESSAGE(verdicts[1].reason.find("more than 4 MiB") != std::string::npos, verdicts[1].reason);
    CHECK(verdicts[2].kind == VerdictKind::Ok);
}

TEST_CASE("a nonce is good for one process") {
    Scripts scripts;
    scripts.options.at_once = 1;
    const std::string stolen = (scripts.dir / "stolen").string();
    const auto verdicts =
        scripts.run(std::vector<std::string>{kGood + ("printf %s \"$N\" >" + stolen + "\n"),
                                             "echo '{\"verdict\":\"ok\",\"plugin\":{\"id\":\"x\"}}' >&3\n"
                                             "echo \"{\\\"complete\\\":true,\\\"nonce\\\":\\\"$(cat " +
                                                 stolen + ")\\\"}\" >&3\n"});
    CHECK(verdicts[0].kind == VerdictKind::Ok);
    CHECK(verdicts[1].kind == VerdictKind::Exited);
    CHECK_MESSAGE(verdicts[1].reason.find("wrong nonce") != std::string::npos, verdicts[1].reason);
}

TEST_CASE("signals, a program that is missing, and a budget that is used up") {
    Scripts scripts;
    CHECK(scripts.run("kill -SEGV $$\n").reason.find("SIGSEGV") != std::string::npos);
    CHECK(scripts.run("kill -KILL $$\n").kind == VerdictKind::Unknown);
    scripts.options.budget_ms = 0;
    const Verdict late = scripts.run(kGood);
    CHECK(late.kind == VerdictKind::Unknown);
    CHECK(late.reason.find("next scan") != std::string::npos);
    scripts.options.budget_ms = 100'000;
    scripts.options.program = "/no/such/probe";
    const Verdict missing = scripts.run(kGood);
    CHECK(missing.kind == VerdictKind::Unknown);
    CHECK(missing.reason.find("/no/such/probe: No such file") != std::string::npos);
}
