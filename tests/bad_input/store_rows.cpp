// Rows 93-110: the store, signals, and an unkind surrounding. Row 106 (clock jumps) is a matter of the injected clock and
// tested beside the engine.

#include <sqlite3.h>
#include <sys/mount.h>
#include <unistd.h>

#include <array>
#include <csignal>
#include <fstream>
#include <stdexcept>

#include "tests/bad_input/connection.hpp"
#include "tests/bad_input/sandbox.hpp"

namespace tasker::host::bad_input {

namespace {

namespace fs = std::filesystem;

void sql(const fs::path& store, const std::string& text) {
    sqlite3* handle = nullptr;
    const bool done = sqlite3_open(store.c_str(), &handle) == SQLITE_OK &&
                      sqlite3_exec(handle, text.c_str(), nullptr, nullptr, nullptr) == SQLITE_OK;
    sqlite3_close(handle);
    if (!done) throw std::runtime_error("sqlite: " + text);
}

// A store with a task in it, closed.
void make_store(Sandbox& sandbox) {
    sandbox.install(TASKER_BINARY_DIR "/tests/bad-plugins/misbehave.so", "misbehave.so");
    sandbox.write("templates/good.yaml", one_step("good", "good.echo"));
    sandbox.write("templates/polite.yaml", one_step("polite", "bad.polite"));
    sandbox.write("templates/hang.yaml", one_step("hang", "bad.hang"));
    static_cast<void>(sandbox.submit("good"));
}

void overwrite(const fs::path& file, std::streamoff at, const std::string& bytes) {
    std::fstream stream(file, std::ios::in | std::ios::out | std::ios::binary);
    stream.seekp(at);
    stream << bytes;
}

// The store is refused with exit 7 by host and command alike, and not a byte of it is changed.
void check_refused(int row, const std::string& what,
                   const std::function<void(Sandbox&, const fs::path&)>& damage,
                   const std::vector<std::string>& says) {
    Sandbox sandbox;
    make_store(sandbox);
    const fs::path store = sandbox.path("state/tasker.db");
    damage(sandbox, store);
    const std::string before = read_file(store);
    for (const Arguments& arguments :
         {Arguments{"worker"}, Arguments{"task", "list"}, Arguments{"task", "create", "good"}}) {
        const auto done = sandbox.run(arguments);
        CHECK_MESSAGE(done.status.code == 7, "row ", row, ", ", what, ", ", arguments[0], ": exit ",
                      done.status.code, "\n", done.err);
        for (const std::string& part : says) {
            CHECK_MESSAGE(done.err.find(part) != std::string::npos, "row ", row, ", ", what,
                          ": did not say '", part, "' but:\n", done.err);
        }
        CHECK(done.err.find(store.string()) != std::string::npos);
    }
    CHECK(read_file(store) == before);
}

struct Ended {
    testing::ExitStatus status;
    std::chrono::milliseconds took;
};
Ended end_with(testing::ChildProcess& worker, const std::vector<int>& signals,
               std::chrono::milliseconds limit) {
    const auto begin = std::chrono::steady_clock::now();
    for (const int signal : signals) {
        worker.signal(signal);
        // The second signal counts as one of its own only after the first was seen.
        if (signals.size() > 1) static_cast<void>(worker.wait_for_err("shutdown", 5s));
    }
    const auto status = worker.wait(limit);
    if (!status) FAIL("still running: ", worker.err());
    return {*status,
            std::chrono::duration_cast<std::chrono::milliseconds>(std::chrono::steady_clock::now() - begin)};
}

bool in_progress(Sandbox& sandbox, const std::string& task) {
    return sandbox.run({"task", "get", task, "--json"}).out.find(R"("current_state":"in_progress")") !=
           std::string::npos;
}
void await_start(Sandbox& sandbox, const std::string& task) {
    const auto deadline = std::chrono::steady_clock::now() + 30s;
    while (!in_progress(sandbox, task)) REQUIRE(std::chrono::steady_clock::now() < deadline);
}

}  // namespace

TEST_CASE("rows 93-95: a store that must not be touched is not") {
    check_refused(93, "random bytes in the header",
                  [](Sandbox&, const fs::path& store) { overwrite(store, 0, std::string(100, '\x5a')); },
                  {"not modified"});
    check_refused(
        93, "random bytes in a page",
        [](Sandbox&, const fs::path& store) { overwrite(store, 4096 * 2, std::string(4096, '\x5a')); },
        {"not modified"});
    check_refused(93, "half of the file",
                  [](Sandbox&, const fs::path& store) { fs::resize_file(store, fs::file_size(store) / 2); },
                  {"not modified"});
    check_refused(
        93, "a text file",
        [](Sandbox&, const fs::path& store) { std::ofstream(store, std::ios::trunc) << "not a database"; },
        {"not modified"});
    check_refused(94, "a newer schema",
                  [](Sandbox&, const fs::path& store) { sql(store, "PRAGMA user_version = 9"); },
                  {"schema 9, this build supports", "not modified"});
    check_refused(94, "another application",
                  [](Sandbox&, const fs::path& store) { sql(store, "PRAGMA application_id = 12345"); },
                  {"another application", "not modified"});
    check_refused(95, "cut to nothing", [](Sandbox&, const fs::path& store) { fs::resize_file(store, 0); },
                  {"not modified"});
    check_refused(95, "its log is gone",
                  [](Sandbox& sandbox, const fs::path& store) {
                      static_cast<void>(sandbox.start_worker()->kill_and_wait());
                      REQUIRE(fs::exists(store.string() + "-wal"));
                      fs::remove(store.string() + "-wal");
                  },
                  {"-wal"});
}

TEST_CASE(
    "rows 74 and 95: a log that is taken away under a running host ends it with 7, and health says so "
    "before") {
    Sandbox sandbox;
    make_store(sandbox);
    const auto worker = sandbox.start_worker();
    fs::remove(sandbox.path("state/tasker.db-wal"));
    bool told = false;
    while (worker->running()) {
        const testing::OwnedFd fd(connect_to(sandbox.path("state/api.sock").string()));
        const std::string request = get("/health");
        std::array<char, 512> answer{};
        if (fd.get() < 0 || ::send(fd.get(), request.data(), request.size(), MSG_NOSIGNAL) < 0) continue;
        if (::recv(fd.get(), answer.data(), answer.size() - 1, 0) <= 0) continue;
        told = told || std::string(answer.data()).rfind("HTTP/1.1 503", 0) == 0;
    }
    CHECK(worker->wait(1s)->code == 7);
    CHECK_MESSAGE(told, worker->err());
    CHECK(worker->err().find("-wal") != std::string::npos);
}

// A file system of 3 MiB that is filled up and emptied again.
TEST_CASE("row 96: a full disk refuses what is new, keeps what is there, and is over when there is room" *
          doctest::skip(geteuid() != 0)) {
    Sandbox sandbox;
    make_store(sandbox);
    fs::create_directory(sandbox.path("small"));
    if (mount("tmpfs", sandbox.path("small").c_str(), "tmpfs", 0, "size=3m,mode=0700") != 0) {
        MESSAGE("no file system can be mounted here");
        return;
    }
    sandbox.set("DATABASE_URL", "sqlite://" + sandbox.path("small/tasker.db").string());
    {
        const auto worker = sandbox.start_worker();
        const std::string first = sandbox.submit("good");
        static_cast<void>(sandbox.wait(first));
        std::ofstream filler(sandbox.path("small/filler"), std::ios::binary);
        while (filler << std::string(4096, 'x') << std::flush) {
        }
        filler.close();
        testing::Finished refused;
        for (int i = 0; i < 2000 && refused.status.code <= 0; ++i) {
            refused =
                sandbox.run({"task", "create", "good", "--context",
                             "{\"n\":" + std::to_string(i) + ",\"pad\":\"" + std::string(9000, 'p') + "\"}"});
        }
        CHECK_MESSAGE(refused.status.code == 8, refused.err);
        CHECK(refused.err.find("cannot be written") != std::string::npos);
        CHECK(http_get(sandbox, "/health").rfind("HTTP/1.1 503", 0) == 0);
        fs::remove(sandbox.path("small/filler"));
        testing::Finished accepted;
        const auto deadline = std::chrono::steady_clock::now() + 30s;
        do {
            accepted = sandbox.run({"task", "create", "good", "--context", R"({"after":true})", "--wait"});
        } while (accepted.status.code == 8 && std::chrono::steady_clock::now() < deadline);
        CHECK_MESSAGE(accepted.status.code == 0, accepted.err);
        CHECK(sandbox.run({"task", "get", first}).status.code == 0);
        CHECK(end_with(*worker, {SIGTERM}, 30s).status.code == 0);
        CHECK(sandbox.run({"store", "check"}).status.code == 0);
    }
    umount(sandbox.path("small").c_str());
}

TEST_CASE("row 95: a lost -shm file alone is made again") {
    Sandbox sandbox;
    make_store(sandbox);
    static_cast<void>(sandbox.start_worker()->kill_and_wait());
    fs::remove(sandbox.path("state/tasker.db-shm"));
    CHECK(sandbox.run({"store", "check"}).status.code == 0);
}

TEST_CASE("row 98: a copy made by store backup is whole, also while a host runs") {
    Sandbox sandbox;
    make_store(sandbox);
    const auto worker = sandbox.start_worker();
    CHECK(sandbox.run({"store", "backup", "{DIR}/copy.db"}).status.code == 0);
    const auto again = sandbox.run({"store", "backup", "{DIR}/copy.db"});
    CHECK(again.status.code != 0);
    CHECK(again.err.find("copy.db") != std::string::npos);
    sandbox.set("DATABASE_URL", "sqlite://" + sandbox.path("copy.db").string());
    const auto checked = sandbox.run({"store", "check"});
    CHECK_MESSAGE(checked.status.code == 0, checked.err);
}

TEST_CASE("row 98: a copy made by cp under a running host is not taken for a store") {
    Sandbox sandbox;
    make_store(sandbox);
    const auto worker = sandbox.start_worker();
    static_cast<void>(sandbox.submit("good", R"({"n":1})"));
    fs::copy_file(sandbox.path("state/tasker.db"), sandbox.path("copy.db"));
    sandbox.set("DATABASE_URL", "sqlite://" + sandbox.path("copy.db").string());
    sandbox.set("TASKER_STATE_DIR", sandbox.path("other").string());
    const auto checked = sandbox.run({"store", "check"});
    CHECK_MESSAGE(checked.status.code == 7, checked.err);
    CHECK(checked.err.find("store backup") != std::string::npos);
}

TEST_CASE("a store that may not be looked at is no empty one, and another account's HOME hides nothing" *
          doctest::skip(geteuid() != 0)) {
    Sandbox sandbox;
    make_store(sandbox);
    sandbox.drop_privileges();
    fs::create_directories(sandbox.path("home/.config"));
    fs::permissions(sandbox.path("home"), fs::perms::owner_all);  // root's
    sandbox.set("HOME", sandbox.path("home").string());
    CHECK(sandbox.run({"task", "list"}).status.code == 0);
    REQUIRE(chown(sandbox.path("state").c_str(), 0, 0) == 0);
    fs::permissions(sandbox.path("state"), fs::perms::owner_all);
    for (const Arguments& arguments : {Arguments{"task", "list"}, Arguments{"store", "info"}}) {
        const auto done = sandbox.run(arguments);
        CHECK_MESSAGE(done.status.code == 3, done.out, done.err);
        CHECK_MESSAGE(done.err.find("cannot be looked at: Permission denied") != std::string::npos, done.err);
    }
}

TEST_CASE("row 99: SIGTERM while it starts ends a worker quickly, whenever it comes") {
    for (int ms = 0; ms < 60; ms += 4) {
        Sandbox sandbox;
        make_store(sandbox);
        testing::ChildProcess worker(sandbox.host({"worker"}));
        static_cast<void>(worker.wait(std::chrono::milliseconds{ms}));
        worker.signal(SIGTERM);
        const auto status = worker.wait(20s);
        REQUIRE_MESSAGE(status.has_value(), worker.err());
        // Before the first instruction of main(), which may be late under a sanitizer, the signal's own effect is right.
        const bool before_main = status->signal == SIGTERM && worker.err().empty();
        CHECK_MESSAGE((status->code == 0 || status->code == 6 || before_main), ms, " ms: ", status->code,
                      "\n", worker.err());
        CHECK(sandbox.run({"store", "check"}).status.code == 0);
    }
}

TEST_CASE("row 100: SIGTERM with a handler that hangs hands its step back and exits with 6") {
    Sandbox sandbox;
    make_store(sandbox);
    sandbox.write("grace.toml", "[host]\ncancel_grace = \"1s\"\n");
    const auto worker = sandbox.start_worker({"--drain-timeout", "1s", "--config", "{DIR}/grace.toml"});
    const std::string task = sandbox.submit("hang");
    await_start(sandbox, task);
    CHECK(end_with(*worker, {SIGTERM}, 30s).status.code == 6);
    const std::string after = sandbox.run({"task", "get", task, "--json"}).out;
    CHECK_MESSAGE(after.find(R"("current_state":"enqueued")") != std::string::npos, after);
    CHECK(after.find(R"("attempts":0)") != std::string::npos);
}

TEST_CASE("row 101: a second signal ends the drain at once") {
    for (const int second : {SIGTERM, SIGINT}) {
        Sandbox sandbox;
        make_store(sandbox);
        const auto worker = sandbox.start_worker({"--drain-timeout", "60s"});
        const std::string task = sandbox.submit("hang");
        await_start(sandbox, task);
        const Ended ended = end_with(*worker, {SIGTERM, second}, 30s);
        CHECK_MESSAGE(ended.status.code == 6, worker->err());
        CHECK(ended.took < 10s);  // 2 s on an idle machine
    }
}

TEST_CASE("row 103: a storm of SIGUSR1 disturbs nothing") {
    Sandbox sandbox;
    make_store(sandbox);
    const auto worker = sandbox.start_worker();
    for (int i = 0; i < 1000; ++i) worker->signal(SIGUSR1);
    const auto told = [&] {
        const std::string log = worker->err();
        int count = 0;
        for (auto at = log.find("Worker Status: {"); at != std::string::npos;
             at = log.find("Worker Status: {", at + 1))
            ++count;
        return count;
    };
    CHECK(sandbox.wait(sandbox.submit("good")).find(R"("status":"complete")") != std::string::npos);
    CHECK(worker->wait_for_err("Worker Status: {", 10s));
    CHECK(end_with(*worker, {SIGTERM}, 30s).status.code == 0);
    CHECK(told() < 500);  // several at a time are one
}

TEST_CASE("row 104: a worker that was stopped and continued goes on") {
    Sandbox sandbox;
    make_store(sandbox);
    const auto worker = sandbox.start_worker();
    worker->signal(SIGSTOP);
    static_cast<void>(worker->wait(500ms));
    worker->signal(SIGCONT);
    CHECK(sandbox.wait(sandbox.submit("good")).find(R"("status":"complete")") != std::string::npos);
    CHECK(end_with(*worker, {SIGTERM}, 30s).status.code == 0);
}

TEST_CASE("row 107: limits too tight are named, and nothing hangs") {
    std::vector<std::string> limits{"-n 10", "-n 16"};
#ifndef __SANITIZE_ADDRESS__  // which reserves terabytes of addresses itself
    limits.emplace_back("-v 40000");
#endif
    for (const std::string& limit : limits) {
        Sandbox sandbox;
        make_store(sandbox);
        auto options = sandbox.host({"worker"});
        const std::string binary = options.argv[0];
        // Without the descriptors that this test program may have inherited itself.
        options.argv = {"sh", "-c",
                        "exec 3>&- 4>&- 5>&- 6>&- 7>&- 8>&- 9>&-; ulimit " + limit + "; exec \"$0\" worker",
                        binary};
        testing::ChildProcess worker(options);
        const auto status = worker.wait(20s);
        REQUIRE_MESSAGE(status.has_value(), limit, ": ", worker.err());
        CHECK_MESSAGE(status->signal == 0, limit);
        CHECK_MESSAGE((status->code == 3 || (limit == "-v 40000" && status->code != 0)), limit, ": ",
                      status->code);
        if (limit.starts_with("-n"))
            CHECK_MESSAGE(worker.wait_for_err("needs 64 open files", 5s), limit, ": ", worker.err());
    }
}

TEST_CASE("row 107: a limit on open files that may be raised is raised") {
    Sandbox sandbox;
    make_store(sandbox);
    auto options = sandbox.host({"worker"});
    const std::string binary = options.argv[0];
    options.argv = {"sh", "-c", "ulimit -S -n 20; exec \"$0\" worker", binary};
    testing::ChildProcess worker(options);
    CHECK_MESSAGE(worker.wait_for_err("Worker ready", 20s), worker.err());
    CHECK(end_with(worker, {SIGTERM}, 30s).status.code == 0);
}

TEST_CASE("row 107: too few threads are named" * doctest::skip(geteuid() != 0)) {
    for (const char* limit : {"4", "8", "12"}) {
        Sandbox sandbox;
        make_store(sandbox);
        sandbox.drop_privileges();
        auto options = sandbox.host({"worker"});
        // The account is nobody's, so what runs under it is this worker alone.
        std::vector<std::string> limited{"prlimit", std::string("--nproc=") + limit};
        limited.insert(limited.end(), options.argv.begin(), options.argv.end());
        options.argv = limited;
        testing::ChildProcess worker(options);
        const auto status = worker.wait(20s);
        REQUIRE_MESSAGE(status.has_value(), limit, ": ", worker.err());
        CHECK_MESSAGE(status->code == 3, limit, ": ", worker.err());
        CHECK_MESSAGE(worker.err().find("ulimit -u") != std::string::npos, limit, ": ", worker.err());
    }
}

TEST_CASE("row 108: no home and no temporary folder are needed") {
    Sandbox sandbox;
    make_store(sandbox);
    sandbox.set("HOME", "/nonexistent");
    sandbox.set("TMPDIR", "/nonexistent");
    const auto worker = sandbox.start_worker();
    CHECK(sandbox.wait(sandbox.submit("good")).find(R"("status":"complete")") != std::string::npos);
}

TEST_CASE("row 110: locale, time zone and a large environment change nothing") {
    Sandbox sandbox;
    make_store(sandbox);
    sandbox.set("LANG", "tr_TR.UTF-8");
    sandbox.set("LC_ALL", "tr_TR.UTF-8");
    sandbox.set("TZ", "Pacific/Apia");
    for (int i = 0; i < 32; ++i) sandbox.set("FILLER_" + std::to_string(i), std::string(1000, 'x'));
    const auto worker = sandbox.start_worker();
    const std::string document = sandbox.wait(sandbox.submit("good"));
    CHECK(document.find(R"("status":"complete")") != std::string::npos);
    CHECK(document.find(R"(Z")") != std::string::npos);
    CHECK(document.find("+1") == std::string::npos);
}

}  // namespace tasker::host::bad_input
