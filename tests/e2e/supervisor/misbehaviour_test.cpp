// What a handler can do to its process: in a worker that has served for long, and in a new generation on probation. Another
// namespace's worker, and the steps next to it in its own process, are not harmed.

#include <fstream>

#include "tests/e2e/supervisor/supervised.hpp"

namespace tasker::host::e2e {

namespace {
namespace fs = std::filesystem;

// What becomes of the step in a steady worker.
enum class Becomes {
    Poison,    // its worker dies of it, three times
    Unblamed,  // its worker dies of it, and nobody is blamed
    Fails,     // it fails, its worker goes on
    Succeeds,  // it ends well, its worker goes on
};
struct Misbehaviour {
    std::string how;
    Becomes becomes;
    std::string told = {};  // in the step's error, or in the supervisor's log
};

const std::vector<Misbehaviour>& all() {
    static const std::vector<Misbehaviour> cases{
        {"null", Becomes::Poison, "signal 11 (Segmentation fault)"},
        {"wild", Becomes::Poison, "signal 11 (Segmentation fault)"},
        {"call-null", Becomes::Poison, "signal 11 (Segmentation fault)"},
        {"overflow", Becomes::Poison, "signal 11 (Segmentation fault), a stack overflow,"},
        {"bus", Becomes::Poison, "signal 7 (Bus error)"},
        {"divide", Becomes::Poison, "signal 8 (Floating point exception)"},
        {"illegal", Becomes::Poison, "signal 4 (Illegal instruction)"},
        {"abort", Becomes::Poison, "signal 6 (Aborted)"},
        {"terminate", Becomes::Poison, "signal 6 (Aborted)"},
        {"noexcept", Becomes::Poison, "signal 6 (Aborted)"},
        {"smash", Becomes::Poison, "signal 6 (Aborted)"},
        {"double-free", Becomes::Poison, "signal 6 (Aborted)"},
        {"free-stack", Becomes::Poison, "signal "},
        {"raise-segv", Becomes::Poison, "signal 11 (Segmentation fault)"},
        {"raise-trap", Becomes::Poison, "signal 5 (Trace/breakpoint trap)"},
        {"raise-sys", Becomes::Poison, "signal 31 (Bad system call)"},
        {"exit", Becomes::Poison, "exit()"},
        {"quick-exit", Becomes::Poison, "exit()"},
        {"_exit", Becomes::Poison, "exit()"},
        {"_Exit", Becomes::Poison, "exit()"},
        {"pthread_exit", Becomes::Poison, "signal 6 (Aborted)"},
        {"pthread_cancel", Becomes::Poison, "signal 6 (Aborted)"},
        {"longjmp", Becomes::Poison, "signal "},
        {"stack-gone", Becomes::Poison, "signal 11 (Segmentation fault)"},
        {"kill", Becomes::Unblamed, "signal 9 (Killed)"},
        {"exec", Becomes::Unblamed, "exit code 0"},
        {"thread-aborts", Becomes::Unblamed, "signal 6 (Aborted)"},
        {"stop", Becomes::Unblamed, "it has said nothing for"},
        {"throw", Becomes::Fails, "no luck"},
        {"throw-number", Becomes::Fails, "unknown exception"},
        {"throw-null", Becomes::Fails},
        {"allocate", Becomes::Fails, "bad_alloc"},
        {"hang", Becomes::Fails, "did not finish within 2000 ms"},
        {"spin", Becomes::Fails, "did not finish within 2000 ms"},
        {"deadlock", Becomes::Fails, "did not finish within 2000 ms"},
        {"close", Becomes::Succeeds},
        {"close-standard", Becomes::Succeeds},
        {"fork", Becomes::Succeeds},
        {"fork-returns", Becomes::Succeeds, "its child came back into the host: it ends here"},
        {"fork-throws", Becomes::Succeeds, "its child came back into the host: it ends here"},
        {"fork-exit", Becomes::Succeeds},
        {"chdir", Becomes::Succeeds},
        {"locale", Becomes::Succeeds},
        {"rounding", Becomes::Succeeds},
        {"float-traps", Becomes::Succeeds},
        {"umask", Becomes::Succeeds},
        {"environment", Becomes::Succeeds},
        {"output", Becomes::Succeeds},
        {"threads", Becomes::Succeeds},
        {"files", Becomes::Succeeds},
        {"alarm", Becomes::Succeeds},
        {"block-signals", Becomes::Succeeds},
        {"ignore-signals", Becomes::Succeeds},
        {"forget-signals", Becomes::Succeeds},
        {"no-files", Becomes::Succeeds},
        {"no-writes", Becomes::Succeeds},
        {"nice", Becomes::Succeeds},
        {"undumpable", Becomes::Succeeds},
        {"rename-threads", Becomes::Succeeds},
        {"no-terminate", Becomes::Succeeds},
        {"kill-group", Becomes::Succeeds},
    };
    return cases;
}

// A sanitizer ends a process in its own way, or keeps it from ending, and takes many times as long.
bool is_for_this_build(const Misbehaviour& one) {
    return !kSanitized || (one.becomes == Becomes::Fails && one.how != "allocate") || one.how == "close" ||
           one.how == "fork-returns";
}

std::string text_of(const std::string& name, const std::string& ns, const std::string& callable,
                    const std::string& more) {
    return "name: " + name + "\nnamespace_name: " + ns +
           "\nversion: \"1.0.0\"\nidentity_strategy: always_unique\nsteps:\n  - name: only\n    handler:\n"
           "      callable: " +
           callable + "\n" + more;
}

struct Misbehaving : Supervised {
    explicit Misbehaving(const std::string& build, const std::string& settings = "") {
        // A thread that hangs holds nothing up for long.
        set("TASKER_CONFIG_PATH",
            write("config.toml", "[host]\ndrain_timeout = \"1s\"\ncancel_grace = \"200ms\"\n" + settings)
                .string());
        // A crash does not use up an attempt: one that fails has but one.
        write("templates/act.yaml", text_of("act", "wild", "misbehave.act",
                                            "    timeout_seconds: 2\n    retry:\n      max_attempts: 1\n"));
        write("templates/beside.yaml",
              text_of("beside", "wild", "misbehave.wait", "    timeout_seconds: 600\n"));
        write("templates/calm.yaml", text_of("calm", "calm", "crash.wait", "    timeout_seconds: 600\n"));
        fs::create_directories(path("plugins"));
        // Another plugin's: a change of the first is none of the neighbour's.
        fs::copy_file(std::string(TASKER_BINARY_DIR) + "/tests/e2e-crashes/crasher.so",
                      path("plugins/crasher.so"));
        put(build);
        set("TASKER_PLUGIN_PATH", path("plugins").string());
        set("TASKER_TEMPLATE_PATH", path("templates").string());
        begin({"calm", "wild"});
    }
    void put(const std::string& build) const {
        fs::copy_file(std::string(TASKER_BINARY_DIR) + "/tests/e2e-misbehaviour/" + build + ".so",
                      path("plugins/misbehaving.so"), fs::copy_options::overwrite_existing);
    }
    std::string submit(const std::string& name, const json& context) const {
        return document({"task", "create", name, "--context", context.dump()})["task_uuid"];
    }
    std::string wait_for(const std::string& name, const std::string& label) const {
        return submit(name, {{"ready", path("ready-" + label).string()},
                             {"release", path("release-" + label).string()}});
    }
    std::string act(const std::string& how, const std::string& after = "") const {
        json context{{"how", how}, {"journal", path("runs").string()}};
        if (!after.empty()) context["ready"] = path("ready-" + after).string();
        return submit("act", context);
    }
    json end_of(const std::string& task) const {
        return json::parse(run({"task", "wait", task, "--json"}).out);
    }
    std::size_t runs() const {
        std::ifstream file(path("runs"));
        std::size_t count = 0;
        for (std::string line; std::getline(file, line);) ++count;
        return count;
    }
    std::string history(const std::string& ns) const {
        std::string text;
        const json now = of(ns);
        if (!now.is_object()) return text;
        for (const json& line : now["history"]) text += line.get<std::string>() + "\n";
        return text;
    }
    // The one that waits beside it is done, and was not started again but where its process died.
    void release(const std::string& task, const std::string& label) const {
        write("release-" + label, "");
        const json done = end_of(task);
        INFO(done.dump());
        CHECK(done["status"] == "complete");
        CHECK(step(done, "only")["attempts"] == 1);
    }
};

json error_of(const json& task) { return step(task, "only")["results"]["error"]; }

void check_end(const Misbehaving& f, const Misbehaviour& one, const json& ended) {
    INFO(ended.dump());
    switch (one.becomes) {
        case Becomes::Poison: {
            CHECK(f.runs() == 3);
            CHECK(step(ended, "only")["crashes"] == 3);
            CHECK(error_of(ended)["error_code"] == "POISON_STEP");
            const std::string message = error_of(ended).dump();
            CHECK_MESSAGE(message.find("the last time with " + one.told) != std::string::npos, message);
            CHECK_MESSAGE(
                message.find("callable 'misbehave.act' of plugin 'misbehaving'") != std::string::npos,
                message);
            return;
        }
        case Becomes::Fails:
            CHECK(f.runs() == 1);
            CHECK(ended["status"] != "complete");
            CHECK(error_of(ended).dump().find(one.told) != std::string::npos);
            return;
        case Becomes::Succeeds:
            CHECK(f.runs() == 1);
            CHECK(ended["status"] == "complete");
            CHECK(step(ended, "only")["attempts"] == 1);
            if (!one.told.empty()) CHECK_MESSAGE(f.host->wait_for_err(one.told, kPatience), f.host->err());
            return;
        case Becomes::Unblamed:
            return;
    }
}
}  // namespace

TEST_CASE("misbehaviour: in a worker that serves, neighbours are not harmed and the culprit is named") {
    for (const Misbehaviour& one : all()) {
        if (!is_for_this_build(one) || one.becomes == Becomes::Unblamed) continue;
        CAPTURE(one.how);
        Misbehaving f("misbehaving");
        const pid_t calm = f.worker_pid("calm"), wild = f.worker_pid("wild");
        const std::string far = f.wait_for("calm", "far"), near = f.wait_for("beside", "near");
        check_end(f, one, f.end_of(f.act(one.how, "near")));
        // The namespace works as before.
        const std::string next = f.wait_for("beside", "next");
        f.release(next, "next");
        f.release(near, "near");
        f.release(far, "far");
        CHECK(f.worker_pid("calm") == calm);
        CHECK((f.worker_pid("wild") == wild) == (one.becomes != Becomes::Poison));
        if (one.becomes == Becomes::Poison)
            CHECK_MESSAGE(f.history("wild").find("'misbehave.act'") != std::string::npos, f.history("wild"));
        CHECK(f.document({"worker", "restart", "wild", "--wait"})["state"] == "committed");
        f.end();
        CHECK(f.document({"store", "check"})["ok"] == true);
    }
}

TEST_CASE(
    "misbehaviour: who ends its worker without leaving a trace is told by what is known, and ends its step "
    "in the end") {
    for (const Misbehaviour& one : all()) {
        if (!is_for_this_build(one) || one.becomes != Becomes::Unblamed) continue;
        CAPTURE(one.how);
        Misbehaving f("misbehaving", "[host.supervisor]\nsilence = \"3s\"\n");
        const pid_t calm = f.worker_pid("calm"), wild = f.worker_pid("wild");
        const std::string far = f.wait_for("calm", "far");
        const std::string task = f.act(one.how);
        REQUIRE(eventually(kPatience, [&] { return f.history("wild").find(one.told) != std::string::npos; }));
        CHECK_MESSAGE(f.host->wait_for_err("'misbehave.act'", kPatience), f.host->err());
        REQUIRE(eventually(kPatience, [&] {
            const json now = f.of("wild");
            return now["state"] == "active" && now["current"]["pid"] != wild;
        }));
        f.document({"task", "cancel", task});
        const std::string next = f.wait_for("beside", "next");
        f.release(next, "next");
        f.release(far, "far");
        CHECK(f.worker_pid("calm") == calm);
        f.end();
        CHECK(f.document({"store", "check"})["ok"] == true);
    }
}

TEST_CASE("misbehaviour: in a new generation, the old one goes on where the new one dies of it") {
    if (kSanitized) return;
    for (const Misbehaviour& one : all()) {
        if (!is_for_this_build(one) || one.becomes == Becomes::Unblamed) continue;
        CAPTURE(one.how);
        // One thread, and the old one's is taken: what is submitted waits for the new one.
        Misbehaving f("behaving", "threads = 1\nprefetch = 0\n");
        const pid_t calm = f.worker_pid("calm"), wild = f.worker_pid("wild");
        const std::string far = f.wait_for("calm", "far"), near = f.wait_for("beside", "near");
        REQUIRE(eventually(kPatience, [&] { return fs::exists(f.path("ready-near")); }));
        const std::string task = f.act(one.how);
        f.put("misbehaving");
        if (one.becomes == Becomes::Poison) {
            REQUIRE(eventually(kPatience,
                               [&] { return f.history("wild").find("is given up") != std::string::npos; }));
            f.release(near, "near");
            const json ended = f.end_of(task);
            INFO(ended.dump());
            CHECK(ended["status"] == "complete");
            CHECK(step(ended, "only")["results"]["result"]["behaved"] == true);
            CHECK(f.reaches("wild", "active", 1));
            CHECK(f.worker_pid("wild") == wild);
            CHECK(f.runs() == 2);
            json refused;
            REQUIRE(eventually(kPatience, [&] {
                refused = f.status()["refused_plugins"];
                return refused.size() == 1;
            }));
            CHECK(refused[0]["state"] == "quarantined");
            CHECK_MESSAGE(refused.dump().find("'misbehave.act'") != std::string::npos, refused.dump());
        } else {
            check_end(f, one, f.end_of(task));
            f.release(near, "near");
            // A worker that cannot go on as it is has been replaced already.
            CHECK(eventually(kPatience, [&] {
                const json now = f.of("wild");
                return now["state"] == "active" && now["current"]["generation"] != 1;
            }));
            const std::string next = f.wait_for("beside", "next");
            f.release(next, "next");
        }
        f.release(far, "far");
        CHECK(f.worker_pid("calm") == calm);
        f.end();
        CHECK(f.document({"store", "check"})["ok"] == true);
    }
}

TEST_CASE("misbehaviour: a worker that takes more and more memory is replaced, and no step fails of it") {
    if (kSanitized) return;
    Misbehaving f("misbehaving", "[host.supervisor]\nmax_memory_mb = 100\n");
    const pid_t calm = f.worker_pid("calm");
    const std::string near = f.wait_for("beside", "near");
    std::vector<std::string> tasks;
    for (int i = 0; i < 20; ++i) tasks.push_back(f.act("leak"));
    for (const std::string& task : tasks) CHECK(f.end_of(task)["status"] == "complete");
    REQUIRE(eventually(kPatience,
                       [&] { return f.history("wild").find("recycled: it uses ") != std::string::npos; }));
    f.release(near, "near");
    REQUIRE(f.reaches("wild", "active", 2));
    CHECK(f.runs() == 20);
    CHECK(f.worker_pid("calm") == calm);
    f.end();
}

}  // namespace tasker::host::e2e
