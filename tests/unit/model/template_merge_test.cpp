#include "host/model/template_merge.hpp"

#include <doctest/doctest.h>

using namespace tasker::host;

namespace {
TaskTemplate made(const std::string& name, const std::string& file, const std::string& content = "1") {
    TaskTemplate out;
    out.namespace_name = "n";
    out.name = name;
    out.version = "1.0.0";
    out.definition_json = content;
    out.source_path = file;
    return out;
}
using Names = std::vector<std::string>;

TemplateChanges merged(std::vector<TaskTemplate> old, std::vector<TaskTemplate> fresh,
                       const Names& gone = {}) {
    return merged_templates(TemplateCatalog(std::move(old)), TemplateCatalog(std::move(fresh)),
                            [&](const std::filesystem::path& path) {
                                return std::find(gone.begin(), gone.end(), path.string()) != gone.end();
                            });
}
}  // namespace

TEST_CASE("reload: what is new or says something else is used") {
    const auto out = merged({made("a", "a.yaml"), made("b", "b.yaml")},
                            {made("a", "a.yaml"), made("b", "b.yaml", "2"), made("c", "c.yaml")});
    CHECK(out.added == Names{"n/c/1.0.0"});
    CHECK(out.changed == Names{"n/b/1.0.0"});
    CHECK(out.removed.empty());
    CHECK(out.kept.empty());
    CHECK(out.catalog.all().size() == 3);
    CHECK(out.catalog.find("n", "b", "1.0.0")->definition_json == "2");
}

TEST_CASE("reload: a file that is there and gives nothing keeps its old definition") {
    const auto out = merged({made("a", "a.yaml"), made("b", "b.yaml")}, {made("a", "a.yaml")});
    CHECK(out.kept == Names{"n/b/1.0.0"});
    CHECK(out.removed.empty());
    CHECK(out.catalog.find("n", "b", "1.0.0")->definition_json == "1");
}

TEST_CASE("reload: a file that is gone, or says another id now, takes its template along") {
    const auto gone = merged({made("a", "a.yaml")}, {}, {"a.yaml"});
    CHECK(gone.removed == Names{"n/a/1.0.0"});
    CHECK(gone.catalog.all().empty());
    const auto renamed = merged({made("a", "a.yaml")}, {made("b", "a.yaml")});
    CHECK(renamed.removed == Names{"n/a/1.0.0"});
    CHECK(renamed.added == Names{"n/b/1.0.0"});
    CHECK(renamed.catalog.all().size() == 1);
    // Moved to another file, it is the same one.
    const auto moved = merged({made("a", "a.yaml")}, {made("a", "sub/a.yaml")}, {"a.yaml"});
    CHECK(moved.catalog.all().size() == 1);
    CHECK(moved.removed.empty());
}

TEST_CASE("reload: two files that now claim one id leave the old definition in use") {
    CHECK(merged({made("a", "a.yaml")}, {}).kept == Names{"n/a/1.0.0"});
}

TEST_CASE("reload: a template that came from no file stays") {
    CHECK(merged({made("a", "")}, {}, {""}).kept == Names{"n/a/1.0.0"});
}
