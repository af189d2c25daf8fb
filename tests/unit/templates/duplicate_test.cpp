#include <doctest/doctest.h>

#include "tests/support/temp_dir.hpp"
#include "tests/unit/templates/template_text.hpp"

using namespace tasker::host;
using namespace tasker::host::testing;

TEST_CASE("T04: two files with one id and different content: both are named and neither loads") {
    const TempDir dir;
    dir.write("a.yaml", minimal("same"));
    dir.write("b.yaml", minimal("same", "    timeout_seconds: 5\n"));
    dir.write("c.yaml", minimal("other"));
    const auto loaded = load_templates({dir.path()}, {});
    REQUIRE(loaded.diagnostics.size() == 1);
    const Diagnostic& found = loaded.diagnostics[0];
    CHECK(found.code == "DUPLICATE_TEMPLATE");
    CHECK(found.severity == Severity::Error);
    CHECK(found.file == (dir / "b.yaml").string());
    CHECK(found.line == 1);
    CHECK(found.message.find((dir / "a.yaml").string()) != std::string::npos);
    CHECK(loaded.failed == 2);
    REQUIRE(loaded.catalog.all().size() == 1);
    CHECK(loaded.catalog.all()[0]->name == "other");
}

TEST_CASE("of three files with one id each rival is told of all the others, also when two are alike") {
    const TempDir dir;
    dir.write("a.yaml", minimal("same"));
    dir.write("b.yaml", minimal("same", "    timeout_seconds: 5\n"));
    dir.write("c.yaml", minimal("same"));
    const auto loaded = load_templates({dir.path()}, {});
    REQUIRE(loaded.diagnostics.size() == 2);
    for (const Diagnostic& found : loaded.diagnostics) {
        for (const char* name : {"a.yaml", "b.yaml", "c.yaml"}) {
            const bool told = found.file == (dir / name).string() ||
                              found.message.find((dir / name).string()) != std::string::npos;
            CHECK_MESSAGE(told, found.str(), " lacks ", name);
        }
    }
    CHECK(loaded.failed == 3);
}

TEST_CASE("T04: two files that say the same in different words are a warning and load once") {
    const TempDir dir;
    dir.write("a.yaml", minimal("same"));
    dir.write("b.yaml",
              "# the same, written differently\n"
              "{version: '1.0.0', namespace_name: examples, name: same, description: a demo,\n"
              " steps: [{handler: {callable: demo.first, method: ~}, name: first, step_type: standard}]}\n");
    const auto loaded = load_templates({dir.path()}, {});
    REQUIRE(loaded.diagnostics.size() == 1);
    CHECK(loaded.diagnostics[0].code == "IDENTICAL_TEMPLATE");
    CHECK(loaded.diagnostics[0].severity == Severity::Warning);
    CHECK(loaded.failed == 0);
    REQUIRE(loaded.catalog.all().size() == 1);
    CHECK(loaded.catalog.all()[0]->source_path == (dir / "a.yaml").string());
}

TEST_CASE("of two files with one id the valid one loads when the other is broken") {
    const TempDir dir;
    dir.write("a.yaml", minimal("same", "    timeout_seconds: 0\n"));
    dir.write("b.yaml", minimal("same"));
    const auto loaded = load_templates({dir.path()}, {});
    CHECK(loaded.catalog.all().size() == 1);
    CHECK(with_code(loaded, "DUPLICATE_TEMPLATE") == nullptr);
}

TEST_CASE("versions and namespaces keep templates of one name apart") {
    const TempDir dir;
    dir.write("a.yaml", minimal("same"));
    std::string second = minimal("same");
    second.replace(second.find("1.0.0"), 5, "1.0.1");
    dir.write("b.yaml", second);
    const auto loaded = load_templates({dir.path()}, {});
    CHECK(loaded.diagnostics.empty());
    CHECK(loaded.catalog.named("same").size() == 2);
}
