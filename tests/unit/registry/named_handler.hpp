#pragma once
// A handler that is only looked for, never called.

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "host/registry/handler_registry.hpp"

namespace tasker::host::testing {

class NamedHandler final : public Handler {
  public:
    explicit NamedHandler(std::string callable, std::string plugin = {},
                          std::vector<std::string> methods = {}) {
        info_.callable = std::move(callable);
        info_.plugin_id = std::move(plugin);
        info_.plugin_version = info_.plugin_id.empty() ? "" : "1.2.3";
        info_.source = info_.plugin_id.empty() ? "embedded" : info_.plugin_id + ".so";
        info_.methods = std::move(methods);
    }
    const HandlerInfo& info() const override { return info_; }
    std::unique_ptr<HandlerInstance> create(unsigned) override { return nullptr; }

  private:
    HandlerInfo info_;
};

inline std::shared_ptr<Handler> named(std::string callable, std::string plugin = {},
                                      std::vector<std::string> methods = {}) {
    return std::make_shared<NamedHandler>(std::move(callable), std::move(plugin), std::move(methods));
}

inline HandlerRef asking(std::string callable, std::string resolver = {}) {
    HandlerRef ref;
    ref.callable = std::move(callable);
    ref.resolver = std::move(resolver);
    return ref;
}

}  // namespace tasker::host::testing
