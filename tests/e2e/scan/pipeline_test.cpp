// What a scan makes of a folder.
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <cstring>

#include "tests/e2e/scan/scanning.hpp"

using namespace tasker::host;
using namespace tasker::host::testing;

namespace {
const std::string kAbi = TASKER_BINARY_DIR "/tests/abi-plugins/";
const std::string kHostile = TASKER_BINARY_DIR "/tests/hostile-plugins/hostile_";

bool has(const std::string& text, const std::string& part) { return text.find(part) != std::string::npos; }
}  // namespace

TEST_CASE("a good plugin is probed once, copied, and known the next time") {
    Scanning it;
    it.add(kAbi + "good_c.so", "good.so");
    const ScanResult first = it.scan();
    CHECK(first.probed == 1);
    CHECK(first.warnings.empty());
    const ScannedFile& file = first.files.at(0);
    CHECK(file.report.state == "loaded");
    CHECK(file.report.id == "org.example.c");
    CHECK(file.report.handlers.at(0).callable == "fixture.c");
    CHECK(file.report.handlers.at(0).source == file.report.path.string());
    CHECK(bytes_of(file.copy) == bytes_of(kAbi + "good_c.so"));
    CHECK(has(file.copy.string(), file.report.hash));
    const ScanResult second = it.scan();
    CHECK(second.probed == 0);
    CHECK(second.remembered == 1);
    CHECK(second.files.at(0).report.handlers.at(0).callable == "fixture.c");
    CHECK(second.files.at(0).copy == file.copy);
    // A copy that somebody damaged is made again.
    fs::permissions(file.copy, fs::perms::owner_all);
    std::ofstream(file.copy, std::ios::binary) << "damaged";
    CHECK(bytes_of(it.scan().files.at(0).copy) == bytes_of(kAbi + "good_c.so"));
}

TEST_CASE("nothing of what a bad plugin was is left in the cache") {
    Scanning it;
    it.add(kHostile + "abort.so", "bad.so");
    const ScanResult result = it.scan();
    CHECK(result.files.at(0).report.state == "quarantined");
    CHECK(result.files.at(0).copy.empty());
    for (const auto& entry : fs::recursive_directory_iterator(it.options.cache_dir))
        CHECK_MESSAGE(!entry.is_regular_file(), entry.path());
}

TEST_CASE("one content is one plugin; two contents with one id or one callable are told") {
    Scanning it;
    it.add(kAbi + "good_c.so", "a.so");
    it.add(kAbi + "good_c.so", "b.so");
    it.add(kAbi + "good_c_next.so", "c.so");
    it.add(kAbi + "good_c_twin.so", "d.so");
    fs::create_hard_link(it.folder / "a.so", it.folder / "e.so");
    const ScanResult result = it.scan();
    CHECK(result.files.size() == 4);
    CHECK(it.of(result, "b.so").report.state == "copy");
    CHECK(it.of(result, "c.so").report.state == "rejected");
    CHECK(has(it.of(result, "c.so").report.reason, "a.so"));
    for (const char* name : {"a.so", "d.so"}) {
        CHECK(it.of(result, name).report.state == "duplicate");
        CHECK(it.of(result, name).usable());
        CHECK(it.of(result, name).report.handlers.empty());
    }
}

TEST_CASE("a file that changes under the scan is looked at again later") {
    Scanning it;
    it.add(kAbi + "good_c.so", "a.so");
    it.while_paused = [&] { std::ofstream(it.folder / "a.so", std::ios::app) << "more"; };
    const ScanResult result = it.scan();
    CHECK(it.pauses == 1);
    CHECK(result.settling == 1);
    CHECK(result.probed == 0);
    CHECK(result.files.at(0).report.state == "settling");
    it.while_paused = [] {};
    it.clock.later_ms = 60'000;
    // What is at rest for long is not waited for.
    CHECK(it.scan().files.at(0).report.state == "loaded");
    CHECK(it.pauses == 1);
}

TEST_CASE("half a file is perhaps being written, for thirty seconds") {
    Scanning it;
    it.options.settle_ms = 30'000;
    const std::string whole = bytes_of(kAbi + "good_c.so");
    it.dir.write("plugins/half.so", whole.substr(0, 2048));
    const ScanResult young = it.scan();
    CHECK(young.settling == 1);
    CHECK(has(young.files.at(0).report.reason, "perhaps still being written"));
    it.clock.later_ms = 31'000;
    const ScanResult old = it.scan();
    CHECK(old.settling == 0);
    CHECK(old.files.at(0).report.state == "rejected");
    CHECK(has(old.files.at(0).report.reason, "truncated"));
}

TEST_CASE("what is no file, or not to be trusted, is refused without being read") {
    Scanning it;
    fs::create_directory(it.folder / "folder.so");
    REQUIRE(::mkfifo((it.folder / "fifo.so").c_str(), 0600) == 0);
    fs::create_symlink("/dev/zero", it.folder / "zero.so");
    fs::create_symlink("nowhere", it.folder / "nowhere.so");
    it.dir.write("plugins/empty.so", "");
    it.dir.write("plugins/text.so", "hello");
    it.dir.write("plugins/one.so", "\x7f");
    it.dir.write("plugins/large.so", "");
    fs::resize_file(it.folder / "large.so", std::uintmax_t{300} << 20U);
    it.add(kAbi + "good_c.so", "open.so");
    fs::permissions(it.folder / "open.so", fs::perms::others_write, fs::perm_options::add);
    it.dir.write("plugins/.hidden.so", "x");
    it.dir.write("plugins/a.so.part", "x");
    const int fd = ::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    const std::string name = (it.folder / "socket.so").string();
    REQUIRE(name.size() < sizeof address.sun_path);
    std::memcpy(address.sun_path, name.c_str(), name.size() + 1);
    REQUIRE(::bind(fd, reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0);
    ::close(fd);
    const ScanResult result = it.scan();
    CHECK(result.files.size() == 10);
    CHECK(result.probed == 0);
    for (const ScannedFile& file : result.files) {
        CHECK_MESSAGE(file.report.state == "rejected", file.report.path);
        CHECK_FALSE(file.report.reason.empty());
    }
}

TEST_CASE("without time, without a probe and without a place for verdicts a scan still ends, and says so") {
    Scanning it;
    it.add(kAbi + "good_c.so", "a.so");
    it.options.probe.budget_ms = 0;
    const ScanResult late = it.scan();
    CHECK(late.files.at(0).report.state == "unknown");
    CHECK_FALSE(late.files.at(0).usable());
    it.options.probe.budget_ms = 100'000;
    const fs::path probe = it.options.probe.program;
    it.options.probe.program = "/no/such/probe";
    CHECK(has(it.scan().files.at(0).report.reason, "/no/such/probe"));
    it.options.probe.program = probe;
    it.options.verdict_file = "/proc/no/verdicts.json";
    const ScanResult unsaved = it.scan();
    CHECK(unsaved.files.at(0).report.state == "loaded");
    REQUIRE(unsaved.warnings.size() == 1);
    CHECK(has(unsaved.warnings.at(0), "not kept"));
    it.options.cache_dir = "/proc/no/cache";
    CHECK(has(it.scan().files.at(0).report.reason, "/proc/no"));
}

TEST_CASE("bad plugins do not keep the good ones from loading, and none is tried again") {
    Scanning it;
    for (const char* name : {"abort.so", "exit_0.so", "good.so", "fake_report.so"})
        it.add(kHostile + name, name);
    const ScanResult first = it.scan();
    CHECK(first.probed == 4);
    CHECK(it.of(first, "good.so").report.state == "loaded");
    // What is known has no deadline to meet.
    it.options.probe.deadline_ms = 100;
    it.add(kHostile + "loop.so", "loop.so");
    const ScanResult second = it.scan();
    CHECK(second.probed == 1);
    CHECK(it.of(second, "good.so").report.state == "loaded");
    CHECK(it.of(second, "loop.so").verdict == "hung");
    const ScanResult third = it.scan();
    CHECK(third.probed == 0);
    CHECK(third.remembered == 5);
    CHECK(it.of(third, "loop.so").report.state == "quarantined");
}

TEST_CASE("a folder with too many files is looked at as far as that goes") {
    Scanning it;
    for (int i = 0; i < 20; ++i) it.dir.write("plugins/" + std::to_string(i) + ".so", "text");
    const PluginFiles files = find_plugin_files({it.folder, it.dir / "none"}, 10);
    CHECK(files.paths.size() == 10);
    REQUIRE(files.faults.size() == 2);
    CHECK(has(files.faults[0].reason, "more than 10"));
    const ScanResult result = scan_plugins(files, it.options, it.clock, it.random, [](std::int64_t) {});
    CHECK(result.files.size() == 10);
    CHECK(result.warnings.size() == 2);
}
