#pragma once
// A handler of a plugin, as the host calls it. The firewall: nothing that a plugin's function returns or does wrong
// leaves call() but as an outcome. (What it does to memory is beyond any firewall inside a process.)

#include <cstddef>
#include <memory>

#include "host/loader/plugin.hpp"
#include "host/registry/handler.hpp"

namespace tasker::host {

class PluginHandler final : public Handler {
  public:
    // `index` into the plugin's descriptor; `source` is the file, for messages.
    PluginHandler(std::shared_ptr<const Plugin> plugin, std::size_t index, const std::string& source);
    const HandlerInfo& info() const override { return info_; }
    std::unique_ptr<HandlerInstance> create(unsigned slot) override;

  private:
    std::shared_ptr<const Plugin> plugin_;  // shared with the other handlers and all instances of the plugin
    const HandlerDescriptor& descriptor_;
    HandlerInfo info_;
};

}  // namespace tasker::host
