#include "host/model/template_merge.hpp"

#include <set>
#include <utility>

namespace tasker::host {

namespace {
void add_kept(const TemplateCatalog& old, const TemplateCatalog& fresh,
              const std::function<bool(const std::filesystem::path&)>& gone, TemplateChanges& out,
              std::vector<TaskTemplate>& all) {
    std::set<std::string> files;
    for (const auto& one : fresh.all()) files.insert(one->source_path);
    for (const auto& one : old.all()) {
        if (fresh.find(one->namespace_name, one->name, one->version)) continue;
        // One that came from no file is the program's own.
        const bool keeps =
            one->source_path.empty() || (!files.contains(one->source_path) && !gone(one->source_path));
        (keeps ? out.kept : out.removed).push_back(one->id());
        if (keeps) all.push_back(*one);
    }
}
}  // namespace

TemplateChanges merged_templates(const TemplateCatalog& old, const TemplateCatalog& fresh,
                                 const std::function<bool(const std::filesystem::path&)>& gone) {
    TemplateChanges out;
    std::vector<TaskTemplate> all;
    for (const auto& one : fresh.all()) {
        all.push_back(*one);
        const auto before = old.find(one->namespace_name, one->name, one->version);
        if (before == nullptr) {
            out.added.push_back(one->id());
        } else if (before->definition_json != one->definition_json) {
            out.changed.push_back(one->id());
        }
    }
    add_kept(old, fresh, gone, out, all);
    out.catalog = TemplateCatalog(std::move(all));
    return out;
}

}  // namespace tasker::host
