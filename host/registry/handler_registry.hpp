#pragma once
// callable -> Handler. Built once per worker, filled during discovery, then only read: so it needs no lock. The seed's
// HandlerRegistry.instance() is load_plugins() of host/loader; instance(true) is this default constructor.

#include <cstddef>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "host/registry/handler.hpp"

namespace tasker::host {

class HandlerRegistry {
  public:
    HandlerRegistry() = default;
    HandlerRegistry(HandlerRegistry&&) = default;
    HandlerRegistry& operator=(HandlerRegistry&&) = default;

    // Throws PluginError naming both sources when the callable is taken.
    void register_handler(std::shared_ptr<Handler> handler);
    // A small handler as a function: reentrant, its exceptions become retryable `handler_error` failures.
    void register_handler(std::string callable,
                          std::function<StepOutcome(const StepEvent&, CallControl&)> body);

    std::shared_ptr<Handler> resolve(std::string_view callable) const;  // null when unknown
    bool is_registered(std::string_view callable) const { return resolve(callable) != nullptr; }
    std::vector<std::string> list_handlers() const;  // sorted
    std::size_t handler_count() const { return handlers_.size(); }
    std::vector<std::shared_ptr<Handler>> all() const;

  private:
    std::map<std::string, std::shared_ptr<Handler>, std::less<>> handlers_;
};

}  // namespace tasker::host
