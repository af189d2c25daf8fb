// Rows 66-75: what a socket may be sent.

#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cstring>

#include "tests/bad_input/connection.hpp"
#include "tests/bad_input/sandbox.hpp"

namespace tasker::host::bad_input {

namespace {

struct Request {
    int row;
    const char* what;
    std::string bytes;
    std::vector<std::string> answers;  // one of these statuses, or "" for a plain close
};

}  // namespace

TEST_CASE("rows 66-71: bytes that are no request are refused, and the host lives on") {
    Sandbox sandbox;
    const auto worker = sandbox.start_worker();
    std::string many;
    for (int i = 0; i < 10'000; ++i) many += "X-" + std::to_string(i) + ": y\r\n";
    const std::string bare = "POST /v1/tasks HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n";
    const std::string post = bare + "Content-Type: application/json\r\n";
    const std::vector<Request> requests{
        {66,
         "a negative chunk size",
         post + "Transfer-Encoding: chunked\r\n\r\n-5\r\nhello\r\n0\r\n\r\n",
         {"400", "411", "501", ""}},
        {66,
         "both lengths",
         post + "Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
         {"400", ""}},
        {66,
         "two lengths that differ",
         post + "Content-Length: 5\r\nContent-Length: 6\r\n\r\nhello",
         {"400", ""}},
        {66, "a negative length", post + "Content-Length: -1\r\n\r\n", {"400", ""}},
        {66, "a body of 4 GiB announced", post + "Content-Length: 4294967296\r\n\r\n", {"413", "400"}},
        {66,
         "a method that does not fit",
         "PUT /v1/tasks HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\nContent-Length: 0\r\n\r\n",
         {"405", "404"}},
        {67,
         "a header of a megabyte",
         get("/health", "X-Big: " + std::string(1U << 20U, 'x') + "\r\n"),
         {"431", ""}},
        {67, "ten thousand headers", get("/health", many), {"431", ""}},
        {67, "a target of a megabyte", get("/" + std::string(1U << 20U, 'x')), {"414", "431", ""}},
        {69, "a path upwards", get("/../../etc/passwd"), {"404", "400"}},
        {69, "a path upwards, encoded", get("/%2e%2e/%2e%2e/etc/passwd"), {"404", "400"}},
        {69, "a NUL in the path", get(std::string("/v1/\0tasks", 10)), {"400", ""}},
        {69, "an encoded NUL in the path", get("/v1/%00"), {"404", "400"}},
        {69, "a proxy's form", get("http://evil/etc/passwd"), {"400", "404"}},
        {71, "HTTP/0.9", "GET /health\r\n", {"400", ""}},
        {71,
         "a TLS hello",
         std::string("\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03", 11) + std::string(500, '\x7f'),
         {"400", ""}},
        {71,
         "garbage behind a request",
         "GET /health HTTP/1.1\r\nHost: localhost\r\n\r\n\x01\x02\x03garbage\r\n\r\n",
         {"200", "503"}},
        {75, "a frame of 4 GiB", std::string("\xff\xff\xff\xff\x01\x02\x03\x04", 8), {"400", ""}},
        {75, "a body of no type", bare + "Content-Length: 2\r\n\r\n{}", {"415"}},
        {75, "a task that is no JSON", post + "Content-Length: 5\r\n\r\n{oops", {"400"}},
        {75, "a task that is no object", post + "Content-Length: 2\r\n\r\n[]", {"400"}},
        {75,
         "a task with a member of another type",
         post + "Content-Length: 10\r\n\r\n{\"name\":1}",
         {"400"}},
    };
    for (const Request& request : requests) {
        const Connection connection(sandbox);
        connection.send(request.bytes);
        connection.finish();
        const std::string answer = connection.read_all();
        const std::string status = answer.rfind("HTTP/1.1 ", 0) == 0 ? answer.substr(9, 3) : answer;
        const bool expected =
            std::find(request.answers.begin(), request.answers.end(), status) != request.answers.end();
        CHECK_MESSAGE(expected, "row ", request.row, ", ", request.what, ": answered ",
                      answer.substr(0, 300));
        CHECK(answer.find("root:") == std::string::npos);
    }
    CHECK(worker->running());
    const Connection sound(sandbox);
    sound.send(get("/health"));
    CHECK(sound.read_all().rfind("HTTP/1.1 200", 0) == 0);
}

TEST_CASE("row 68: clients that send nothing do not keep others out, and are closed in the end") {
    Sandbox sandbox;
    const auto worker = sandbox.start_worker();
    rlimit files{};
    getrlimit(RLIMIT_NOFILE, &files);
    files.rlim_cur = files.rlim_max;
    setrlimit(RLIMIT_NOFILE, &files);
    const int clients = files.rlim_cur > 1200 ? 1000 : 200;
    std::vector<std::unique_ptr<Connection>> slow;
    for (int i = 0; i < clients; ++i) {
        slow.push_back(std::make_unique<Connection>(sandbox));
        slow.back()->send("GET /hea");
        if (i % 200 != 199) continue;
        const Connection sound(sandbox);
        sound.send(get("/health"));
        CHECK(sound.read_all().rfind("HTTP/1.1 200", 0) == 0);
    }
    for (const auto& connection : {slow.front().get(), slow.back().get()}) {
        CHECK(connection->read_all().find("<still open>") == std::string::npos);
    }
    CHECK(worker->running());
}

// Row 70: the socket knows no tokens; its mode lets only this user in, and who gets there all the same is sent away.
TEST_CASE("row 70: only this user may use the socket") {
    Sandbox sandbox;
    const auto worker = sandbox.start_worker();
    const auto mode = std::filesystem::status(sandbox.path("state/api.sock")).permissions();
    CHECK((mode & (std::filesystem::perms::group_all | std::filesystem::perms::others_all)) ==
          std::filesystem::perms::none);
    const Connection connection(sandbox);
    connection.send("GET /health HTTP/1.1\r\nHost: evil.example\r\n\r\n");
    CHECK(connection.read_all().rfind("HTTP/1.1 421", 0) == 0);
}

TEST_CASE("rows 70 and 75: another user is refused by his number, whatever the mode of the socket" *
          doctest::skip(geteuid() != 0)) {
    Sandbox sandbox;
    const auto worker = sandbox.start_worker();
    namespace fs = std::filesystem;
    for (fs::path folder = sandbox.path("state"); folder != folder.root_path() && folder != "/tmp";
         folder = folder.parent_path())
        fs::permissions(folder, fs::perms::group_exec | fs::perms::others_exec, fs::perm_options::add);
    fs::permissions(sandbox.path("state/api.sock"), fs::perms::all);
    const std::string path = sandbox.path("state/api.sock").string();
    const pid_t child = fork();
    if (child == 0) {
        if (setgid(65534) != 0 || setuid(65534) != 0) _exit(3);
        const testing::OwnedFd fd(connect_to(path));
        if (fd.get() < 0) _exit(4);
        char byte = 0;
        _exit(recv(fd.get(), &byte, 1, 0) == 0 ? 0 : 5);  // closed without a word
    }
    int status = -1;
    REQUIRE(waitpid(child, &status, 0) == child);
    CHECK(WEXITSTATUS(status) == 0);
    CHECK_MESSAGE(worker->wait_for_err("peer uid 65534 refused", 10s), worker->err());
}

TEST_CASE("row 73: metrics count by callable") {
    Sandbox sandbox;
    sandbox.install(TASKER_BINARY_DIR "/tests/bad-plugins/misbehave.so", "misbehave.so");
    sandbox.write("templates/good.yaml", one_step("good", "good.echo"));
    const auto worker = sandbox.start_worker();
    static_cast<void>(sandbox.wait(sandbox.submit("good")));
    const std::string metrics = http_get(sandbox, "/metrics");
    CHECK_MESSAGE(metrics.find("tasker_steps_total{callable=\"good.echo\",outcome=\"succeeded\"} 1\n") !=
                      std::string::npos,
                  metrics);
    CHECK(metrics.find("Content-Type: text/plain; version=0.0.4") != std::string::npos);
}

TEST_CASE("row 74: health answers while a handler hangs") {
    Sandbox sandbox;
    sandbox.install(TASKER_BINARY_DIR "/tests/bad-plugins/misbehave.so", "misbehave.so");
    sandbox.write("templates/hang.yaml", one_step("hang", "bad.hang"));
    const auto worker = sandbox.start_worker({"--threads", "1"});
    for (int i = 0; i < 3; ++i) static_cast<void>(sandbox.submit("hang"));
    for (const char* target : {"/health", "/health/live"}) {
        const Connection connection(sandbox);
        connection.send(get(target));
        const std::string answer = connection.read_all();
        CHECK_MESSAGE(answer.rfind("HTTP/1.1 ", 0) == 0, answer);
        CHECK(answer.find("{") != std::string::npos);
    }
}

}  // namespace tasker::host::bad_input
