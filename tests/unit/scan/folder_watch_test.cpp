#include <doctest/doctest.h>
#include <poll.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <fstream>
#include <memory>

#include "host/scan/debounce.hpp"
#include "host/scan/folder_watch.hpp"
#include "tests/support/manual_clock.hpp"
#include "tests/support/temp_dir.hpp"

using namespace tasker::host;
using namespace tasker::host::testing;
namespace fs = std::filesystem;

namespace {
struct Watching {
    TempDir dir;
    ManualClock clock;
    fs::path folder = dir / "plugins";
    std::unique_ptr<FolderWatch> watch;

    explicit Watching(int depth = 1) {
        fs::create_directory(folder);
        watch = std::make_unique<FolderWatch>(std::vector<WatchedFolder>{{folder, {".so"}, depth}}, clock);
    }
    // The kernel queues an event before the call that caused it returns.
    bool signalled() const {
        pollfd wanted{watch->fd(), POLLIN, 0};
        return ::poll(&wanted, 1, 0) == 1;
    }
    bool told_after(std::int64_t ms) {
        clock.advance(ms);
        return watch->turn();
    }
    void write(const std::string& name, const std::string& content = "x") {
        dir.write("plugins/" + name, content);
    }
};
}  // namespace

TEST_CASE("debounce: quiet for long enough, or after the longest wait") {
    Debounce debounce(500, 5000);
    CHECK(debounce.due_ms() == kNever);
    debounce.event(1000);
    CHECK(debounce.due_ms() == 1500);
    debounce.event(1400);
    CHECK(debounce.due_ms() == 1900);
    for (std::int64_t now = 1400; now <= 5900; now += 100) debounce.event(now);
    CHECK(debounce.due_ms() == 6000);
    debounce.clear();
    CHECK_FALSE(debounce.pending());
    CHECK(debounce.due_ms() == kNever);
}

TEST_CASE("what is there at first is no change; a new file is one, after the quiet time, once") {
    Watching it;
    CHECK_FALSE(it.watch->turn());
    it.write("a.so");
    CHECK(it.signalled());
    CHECK_FALSE(it.watch->turn());
    CHECK(it.watch->due_ms() == it.clock.steady_ms() + 500);
    CHECK_FALSE(it.told_after(499));
    CHECK(it.told_after(1));
    CHECK_FALSE(it.told_after(1000));
}

TEST_CASE("while files are being written nothing is told, but not for ever") {
    Watching it;
    std::int64_t waited = 0;
    bool told = false;
    for (; waited < 20'000 && !told; waited += 400) {
        it.write("a.so", std::string(static_cast<std::size_t>(waited) + 1, 'x'));
        told = it.told_after(400);
    }
    CHECK(told);
    CHECK(waited >= 5000);
    CHECK(waited <= 5600);
}

TEST_CASE("moved in, moved away, deleted, and made readable are changes") {
    Watching it;
    it.dir.write("elsewhere.so", "x");
    const auto change = [&](const char* what, const auto& act) {
        act();
        CHECK_FALSE_MESSAGE(it.watch->turn(), what);
        CHECK_MESSAGE(it.told_after(500), what);
    };
    change("moved in", [&] { fs::rename(it.dir / "elsewhere.so", it.folder / "a.so"); });
    change("replaced", [&] {
        it.dir.write("other.so", "y");
        fs::rename(it.dir / "other.so", it.folder / "a.so");
    });
    change("mode", [&] { ::chmod((it.folder / "a.so").c_str(), 0600); });
    change("moved away", [&] { fs::rename(it.folder / "a.so", it.dir / "b.so"); });
    it.write("c.so");
    CHECK_FALSE(it.watch->turn());
    CHECK(it.told_after(500));
    change("deleted", [&] { fs::remove(it.folder / "c.so"); });
}

TEST_CASE("other files, files in the making and a change that was taken back are nothing") {
    Watching it;
    for (const char* name : {"readme.txt", ".a.so", "a.so.tmp", "a.so.part", "a.so~", ".so"}) it.write(name);
    CHECK_FALSE(it.watch->turn());
    CHECK(it.watch->due_ms() > it.clock.steady_ms() + 500);
    CHECK_FALSE(it.told_after(10'000));
    // Opened for writing and not closed: perhaps it is being written.
    std::ofstream open(it.folder / "b.so");
    CHECK_FALSE(it.watch->turn());
    CHECK_FALSE(it.told_after(600));
    open.close();
    CHECK_FALSE(it.watch->turn());
    CHECK(it.told_after(500));
    it.write("c.so");
    fs::remove(it.folder / "c.so");
    CHECK_FALSE(it.watch->turn());
    CHECK_FALSE(it.told_after(500));
}

TEST_CASE("a folder that is replaced, removed or made later is watched again") {
    Watching it;
    it.write("a.so");
    CHECK_FALSE(it.watch->turn());
    CHECK(it.told_after(500));
    fs::rename(it.folder, it.dir / "old");
    fs::create_directory(it.folder);
    it.write("b.so");
    CHECK_FALSE(it.watch->turn());
    CHECK(it.told_after(500));
    // The new one is heard at once, the old one no more.
    it.write("c.so");
    CHECK(it.signalled());
    CHECK_FALSE(it.watch->turn());
    CHECK(it.told_after(500));
    it.dir.write("old/d.so", "x");
    CHECK_FALSE(it.signalled());
    fs::remove_all(it.folder);
    CHECK_FALSE(it.watch->turn());
    CHECK(it.told_after(500));
    // Of a folder that is not there nothing is heard: it is looked for.
    fs::create_directory(it.folder);
    it.write("e.so");
    CHECK_FALSE(it.signalled());
    CHECK(it.watch->due_ms() <= it.clock.steady_ms() + 2000);
    CHECK_FALSE(it.told_after(2000));
    CHECK(it.told_after(500));
    CHECK_FALSE(it.told_after(2000));
}

TEST_CASE("a symlink that leads elsewhere is noticed") {
    const TempDir dir;
    ManualClock clock;
    dir.write("one/a.so", "1");
    dir.write("two/a.so", "22");
    fs::create_symlink(dir / "one", dir / "current");
    FolderWatch watch({{dir / "current", {".so"}}}, clock);
    fs::create_symlink(dir / "two", dir / "next");
    fs::rename(dir / "next", dir / "current");
    clock.advance(2000);
    CHECK_FALSE(watch.turn());
    clock.advance(500);
    CHECK(watch.turn());
}

TEST_CASE("what was not heard is found by looking, every minute") {
    Watching it;
    it.write("a.so");
    // As after an overflow or on a network disk: the event is lost.
    std::array<char, 4096> lost;
    CHECK(::read(it.watch->fd(), lost.data(), lost.size()) > 0);
    CHECK_FALSE(it.told_after(59'999));
    CHECK(it.told_after(1));
}

TEST_CASE("an overflow of the kernel's queue is a reason to look") {
    Watching it;
    // More events than are queued, by files that do not count: only the overflow remains to be heard.
    std::ifstream limit_file("/proc/sys/fs/inotify/max_queued_events");
    std::size_t limit = 16'384;
    limit_file >> limit;
    if (limit > 100'000) return;
    it.write("x.txt");
    it.write("y.txt");
    // Two events of different files in turn, so that none is merged with the one before.
    for (std::size_t i = 0; i < limit + 16; ++i)
        ::chmod((it.folder / (i % 2 == 0 ? "x.txt" : "y.txt")).c_str(), 0600);
    it.write("a.so");
    bool due = false;
    for (int round = 0; round < 100 && !due; ++round) {
        CHECK_FALSE(it.watch->turn());
        due = it.watch->due_ms() <= it.clock.steady_ms() + 500;
    }
    CHECK(due);
    CHECK(it.told_after(500));
}

TEST_CASE("folders below are watched when that is asked for") {
    Watching deep(2);
    fs::create_directory(deep.folder / "more");
    CHECK_FALSE(deep.watch->turn());
    CHECK_FALSE(deep.told_after(500));  // nothing in it yet
    deep.write("more/a.so");
    CHECK(deep.signalled());
    CHECK_FALSE(deep.watch->turn());
    CHECK(deep.told_after(500));
    Watching flat;
    fs::create_directory(flat.folder / "more");
    flat.write("more/a.so");
    CHECK_FALSE(flat.watch->turn());
    CHECK_FALSE(flat.told_after(60'000));
}

TEST_CASE("what was found unfinished is told once more") {
    Watching it;
    it.watch->look_again();
    CHECK_FALSE(it.told_after(499));
    CHECK(it.told_after(1));
    CHECK_FALSE(it.told_after(60'000));
    CHECK(it.watch->faults().empty());
}
