#pragma once
// Templates that are read again while some are in use.

#include <filesystem>
#include <functional>
#include <string>
#include <vector>

#include "host/model/template_catalog.hpp"

namespace tasker::host {

// By id: "orders/order_fulfillment/1.0.0".
struct TemplateChanges {
    TemplateCatalog catalog;
    std::vector<std::string> added, changed, removed;
    std::vector<std::string> kept;  // their file is there and cannot be used now
};

// What a worker knows after its templates were read again. Pure: whether a file is gone is asked of `gone`. A template
// whose file is still there but did not give it any more keeps its old definition; one whose file is gone, or says
// another id now, is removed.
TemplateChanges merged_templates(const TemplateCatalog& old, const TemplateCatalog& fresh,
                                 const std::function<bool(const std::filesystem::path&)>& gone);

}  // namespace tasker::host
