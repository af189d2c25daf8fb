#include <array>
#include <tuple>

#include "host/api/documents.hpp"
#include "host/api/route_table.hpp"

namespace tasker::host {

namespace {
ApiResponse list_templates(const Call& call) {
    return {200, template_list_document(*call.context.engine.catalog(), call.query("namespace"))};
}

ApiResponse get_template(const Call& call) {
    const auto& [space, name, version] = std::tie(call.arguments[0], call.arguments[1], call.arguments[2]);
    const auto found = call.context.engine.catalog()->find(space, name, version);
    if (!found) return not_found("there is no template " + space + "/" + name + "/" + version);
    return {200, template_document(*found)};
}

// Whether a worker of this process can run every step of it.
ApiResponse validate_template(const Call& call) {
    const auto& [space, name, version] = std::tie(call.arguments[0], call.arguments[1], call.arguments[2]);
    const auto found = call.context.engine.catalog()->find(space, name, version);
    if (!found) return not_found("there is no template " + space + "/" + name + "/" + version);
    if (!call.context.worker_status) return not_found("no worker runs in this process");
    return {200, validation_document(*found, call.context.worker_status())};
}

constexpr std::array kRoutes{
    Route{"GET", {"v1", "templates"}, list_templates},
    Route{"GET", {"v1", "templates", "{}", "{}", "{}"}, get_template},
    Route{"POST", {"v1", "templates", "{}", "{}", "{}", "validate"}, validate_template},
};
}  // namespace

RouteTable template_routes() { return kRoutes; }

}  // namespace tasker::host
