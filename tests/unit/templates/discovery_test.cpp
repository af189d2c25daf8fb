#include <doctest/doctest.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include <filesystem>

#include "tests/support/temp_dir.hpp"
#include "tests/unit/templates/template_text.hpp"

using namespace tasker::host;
using namespace tasker::host::testing;
namespace fs = std::filesystem;

namespace {

std::vector<std::string> names(const LoadedTemplates& loaded) {
    std::vector<std::string> out;
    for (const auto& entry : loaded.catalog.all()) out.push_back(entry->name);
    return out;
}
using Names = std::vector<std::string>;

const Diagnostic* about(const LoadedTemplates& loaded, const fs::path& file) {
    for (const Diagnostic& entry : loaded.diagnostics) {
        if (entry.file == file.string()) return &entry;
    }
    return nullptr;
}

// Root reads everything: the permission cases act as nobody.
class AsNobody {
  public:
    AsNobody() : active_(geteuid() == 0 && seteuid(65534) == 0) {}
    ~AsNobody() {
        if (active_ && seteuid(0) != 0) std::abort();
    }
    AsNobody(const AsNobody&) = delete;
    AsNobody& operator=(const AsNobody&) = delete;

  private:
    bool active_;
};

}  // namespace

TEST_CASE("T02: folders are walked recursively, in any case of the extension, hidden ones left out") {
    const TempDir dir;
    dir.write("b.yaml", minimal("b"));
    dir.write("a.YML", minimal("a"));
    dir.write("deep/er/c.Yaml", minimal("c"));
    dir.write("notes.txt", "x");
    dir.write("d.yaml.backup", "x");
    dir.write(".hidden.yaml", "x");
    dir.write(".git/e.yaml", "x");
    const auto loaded = load_templates({dir.path()}, {});
    CHECK(all_text(loaded.diagnostics) == "");
    CHECK(names(loaded) == Names{"a", "b", "c"});
    CHECK(loaded.files == 3);
    CHECK(loaded.catalog.all()[0]->source_path == (dir / "a.YML").string());
}

TEST_CASE("a root may be a file, and overlapping roots give each file once") {
    const TempDir dir;
    const fs::path file = dir.write("x.tmpl", minimal("single"));
    dir.write("a.yaml", minimal("a"));
    const auto loaded = load_templates({file, dir.path(), dir / "a.yaml", dir.path()}, {});
    CHECK(all_text(loaded.diagnostics) == "");
    CHECK(names(loaded) == Names{"a", "single"});
    CHECK(loaded.files == 2);
}

TEST_CASE("T01: a missing root is an error that names it, and the others load") {
    const TempDir dir;
    dir.write("ok/a.yaml", minimal("a"));
    const auto loaded = load_templates({dir / "absent", dir / "ok"}, {});
    CHECK(names(loaded) == Names{"a"});
    REQUIRE(loaded.diagnostics.size() == 1);
    CHECK(loaded.has_errors());
    CHECK(loaded.diagnostics[0].code == "NOT_FOUND");
    CHECK(loaded.diagnostics[0].message.find((dir / "absent").string()) != std::string::npos);
}

TEST_CASE("T03: one bad file does not stop the others") {
    const TempDir dir;
    dir.write("a.yaml", minimal("a"));
    dir.write("b.yaml", "steps: [\n");
    dir.write("c.yaml", "");
    const auto loaded = load_templates({dir.path()}, {});
    CHECK(names(loaded) == Names{"a"});
    CHECK(loaded.files == 3);
    CHECK(loaded.failed == 2);
    REQUIRE(about(loaded, dir / "c.yaml") != nullptr);
    CHECK(about(loaded, dir / "c.yaml")->message.find("empty template") != std::string::npos);
}

TEST_CASE("what is no regular file is skipped with the reason and never opened") {
    const TempDir dir;
    dir.write("a.yaml", minimal("a"));
    REQUIRE(mkfifo((dir / "fifo.yaml").c_str(), 0600) == 0);
    fs::create_directories(dir / "folder.yaml");
    dir.write("folder.yaml/inside.yaml", minimal("inside"));
    fs::create_symlink("/dev/zero", dir / "device.yaml");
    fs::create_symlink("nowhere", dir / "dangling.yaml");
    const auto loaded = load_templates({dir.path()}, {});
    CHECK(names(loaded) == Names{"a"});
    CHECK_FALSE(loaded.has_errors());
    CHECK(loaded.diagnostics.size() == 4);
    const auto words = [&](const char* name) {
        const Diagnostic* found = about(loaded, dir / name);
        return found == nullptr ? std::string{} : found->message;
    };
    CHECK(words("fifo.yaml") == "skipped: it is a FIFO, not a regular file");
    CHECK(words("folder.yaml") == "skipped: it is a folder, not a regular file");
    CHECK(words("device.yaml") == "skipped: the symlink leads out of the folder, to /dev/zero");
    CHECK(words("dangling.yaml").find("leads nowhere") != std::string::npos);
}

TEST_CASE("a device and a FIFO given as roots are refused at once") {
    const TempDir dir;
    REQUIRE(mkfifo((dir / "fifo").c_str(), 0600) == 0);
    const auto loaded = load_templates({"/dev/zero", dir / "fifo"}, {});
    CHECK(loaded.diagnostics.size() == 2);
    // By path, and where the FIFO lies is not said here.
    for (const Diagnostic& one : loaded.diagnostics) {
        const char* what = one.file == "/dev/zero" ? "device" : "FIFO";
        CHECK(one.message == "the template path is a " + std::string(what) + ", not a folder or a file");
    }
}

TEST_CASE("T02: symlinks stay inside of the root, loops end, and a linked file loads once") {
    const TempDir dir, outside;
    outside.write("secret.yaml", minimal("secret"));
    dir.write("real/a.yaml", minimal("a"));
    // What a mounted configuration map looks like: links through a hidden folder.
    dir.write(".data/b.yaml", minimal("b"));
    fs::create_symlink(".data/b.yaml", dir / "b.yaml");
    fs::create_symlink("real/a.yaml", dir / "again.yaml");
    fs::create_directory_symlink(dir.path(), dir / "real/loop");
    fs::create_directory_symlink("self", dir / "self");
    fs::create_symlink(outside / "secret.yaml", dir / "out.yaml");
    fs::create_directory_symlink(outside.path(), dir / "outer");
    const auto loaded = load_templates({dir.path()}, {});
    CHECK(names(loaded) == Names{"a", "b"});
    CHECK(loaded.files == 2);
    REQUIRE(about(loaded, dir / "out.yaml") != nullptr);
    CHECK(about(loaded, dir / "out.yaml")->code == "SKIPPED");
    REQUIRE(about(loaded, dir / "outer") != nullptr);
    CHECK(about(loaded, dir / "outer")->message.find("leads out of the folder") != std::string::npos);
}

TEST_CASE("a root that is a symlink is followed") {
    const TempDir dir;
    dir.write("real/a.yaml", minimal("a"));
    fs::create_directory_symlink("real", dir / "link");
    const auto loaded = load_templates({dir / "link"}, {});
    CHECK(names(loaded) == Names{"a"});
    CHECK(loaded.diagnostics.empty());
}

TEST_CASE("an unreadable file or folder is named and the others load") {
    const TempDir dir;
    fs::permissions(dir.path(), fs::perms(0755));
    dir.write("a.yaml", minimal("a"));
    dir.write("closed.yaml", minimal("closed"));
    dir.write("shut/x.yaml", minimal("x"));
    fs::permissions(dir / "closed.yaml", fs::perms::none);
    fs::permissions(dir / "shut", fs::perms::none);
    LoadedTemplates loaded;
    {
        const AsNobody nobody;
        loaded = load_templates({dir.path()}, {});
    }
    fs::permissions(dir / "shut", fs::perms(0755));
    CHECK(names(loaded) == Names{"a"});
    REQUIRE(about(loaded, dir / "closed.yaml") != nullptr);
    CHECK(about(loaded, dir / "closed.yaml")->message.starts_with("permission denied"));
    REQUIRE(about(loaded, dir / "shut") != nullptr);
    CHECK(about(loaded, dir / "shut")->message.starts_with("permission denied"));
    CHECK(loaded.failed == 1);
}

TEST_CASE("a file of 2 MiB is named and not parsed") {
    const TempDir dir;
    dir.write("big.yaml", std::string(2U << 20U, '['));
    const auto loaded = load_templates({dir.path()}, {});
    REQUIRE(loaded.diagnostics.size() == 1);
    CHECK(loaded.diagnostics[0].str() ==
          (dir / "big.yaml").string() +
              ": error: larger than 1 MiB, not read; split the template [TOO_LARGE]");
}

// The promise of five seconds is for the release build on a machine of its own; the bound here only catches a
// loader that became quadratic. The slow builds load fewer.
#if defined(NDEBUG) && !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__)
constexpr int kManyTemplates = 10'000;
#else
constexpr int kManyTemplates = 1'000;
#endif

TEST_CASE("10,000 templates load in a time that grows with their number") {
    const TempDir dir;
    for (int i = 0; i < kManyTemplates; ++i) {
        const std::string name = "t" + std::to_string(i);
        dir.write(name + ".yaml",
                  minimal(name,
                          "    retry: {max_attempts: 5, backoff_base_ms: 100}\n"
                          "  - name: second\n"
                          "    handler: {callable: demo.second, initialization: {a: 1, b: [x, y]}}\n"
                          "    dependencies: [first]\n"));
    }
    timespec before{}, after{};
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &before);
    const auto loaded = load_templates({dir.path()}, {});
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &after);
    CHECK(loaded.catalog.all().size() == kManyTemplates);
    CHECK(loaded.diagnostics.empty());
    CHECK(after.tv_sec - before.tv_sec < 30);
}
