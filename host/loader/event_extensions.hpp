#pragma once
// The publishers and subscribers of domain events that a plugin brings (tasker/abi_events.h): found, checked member by
// member, and made into what the host calls.

#include <memory>
#include <string>
#include <vector>

#include "host/loader/plugin.hpp"
#include "host/registry/event_extensions.hpp"

namespace tasker::host {

struct PluginEventExtensions {
    std::vector<std::shared_ptr<EventPublisher>> publishers;
    std::vector<std::shared_ptr<EventSubscriber>> subscribers;
};

// Asks the plugin and makes the instances. `source` is the file, for messages. Throws PluginError that names the member at
// fault, or says why an instance cannot be made.
PluginEventExtensions load_event_extensions(const std::shared_ptr<const Plugin>& plugin,
                                            const std::string& source);

struct EventExtensionNames {
    std::vector<std::string> publishers, subscribers;
};
// The same checks without an instance: what the plugin declares.
EventExtensionNames list_event_extensions(const PluginDescriptor& descriptor);

}  // namespace tasker::host
