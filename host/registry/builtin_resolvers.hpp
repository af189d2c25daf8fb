#pragma once
// The resolvers over what plugins and embedders registered.

#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "host/registry/resolver.hpp"

namespace tasker::host {

using HandlersByCallable = std::map<std::string, std::shared_ptr<Handler>, std::less<>>;

// `explicit_mapping`: the callable is the very name under which a handler is registered.
class ExplicitMapping final : public HandlerResolver {
  public:
    explicit ExplicitMapping(std::shared_ptr<const HandlersByCallable> handlers);
    const std::string& name() const override { return name_; }
    int priority() const override { return kExplicitMappingPriority; }
    bool can_resolve(std::string_view callable) const override;
    std::shared_ptr<Handler> resolve(std::string_view callable) const override;

  private:
    const std::string name_;
    const std::shared_ptr<const HandlersByCallable> handlers_;
};

// `plugin_lookup`: a handler said together with the plugin that has it: `plugin_id:callable`, `plugin_id::callable` or
// `plugin_id.callable`; of a callable that itself begins with `plugin_id.`, that part may be left out. Among the loaded
// plugins only, so nothing that a template says leads to a file.
class PluginLookup final : public HandlerResolver {
  public:
    explicit PluginLookup(std::shared_ptr<const HandlersByCallable> handlers);
    const std::string& name() const override { return name_; }
    int priority() const override { return kPluginLookupPriority; }
    bool can_resolve(std::string_view callable) const override;
    std::shared_ptr<Handler> resolve(std::string_view callable) const override;

  private:
    const std::string name_;
    const std::shared_ptr<const HandlersByCallable> handlers_;
};

}  // namespace tasker::host
