// Rows 66-75: what a socket may be sent.

#include <sys/socket.h>
#include <sys/time.h>
#include <sys/un.h>
#include <unistd.h>

#include <algorithm>
#include <array>

#include "tests/bad_input/sandbox.hpp"

namespace tasker::host::bad_input {

namespace {

class Connection {
  public:
    explicit Connection(const Sandbox& sandbox) : fd_(socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
        sockaddr_un address{};
        address.sun_family = AF_UNIX;
        const std::string path = sandbox.path("state/api.sock").string();
        REQUIRE(path.size() < sizeof address.sun_path);
        std::copy(path.begin(), path.end(), address.sun_path);
        const timeval limit{15, 0};
        setsockopt(fd_.get(), SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit);
        setsockopt(fd_.get(), SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof limit);
        REQUIRE(connect(fd_.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0);
    }
    // The peer may close before all of it is out.
    void send(const std::string& bytes) const {
        std::size_t at = 0;
        while (at < bytes.size()) {
            const ssize_t sent = ::send(fd_.get(), bytes.data() + at, bytes.size() - at, MSG_NOSIGNAL);
            if (sent <= 0) return;
            at += static_cast<std::size_t>(sent);
        }
    }
    void finish() const { shutdown(fd_.get(), SHUT_WR); }
    // Everything until the peer closes.
    std::string read_all() const {
        std::string all;
        std::array<char, 8192> buffer;
        for (;;) {
            const ssize_t got = recv(fd_.get(), buffer.data(), buffer.size(), 0);
            if (got < 0 && (errno == EAGAIN || errno == EWOULDBLOCK)) return all + "<still open>";
            if (got <= 0) return all;
            all.append(buffer.data(), static_cast<std::size_t>(got));
        }
    }

  private:
    testing::OwnedFd fd_;
};

struct Request {
    int row;
    const char* what;
    std::string bytes;
    std::vector<std::string> answers;  // one of these statuses, or "" for a plain close
};

std::string get(const std::string& target, const std::string& headers = {}) {
    return "GET " + target + " HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n" + headers + "\r\n";
}

}  // namespace

TEST_CASE("rows 66-71: bytes that are no request are refused, and the host lives on") {
    Sandbox sandbox;
    const auto worker = sandbox.start_worker();
    std::string many;
    for (int i = 0; i < 10'000; ++i) many += "X-" + std::to_string(i) + ": y\r\n";
    const std::string post = "POST /v1/tasks HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n";
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
    std::vector<std::unique_ptr<Connection>> slow;
    for (int i = 0; i < 200; ++i) {
        slow.push_back(std::make_unique<Connection>(sandbox));
        slow.back()->send("GET /hea");
        if (i % 50 != 49) continue;
        const Connection sound(sandbox);
        sound.send(get("/health"));
        CHECK(sound.read_all().rfind("HTTP/1.1 200", 0) == 0);
    }
    for (const auto& connection : {slow.front().get(), slow.back().get()}) {
        CHECK(connection->read_all().find("<still open>") == std::string::npos);
    }
    CHECK(worker->running());
}

// Row 70: the socket knows no tokens; its mode lets only this user in. Row 73 (metrics) has no subject yet.
TEST_CASE("row 70: only this user may use the socket") {
    Sandbox sandbox;
    const auto worker = sandbox.start_worker();
    const auto mode = std::filesystem::status(sandbox.path("state/api.sock")).permissions();
    CHECK((mode & (std::filesystem::perms::group_all | std::filesystem::perms::others_all)) ==
          std::filesystem::perms::none);
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
