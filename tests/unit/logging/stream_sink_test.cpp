#include <doctest/doctest.h>
#include <fcntl.h>
#include <poll.h>
#include <unistd.h>

#include <array>
#include <chrono>
#include <fstream>
#include <functional>
#include <nlohmann/json.hpp>
#include <sstream>
#include <string>
#include <thread>
#include <vector>

#include "host/logging/sinks.hpp"
#include "tests/support/eventually.hpp"
#include "tests/support/temp_dir.hpp"

using namespace tasker::host;
using nlohmann::json;
using namespace std::chrono_literals;

namespace {

class Pipe {
  public:
    Pipe() { REQUIRE(pipe2(ends_.data(), O_CLOEXEC) == 0); }
    ~Pipe() {
        close_read();
        close_write();
    }
    Pipe(const Pipe&) = delete;
    Pipe& operator=(const Pipe&) = delete;

    int write_end() const { return ends_[1]; }
    void close_read() { close_one(0); }
    void close_write() { close_one(1); }

    // Everything that is in the pipe now, without waiting for more.
    std::string available() const {
        std::string text;
        std::array<char, 4096> chunk{};
        for (;;) {
            pollfd wanted{ends_[0], POLLIN, 0};
            if (poll(&wanted, 1, 0) <= 0 || (wanted.revents & POLLIN) == 0) return text;
            const ssize_t count = read(ends_[0], chunk.data(), chunk.size());
            if (count <= 0) return text;
            text.append(chunk.data(), static_cast<std::size_t>(count));
        }
    }

    // Fills the kernel's buffer so that not one more page fits.
    void fill() const {
        const int flags = fcntl(ends_[1], F_GETFL);
        fcntl(ends_[1], F_SETFL, flags | O_NONBLOCK);
        const std::string page(4096, '.');
        while (write(ends_[1], page.data(), page.size()) > 0) {
        }
        fcntl(ends_[1], F_SETFL, flags);
    }

  private:
    void close_one(std::size_t which) {
        if (ends_[which] >= 0) close(ends_[which]);
        ends_[which] = -1;
    }
    std::array<int, 2> ends_{-1, -1};
};

LogOptions to_fd(int fd) {
    LogOptions options;
    options.fd = fd;
    return options;
}

std::vector<json> lines(const std::string& text) {
    std::vector<json> parsed;
    std::istringstream in(text.substr(
        text.find_first_not_of('.') == std::string::npos ? text.size() : text.find_first_not_of('.')));
    for (std::string line; std::getline(in, line);) parsed.push_back(json::parse(line));
    return parsed;
}

std::chrono::milliseconds timed(const std::function<void()>& work) {
    const auto start = std::chrono::steady_clock::now();
    work();
    return std::chrono::duration_cast<std::chrono::milliseconds>(std::chrono::steady_clock::now() - start);
}

}  // namespace

TEST_CASE("Stream sink: records come out in order, one JSON object a line, from the level on") {
    const Pipe pipe;
    const Logger log(make_stream_sink(to_fd(pipe.write_end())));
    for (int i = 0; i < 100; ++i) log.info("number", {{"i", i}});
    log.debug("below the level");
    log.flush();
    const auto out = lines(pipe.available());
    REQUIRE(out.size() == 100);
    for (std::size_t i = 0; i < out.size(); ++i) CHECK(out[i]["i"] == std::to_string(i));
    CHECK_FALSE(log.enabled(LogLevel::Debug));
}

TEST_CASE("L07: Stream sink: its level changes while it is used, for every logger made from it") {
    const Pipe pipe;
    const auto sink = make_stream_sink(to_fd(pipe.write_end()));
    const Logger log(sink);
    const Logger child = log.with({{"component", "test"}});
    child.debug("one");
    sink->set_level(LogLevel::Debug);
    child.debug("two");
    sink->set_level(LogLevel::Error);
    log.warn("three");
    log.flush();
    const auto written = lines(pipe.available());
    REQUIRE(written.size() == 1);
    CHECK(written[0]["msg"] == "two");
}

TEST_CASE("Stream sink: destroying it writes what is queued") {
    const Pipe pipe;
    {
        const Logger log(make_stream_sink(to_fd(pipe.write_end())));
        for (int i = 0; i < 50; ++i) log.error("last words");
    }
    CHECK(lines(pipe.available()).size() == 50);
}

TEST_CASE("Stream sink: a full pipe delays nobody, drops are counted and told when there is room again") {
    const Pipe pipe;
    pipe.fill();
    LogOptions options = to_fd(pipe.write_end());
    options.queue_records = 16;
    const Logger log(make_stream_sink(options));
    const auto took = timed([&] {
        for (int i = 0; i < 1000; ++i) log.info("blocked");
    });
    CHECK(took < 1s);
    std::string text;
    std::size_t written = 0;
    std::size_t dropped = 0;
    const bool all_accounted_for = testing::eventually(10s, [&] {
        text += pipe.available();
        if (text.empty() || text.back() != '\n') return false;
        written = dropped = 0;
        for (const json& line : lines(text)) {
            if (line["msg"] == "blocked") ++written;
            if (line["msg"] != "log records dropped") continue;
            dropped += std::stoul(line["count"].get<std::string>());
            CHECK(line["level"] == "warn");
        }
        return written + dropped >= 1000;
    });
    CHECK(all_accounted_for);
    CHECK(written == 16);
    CHECK(dropped == 984);
    log.info("after");
    log.flush(5000);
    CHECK(lines(pipe.available()).size() == 1);  // what was told is not told again
}

TEST_CASE("Stream sink: destroying it while nobody reads takes about a second at most") {
    const Pipe pipe;
    pipe.fill();
    const auto took = timed([&] {
        const Logger log(make_stream_sink(to_fd(pipe.write_end())));
        for (int i = 0; i < 100; ++i) log.info("never read");
    });
    CHECK(took < 2s);
}

TEST_CASE("Stream sink: a reader that went away neither kills nor blocks") {
    Pipe pipe;
    const Logger log(make_stream_sink(to_fd(pipe.write_end())));
    pipe.close_read();
    for (int i = 0; i < 100; ++i) log.error("nobody");
    const auto took = timed([&] { log.flush(5000); });
    CHECK(took < 5s);
}

TEST_CASE("Stream sink: closing the descriptor elsewhere does not stop the log") {
    Pipe pipe;
    const Logger log(make_stream_sink(to_fd(pipe.write_end())));
    pipe.close_write();
    log.info("still here");
    log.flush();
    CHECK(lines(pipe.available()).size() == 1);
}

TEST_CASE("Stream sink: a descriptor that was never open only loses lines") {
    const Logger log(make_stream_sink(to_fd(-1)));
    log.error("into the void");
    log.flush(5000);
    CHECK(log.enabled(LogLevel::Error));
}

TEST_CASE("Stream sink: a megabyte becomes one capped line") {
    const testing::TempDir dir;
    const std::string path = (dir / "log").string();
    const int fd = open(path.c_str(), O_CREAT | O_RDWR | O_CLOEXEC, 0600);
    REQUIRE(fd >= 0);
    {
        const Logger log(make_stream_sink(to_fd(fd)));
        log.warn(std::string(1 << 20, 'm'), {{"big", std::string(1 << 20, 'v')}});
    }
    close(fd);
    std::ifstream in(path);
    const std::string text((std::istreambuf_iterator<char>(in)), {});
    REQUIRE(lines(text).size() == 1);
    CHECK(text.size() <= 32769);
}

TEST_CASE("Stream sink: a secret across the cut is still recognised") {
    const Pipe pipe;
    LogOptions options = to_fd(pipe.write_end());
    options.max_field_bytes = 100;
    options.secrets = {"a-long-secret-value"};
    const Logger log(make_stream_sink(options));
    log.info(std::string(95, 'x') + "a-long-secret-value" + std::string(5000, 'y'));
    log.flush();
    CHECK(pipe.available().find("a-lon") == std::string::npos);
}

TEST_CASE("Stream sink: many threads log at once and every line stays whole") {
    const testing::TempDir dir;
    const std::string path = (dir / "log").string();
    const int fd = open(path.c_str(), O_CREAT | O_RDWR | O_CLOEXEC, 0600);
    {
        const Logger log(make_stream_sink(to_fd(fd)));
        std::vector<std::jthread> threads;
        for (int t = 0; t < 4; ++t) {
            threads.emplace_back([&log, t] {
                for (int i = 0; i < 200; ++i) log.with({{"thread", t}}).info("line", {{"i", i}});
            });
        }
    }
    close(fd);
    std::ifstream in(path);
    const std::string text((std::istreambuf_iterator<char>(in)), {});
    CHECK(lines(text).size() == 800);
}
