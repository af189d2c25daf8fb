#include "host/model/template_catalog.hpp"

#include <algorithm>
#include <utility>

namespace tasker::host {

namespace {
using Id = std::tuple<std::string_view, std::string_view, std::string_view>;
Id id_of(const std::shared_ptr<const TaskTemplate>& entry) {
    return {entry->namespace_name, entry->name, entry->version};
}
}  // namespace

TemplateCatalog::TemplateCatalog(std::vector<TaskTemplate> templates) {
    templates_.reserve(templates.size());
    for (TaskTemplate& entry : templates) {
        templates_.push_back(std::make_shared<const TaskTemplate>(std::move(entry)));
    }
    std::stable_sort(templates_.begin(), templates_.end(),
                     [](const auto& a, const auto& b) { return id_of(a) < id_of(b); });
}

std::shared_ptr<const TaskTemplate> TemplateCatalog::find(std::string_view namespace_name,
                                                          std::string_view name,
                                                          std::string_view version) const {
    const Id wanted{namespace_name, name, version};
    const auto found = std::lower_bound(templates_.begin(), templates_.end(), wanted,
                                        [](const auto& entry, const Id& id) { return id_of(entry) < id; });
    return found != templates_.end() && id_of(*found) == wanted ? *found : nullptr;
}

std::vector<std::shared_ptr<const TaskTemplate>> TemplateCatalog::named(std::string_view name) const {
    std::vector<std::shared_ptr<const TaskTemplate>> found;
    std::copy_if(templates_.begin(), templates_.end(), std::back_inserter(found),
                 [&](const auto& entry) { return entry->name == name; });
    return found;
}

std::set<std::string> TemplateCatalog::namespaces() const {
    std::set<std::string> names;
    for (const auto& entry : templates_) names.insert(entry->namespace_name);
    return names;
}

std::set<std::string> TemplateCatalog::callables(const std::set<std::string>& namespaces) const {
    std::set<std::string> names;
    for (const auto& entry : templates_) {
        if (!namespaces.empty() && !namespaces.contains(entry->namespace_name)) continue;
        for (const StepTemplate& step : entry->steps) names.insert(step.handler.callable);
    }
    return names;
}

}  // namespace tasker::host
