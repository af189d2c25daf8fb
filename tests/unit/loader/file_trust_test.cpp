#include <doctest/doctest.h>
#include <fcntl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>

#include <filesystem>
#include <string>

#include "host/core/error.hpp"
#include "host/loader/file_trust.hpp"
#include "tests/support/temp_dir.hpp"
#include "tests/unit/loader/as_user.hpp"

using namespace tasker::host;
using namespace tasker::host::testing;
namespace fs = std::filesystem;

namespace {
std::string refusal(const fs::path& file) {
    try {
        open_trusted(file, false);
    } catch (const PluginError& error) {
        return error.what();
    }
    return "(trusted)";
}

void mode(const fs::path& path, mode_t bits) { REQUIRE(::chmod(path.c_str(), bits) == 0); }

// root/plugins/a.so, everything private to the service user.
struct Tree {
    TempDir dir;
    fs::path folder = dir / "plugins";
    fs::path file = dir.write("plugins/a.so", "content");
    Tree() {
        mode(folder, 0755);
        mode(file, 0644);
    }
};

#define CHECK_SAYS(text, part) CHECK_MESSAGE((text).find(part) != std::string::npos, (text))
}  // namespace

TEST_CASE("a private plugin file is opened and identified") {
    const Tree tree;
    const TrustedFile file = open_trusted(tree.file, false);
    CHECK(file.fd);
    CHECK(file.bytes == 7);
    CHECK(file.real_path == fs::canonical(tree.file));
    CHECK(file.warnings.empty());
}

TEST_CASE("a world-writable plugin file is refused with its mode and the cure") {
    const Tree tree;
    mode(tree.file, 0646);
    const auto text = refusal(tree.file);
    CHECK_SAYS(text, tree.file.string());
    CHECK_SAYS(text, "world-writable");
    CHECK_SAYS(text, "writable by others");
    CHECK_SAYS(text, "0646");
    CHECK_SAYS(text, "chmod o-w " + tree.file.string());
}

TEST_CASE("a world-writable folder is refused, sticky or not") {
    const Tree tree;
    for (const mode_t bits : {mode_t{0777}, mode_t{01777}}) {
        mode(tree.folder, bits);
        const auto text = refusal(tree.file);
        CHECK_SAYS(text, "folder " + tree.folder.string() + " is world-writable");
        CHECK_SAYS(text, "chmod o-w " + tree.folder.string());
    }
}

TEST_CASE("a world-writable ancestor is refused unless it is sticky") {
    const Tree tree;
    mode(tree.dir.path(), 0777);
    CHECK_SAYS(refusal(tree.file), "folder " + tree.dir.path().string() + " is world-writable");
    mode(tree.dir.path(), 01777);
    CHECK(refusal(tree.file) == "(trusted)");
}

TEST_CASE("a group may write only when it is the owner's own") {
    const Tree tree;
    mode(tree.file, 0664);
    if (geteuid() == 0) {
        REQUIRE(::chown(tree.file.c_str(), 0, 0) == 0);
        CHECK(refusal(tree.file) == "(trusted)");
        REQUIRE(::chown(tree.file.c_str(), 0, kNobody) == 0);
    } else {
        return;
    }
    const auto text = refusal(tree.file);
    CHECK_SAYS(text, "writable by group 65534");
    CHECK_SAYS(text, "chmod g-w " + tree.file.string());
}

TEST_CASE("a group that is another account's primary one as well is not the owner's own") {
    struct Fake final : Accounts {
        std::optional<Account> find(uid_t user) const override {
            if (user != geteuid()) return std::nullopt;
            return Account{"owner", getegid()};
        }
        std::optional<std::vector<std::string>> members(gid_t) const override { return listed; }
        std::optional<std::vector<std::string>> primary_members(gid_t) const override { return primary; }
        std::optional<std::vector<std::string>> listed = std::vector<std::string>{};
        std::optional<std::vector<std::string>> primary = std::vector<std::string>{"owner"};
    };
    const Tree tree;
    mode(tree.file, 0664);
    REQUIRE(::chown(tree.file.c_str(), geteuid(), getegid()) == 0);
    Fake accounts;
    CHECK_NOTHROW(open_trusted(tree.file, false, accounts));
    accounts.primary = std::vector<std::string>{"owner", "another"};
    CHECK_THROWS_AS(open_trusted(tree.file, false, accounts), PluginError);
    accounts.primary = std::nullopt;  // too many accounts to look at
    CHECK_THROWS_AS(open_trusted(tree.file, false, accounts), PluginError);
    accounts.primary = std::vector<std::string>{"owner"};
    accounts.listed = std::vector<std::string>{"another"};
    CHECK_THROWS_AS(open_trusted(tree.file, false, accounts), PluginError);
}

TEST_CASE("the system's accounts are walked through to their end") {
    const auto self = system_accounts().find(geteuid());
    if (!self) return;
    const auto names = system_accounts().primary_members(self->group);
    REQUIRE(names.has_value());
    CHECK(std::find(names->begin(), names->end(), self->name) != names->end());
}

TEST_CASE("a setuid plugin file is refused") {
    const Tree tree;
    mode(tree.file, 04755);
    CHECK_SAYS(refusal(tree.file), "chmod ug-s " + tree.file.string());
}

TEST_CASE("relaxed checks turn faults into warnings") {
    const Tree tree;
    mode(tree.file, 0666);
    mode(tree.folder, 0777);
    const TrustedFile file = open_trusted(tree.file, true);
    REQUIRE(file.warnings.size() >= 2);
    CHECK_SAYS(file.warnings[0], "relaxed");
    CHECK_SAYS(file.warnings[0], "world-writable");
}

TEST_CASE("all faults of a file are told at once") {
    const Tree tree;
    mode(tree.file, 0666);
    mode(tree.folder, 0777);
    const auto text = refusal(tree.file);
    CHECK_SAYS(text, "chmod o-w " + tree.file.string());
    CHECK_SAYS(text, "chmod o-w " + tree.folder.string());
}

TEST_CASE("a symlink is resolved and its target checked") {
    const Tree tree;
    TempDir elsewhere;
    const auto target = elsewhere.write("real.so", "content");
    const auto link = tree.folder / "link.so";
    fs::create_symlink(target, link);
    CHECK(open_trusted(link, false).real_path == fs::canonical(target));
    mode(target, 0666);
    CHECK_SAYS(refusal(link), target.string() + " is world-writable");
    mode(target, 0644);
    mode(elsewhere.path(), 0777);
    CHECK_SAYS(refusal(link), elsewhere.path().string() + " is world-writable");
    mode(elsewhere.path(), 0700);
    mode(tree.folder, 0777);
    CHECK_SAYS(refusal(link), tree.folder.string() + " is world-writable");
}

TEST_CASE("a symlink to nothing and a missing file are named") {
    const Tree tree;
    fs::create_symlink("/nowhere/at/all.so", tree.folder / "dead.so");
    CHECK_SAYS(refusal(tree.folder / "dead.so"), "symlink to nothing");
    CHECK_SAYS(refusal(tree.folder / "none.so"), "No such file");
}

TEST_CASE("what is no regular file is refused without being read") {
    const Tree tree;
    fs::create_directory(tree.folder / "dir.so");
    CHECK_SAYS(refusal(tree.folder / "dir.so"), "a directory");
    REQUIRE(::mkfifo((tree.folder / "fifo.so").c_str(), 0600) == 0);
    CHECK_SAYS(refusal(tree.folder / "fifo.so"), "a FIFO");
    fs::create_symlink("/dev/zero", tree.folder / "zero.so");
    CHECK_SAYS(refusal(tree.folder / "zero.so"), "a device");
    const int fd = ::socket(AF_UNIX, SOCK_STREAM, 0);
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    const fs::path path = tree.folder / "s.so";
    path.native().copy(address.sun_path, sizeof address.sun_path - 1);
    REQUIRE(::bind(fd, reinterpret_cast<sockaddr*>(&address), sizeof address) == 0);
    CHECK_SAYS(refusal(path), "a socket");
    ::close(fd);
}

TEST_CASE("an empty and an oversized file are refused, also with relaxed checks") {
    const Tree tree;
    tree.dir.write("plugins/empty.so", "");
    CHECK_SAYS(refusal(tree.folder / "empty.so"), "not an ELF shared object");
    const auto large = tree.dir.write("plugins/large.so", "x");
    fs::resize_file(large, kMaxPluginBytes + 1);
    CHECK_SAYS(refusal(large), "268435456");
    CHECK_THROWS_AS(open_trusted(large, true), PluginError);
}

TEST_CASE("an ordinary user may use files of root and its own, and nobody else's") {
    if (geteuid() != 0) return;
    const Tree tree;
    mode(tree.dir.path(), 0755);
    CHECK(as_nobody([&] { return refusal(tree.file); }) == "(trusted)");

    REQUIRE(::chown(tree.file.c_str(), kNobody, kNobody) == 0);
    CHECK(as_nobody([&] { return refusal(tree.file); }) == "(trusted)");
    // The group of nobody is the primary one of other accounts, too.
    mode(tree.file, 0664);
    const auto others = system_accounts().primary_members(kNobody);
    if (others && others->size() > 1) {
        CHECK_SAYS(as_nobody([&] { return refusal(tree.file); }), "not its owner's own group");
    }

    REQUIRE(::chown(tree.file.c_str(), 12345, 12345) == 0);
    const auto foreign = as_nobody([&] { return refusal(tree.file); });
    CHECK_SAYS(foreign, "owned by 12345");
    CHECK_SAYS(foreign, "chown nobody " + tree.file.string());
    CHECK_SAYS(refusal(tree.file), "neither root nor the service user root");
}

TEST_CASE("a folder or ancestor of a stranger is refused") {
    if (geteuid() != 0) return;
    const Tree tree;
    REQUIRE(::chown(tree.folder.c_str(), 12345, 12345) == 0);
    CHECK_SAYS(refusal(tree.file), "folder " + tree.folder.string() + " is owned by 12345");
    REQUIRE(::chown(tree.folder.c_str(), 0, 0) == 0);
    REQUIRE(::chown(tree.dir.path().c_str(), 12345, 12345) == 0);
    CHECK_SAYS(refusal(tree.file), "folder " + tree.dir.path().string() + " is owned by 12345");
}

TEST_CASE("a file that the service user cannot read is refused with the cure") {
    if (geteuid() != 0) return;
    const Tree tree;
    mode(tree.dir.path(), 0755);
    mode(tree.file, 0600);
    const auto text = as_nobody([&] { return refusal(tree.file); });
    CHECK_SAYS(text, "Permission denied");
    CHECK_SAYS(text, tree.file.string());
}
