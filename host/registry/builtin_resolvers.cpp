#include "host/registry/builtin_resolvers.hpp"

#include <utility>

namespace tasker::host {

namespace {

// What follows "id:", "id::" or "id."; empty when the callable does not begin so.
std::string_view behind_plugin(std::string_view callable, std::string_view id) {
    if (id.empty() || callable.size() <= id.size() + 1 || !callable.starts_with(id)) return {};
    std::string_view rest = callable.substr(id.size());
    if (rest.starts_with("::")) return rest.substr(2);
    return rest.front() == ':' || rest.front() == '.' ? rest.substr(1) : std::string_view{};
}

bool is_meant(const HandlerInfo& info, std::string_view callable) {
    const std::string_view rest = behind_plugin(callable, info.plugin_id);
    if (rest.empty()) return false;
    return rest == info.callable || rest == behind_plugin(info.callable, info.plugin_id);
}

}  // namespace

ExplicitMapping::ExplicitMapping(std::shared_ptr<const HandlersByCallable> handlers)
    : name_(kExplicitMapping), handlers_(std::move(handlers)) {}

bool ExplicitMapping::can_resolve(std::string_view callable) const { return handlers_->contains(callable); }

std::shared_ptr<Handler> ExplicitMapping::resolve(std::string_view callable) const {
    const auto found = handlers_->find(callable);
    return found == handlers_->end() ? nullptr : found->second;
}

PluginLookup::PluginLookup(std::shared_ptr<const HandlersByCallable> handlers)
    : name_(kPluginLookup), handlers_(std::move(handlers)) {}

bool PluginLookup::can_resolve(std::string_view callable) const {
    return callable.find_first_of(":.") != std::string_view::npos;
}

// Of two that fit none is taken: an order of names must not decide which code runs.
std::shared_ptr<Handler> PluginLookup::resolve(std::string_view callable) const {
    std::shared_ptr<Handler> found;
    for (const auto& [name, handler] : *handlers_) {
        if (!is_meant(handler->info(), callable)) continue;
        if (found != nullptr) return nullptr;
        found = handler;
    }
    return found;
}

}  // namespace tasker::host
