#pragma once
// A handler of a plugin, as the host calls it. The firewall: nothing that a plugin's function returns or does wrong
// leaves call() but as an outcome. (What it does to memory is beyond any firewall inside a process.)

#include <atomic>
#include <cstddef>
#include <memory>

#include "host/loader/handler_schemas.hpp"
#include "host/loader/plugin.hpp"
#include "host/logging/logger.hpp"
#include "host/registry/handler.hpp"

namespace tasker::host {

class PluginHandler final : public Handler {
  public:
    // `index` into the plugin's descriptor; `source` is the file, for messages. The first instance that cannot be made
    // is an error in `log`: until someone acts, each step of the handler fails.
    PluginHandler(std::shared_ptr<const Plugin> plugin, std::size_t index, const std::string& source,
                  Logger log = {});
    const HandlerInfo& info() const override { return info_; }
    std::unique_ptr<HandlerInstance> create(unsigned slot) override;

  private:
    [[noreturn]] void refuse(std::int32_t status, const std::string& text);

    std::shared_ptr<const Plugin> plugin_;  // shared with the other handlers and all instances of the plugin
    const HandlerDescriptor& descriptor_;
    HandlerInfo info_;
    std::shared_ptr<const HandlerSchemas> schemas_;  // shared with all instances
    Logger log_;
    std::atomic<bool> complained_{false};
};

}  // namespace tasker::host
