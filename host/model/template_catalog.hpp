#pragma once
// The immutable set of templates a worker or a submitter knows. Built once per discovery, shared freely.

#include <map>
#include <memory>
#include <set>
#include <string>
#include <string_view>
#include <tuple>
#include <vector>

#include "host/model/task_template.hpp"

namespace tasker::host {

class TemplateCatalog {
  public:
    TemplateCatalog() = default;
    explicit TemplateCatalog(std::vector<TaskTemplate> templates);

    std::shared_ptr<const TaskTemplate> find(std::string_view namespace_name, std::string_view name,
                                             std::string_view version) const;
    // Every template of that name, any namespace and version; for "the only one loaded" defaults and suggestions.
    std::vector<std::shared_ptr<const TaskTemplate>> named(std::string_view name) const;
    // Sorted by namespace, name, version.
    const std::vector<std::shared_ptr<const TaskTemplate>>& all() const { return templates_; }
    std::set<std::string> namespaces() const;
    // Every callable used by the templates of these namespaces (all of them when empty).
    std::set<std::string> callables(const std::set<std::string>& namespaces = {}) const;

  private:
    std::vector<std::shared_ptr<const TaskTemplate>> templates_;
};

}  // namespace tasker::host
