#include <doctest/doctest.h>
#include <sys/resource.h>
#include <sys/stat.h>

#include <csignal>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>

#include "host/core/error.hpp"
#include "host/core/sha256.hpp"
#include "host/loader/plugin_cache.hpp"
#include "tests/support/temp_dir.hpp"
#include "tests/unit/loader/as_user.hpp"

using namespace tasker::host;
using namespace tasker::host::testing;
namespace fs = std::filesystem;

namespace {
PluginBytes bytes_of(const std::string& content) { return {content, to_hex(sha256(content))}; }

std::string content_of(const fs::path& path) {
    std::ifstream in(path, std::ios::binary);
    return {std::istreambuf_iterator<char>(in), {}};
}

mode_t mode_of(const fs::path& path) {
    struct stat facts {};
    REQUIRE(::stat(path.c_str(), &facts) == 0);
    return facts.st_mode & 0777U;
}

std::size_t files_in(const fs::path& folder) {
    return static_cast<std::size_t>(std::distance(fs::directory_iterator(folder), {}));
}
}  // namespace

TEST_CASE("a copy is named by its content, keeps its file name and is private") {
    const TempDir dir;
    const auto plugin = bytes_of("abc");
    REQUIRE(plugin.sha256 == "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
    const auto copy = store_plugin(dir / "state/cas", "/srv/plugins/foo.so", plugin);
    CHECK(copy == dir.path() / "state/cas/ba" / plugin.sha256 / "foo.so");
    CHECK(content_of(copy) == "abc");
    CHECK(mode_of(copy) == 0500);
    CHECK(mode_of(dir / "state/cas") == 0700);
    CHECK(mode_of(copy.parent_path()) == 0700);
    CHECK(files_in(copy.parent_path()) == 1);
}

TEST_CASE("an intact copy is used again, a damaged or opened-up one is replaced") {
    const TempDir dir;
    const auto plugin = bytes_of(std::string(1'000'000, 'p'));
    const auto copy = store_plugin(dir / "cas", "/p/foo.so", plugin);
    struct stat first {
    }, second{};
    REQUIRE(::stat(copy.c_str(), &first) == 0);
    REQUIRE(store_plugin(dir / "cas", "/p/foo.so", plugin) == copy);
    REQUIRE(::stat(copy.c_str(), &second) == 0);
    CHECK(first.st_ino == second.st_ino);

    REQUIRE(::chmod(copy.c_str(), 0700) == 0);
    {
        std::fstream damage(copy, std::ios::in | std::ios::out | std::ios::binary);
        damage.seekp(999'999);
        damage << 'q';
    }
    REQUIRE(::chmod(copy.c_str(), 0500) == 0);
    store_plugin(dir / "cas", "/p/foo.so", plugin);
    CHECK(content_of(copy) == plugin.content);
    REQUIRE(::chmod(copy.c_str(), 0777) == 0);
    store_plugin(dir / "cas", "/p/foo.so", plugin);
    CHECK(mode_of(copy) == 0500);
    fs::remove(copy);
    fs::create_symlink("/etc/passwd", copy);
    store_plugin(dir / "cas", "/p/foo.so", plugin);
    CHECK_FALSE(fs::is_symlink(copy));
    CHECK(content_of(copy) == plugin.content);
}

TEST_CASE("a cache folder that others can enter is made private") {
    const TempDir dir;
    fs::create_directory(dir / "cas");
    REQUIRE(::chmod((dir / "cas").c_str(), 0777) == 0);
    store_plugin(dir / "cas", "/p/foo.so", bytes_of("x"));
    CHECK(mode_of(dir / "cas") == 0700);
}

TEST_CASE("a cache that cannot be written is a clear error") {
    const TempDir dir;
    dir.write("file", "");
    CHECK_THROWS_AS(store_plugin(dir / "file", "/p/foo.so", bytes_of("x")), PluginError);
    REQUIRE(::chmod(dir.path().c_str(), 0755) == 0);
    if (geteuid() != 0) return;
    const auto text = as_nobody([&]() -> std::string {
        try {
            store_plugin(dir / "cas", "/p/foo.so", bytes_of("x"));
        } catch (const PluginError& error) {
            return std::string(error.what()) + "; " + error.hint();
        }
        return "(stored)";
    });
    CHECK_MESSAGE(
        text.find((dir / "cas").string() + ": Permission denied; the service user must be able to write") !=
            std::string::npos,
        text);
}

TEST_CASE("an ordinary user can read and run its own copy again") {
    const TempDir dir;
    REQUIRE(::chmod(dir.path().c_str(), 0777) == 0);
    const auto text = as_nobody([&]() -> std::string {
        const auto copy = store_plugin(dir / "cas", "/p/foo.so", bytes_of("x"));
        store_plugin(dir / "cas", "/p/foo.so", bytes_of("x"));
        return ::access(copy.c_str(), R_OK | X_OK) == 0 ? content_of(copy) : "(no access)";
    });
    CHECK(text == "x");
}

TEST_CASE("a disk that is full leaves no half copy behind") {
    const TempDir dir;
    REQUIRE(::chmod(dir.path().c_str(), 0777) == 0);
    const auto text = as_nobody([&]() -> std::string {
        // The limit on file sizes fails a write in its middle, as a full disk does.
        ::signal(SIGXFSZ, SIG_IGN);
        const rlimit limit{4096, 4096};
        ::setrlimit(RLIMIT_FSIZE, &limit);
        try {
            store_plugin(dir / "cas", "/p/foo.so", bytes_of(std::string(100'000, 'x')));
        } catch (const PluginError& error) {
            std::size_t left = 0;
            for (const auto& entry : fs::recursive_directory_iterator(dir / "cas"))
                left += entry.is_regular_file() ? 1 : 0;
            return std::string(error.what()) + " left " + std::to_string(left);
        }
        return "(stored)";
    });
    CHECK_MESSAGE(text.find("cannot write the plugin copy") != std::string::npos, text);
    CHECK_MESSAGE(text.ends_with("left 0"), text);
}

TEST_CASE("a file that shrinks while it is read is refused") {
    const TempDir dir;
    const auto path = dir.write("a.so", "0123456789");
    const TrustedFile file = open_trusted(path, false);
    fs::resize_file(path, 4);
    CHECK_THROWS_AS(read_plugin(file), PluginError);
}
