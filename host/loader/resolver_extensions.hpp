#pragma once
// The resolvers that a plugin brings (tasker/abi_resolvers.h): found, checked member by member, and made into what a
// registry asks.

#include <tasker/abi_resolvers.h>

#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "host/loader/extension_tables.hpp"
#include "host/loader/plugin.hpp"
#include "host/loader/plugin_notes.hpp"
#include "host/registry/builtin_resolvers.hpp"
#include "host/registry/callable_pattern.hpp"
#include "host/registry/resolver.hpp"

namespace tasker::host {

// Throws what the plugin's function does wrong as Error; the registry tells it in the step's failure.
class PluginResolver final : public HandlerResolver {
  public:
    // `note` is checked. `source` is the file, for messages. Throws PluginError when no instance can be made.
    PluginResolver(const std::shared_ptr<const Plugin>& plugin, const tasker_handler_resolver_v0* original,
                   const tasker_handler_resolver_v0& table, ResolverNote note, const std::string& source);
    const std::string& name() const override { return note_.name; }
    int priority() const override { return note_.priority; }
    bool can_resolve(std::string_view callable) const override;
    std::shared_ptr<Handler> resolve(std::string_view callable) const override;

    const ResolverNote& note() const { return note_; }
    // The plugin's handlers that are in service. Once, before the first resolve().
    void lead_to(HandlersByCallable own) { own_ = std::move(own); }

  private:
    std::optional<std::string> answer(std::string_view callable) const;

    const ResolverNote note_;
    const std::optional<CallablePattern> pattern_;  // none: by prefix
    const ExtensionInstance<tasker_handler_resolver_v0> it_;
    HandlersByCallable own_;
};

// Asks the plugin and makes the instances. Throws PluginError that names the member at fault, or says why an instance
// cannot be made.
std::vector<std::shared_ptr<PluginResolver>> load_resolver_extensions(
    const std::shared_ptr<const Plugin>& plugin, const std::string& source);

// The same checks without an instance: what the plugin declares.
std::vector<ResolverNote> list_resolver_extensions(const PluginDescriptor& descriptor);

}  // namespace tasker::host
