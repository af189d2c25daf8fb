#pragma once
// callable -> Handler: what plugins and embedders registered, and the chain of resolvers that searches it. Built once per
// worker, filled during discovery, then only read: so it needs no lock. The seed's HandlerRegistry.instance() is
// load_plugins() of host/loader; instance(true) is this default constructor. Two registries share nothing.

#include <cstddef>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "host/model/task_template.hpp"
#include "host/registry/builtin_resolvers.hpp"
#include "host/registry/handler.hpp"
#include "host/registry/resolution.hpp"
#include "host/registry/resolver.hpp"

namespace tasker::host {

struct ResolverEntry {
    std::string name;
    int priority = 0;
    friend bool operator==(const ResolverEntry&, const ResolverEntry&) = default;
};

class HandlerRegistry {
  public:
    HandlerRegistry();
    HandlerRegistry(HandlerRegistry&&) = default;
    HandlerRegistry& operator=(HandlerRegistry&&) = default;

    // Throws PluginError naming both sources when the callable is taken.
    void register_handler(std::shared_ptr<Handler> handler);
    // A small handler as a function: reentrant, its exceptions become retryable `handler_error` failures.
    void register_handler(std::string callable,
                          std::function<StepOutcome(const StepEvent&, CallControl&)> body);
    // False when there was none. Only before the registry is given to a worker.
    bool unregister_handler(std::string_view callable);
    // Forgets the handlers; the resolvers stay.
    void clear();

    // Throws PluginError when its name is taken. Of equal priority the one added first is asked first.
    void add_resolver(std::shared_ptr<const HandlerResolver> resolver);
    std::shared_ptr<const HandlerResolver> get_resolver(std::string_view name) const;  // null when unknown
    std::vector<ResolverEntry> list_resolvers() const;  // in the order in which they are asked
    // A callable that nobody has is searched for once more as the step's name in the template. Off by default.
    void fall_back_to_step_name(bool wanted) { step_name_fallback_ = wanted; }
    bool falls_back_to_step_name() const { return step_name_fallback_; }

    // Asks the chain; with a hint (`ref.resolver`) that resolver alone, without falling back to another. The method is not
    // looked at: see offers_method().
    Resolution find(const HandlerRef& ref, std::string_view step_name = {}) const;
    // Without a hint; null when unknown.
    std::shared_ptr<Handler> resolve(std::string_view callable) const;
    // By its own name, not through a resolver.
    bool is_registered(std::string_view callable) const { return handlers_->contains(callable); }
    std::vector<std::string> list_handlers() const;  // sorted
    std::size_t handler_count() const { return handlers_->size(); }
    std::vector<std::shared_ptr<Handler>> all() const;

    // {"handlers": [{callable, plugin, version, source, kind, methods}], "resolvers": [{name, priority}],
    //  "fallback_to_step_name": bool}
    std::string debug_info() const;

  private:
    Resolution ask_all(std::string_view callable) const;
    Resolution ask_one(const HandlerRef& ref) const;

    std::shared_ptr<HandlersByCallable> handlers_;
    std::vector<std::shared_ptr<const HandlerResolver>> resolvers_;  // sorted by priority, stable
    bool step_name_fallback_ = false;
};

}  // namespace tasker::host
