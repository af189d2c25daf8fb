#pragma once
// Resolvers: who finds the handler of a callable. A registry asks them in order of priority (resolver_chain.hpp).

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "host/registry/handler.hpp"

namespace tasker::host {

// The two that every registry has, and where custom ones stand between them unless they say otherwise.
inline constexpr std::string_view kExplicitMapping = "explicit_mapping", kPluginLookup = "plugin_lookup";
inline constexpr int kExplicitMappingPriority = 10, kCustomPriority = 50, kPluginLookupPriority = 100;

// Thread-safe: a worker asks from its poller thread and at start. Asked once for each callable; the handler that comes
// back is kept as long as the worker, and serves every step of that callable.
class HandlerResolver {
  public:
    virtual ~HandlerResolver() = default;
    // What `handler.resolver` of a template says to mean this one. Constant.
    virtual const std::string& name() const = 0;
    // Lower ones are asked first. Constant.
    virtual int priority() const { return kCustomPriority; }
    // Whether the callable looks like one of its own; cheap.
    virtual bool can_resolve(std::string_view callable) const = 0;
    // Null when it has no such handler. An exception counts as null and is told in the step's failure.
    virtual std::shared_ptr<Handler> resolve(std::string_view callable) const = 0;
};

// Callables that begin with `prefix`; `make` is given the rest.
std::shared_ptr<const HandlerResolver> prefix_resolver(
    std::string name, std::string prefix, std::function<std::shared_ptr<Handler>(std::string_view rest)> make,
    int priority = kCustomPriority);

// Callables that the regular expression (ECMAScript) matches as a whole; `make` is given the callable and what its groups
// caught. Throws Error when the expression is none. The expression is the embedder's and trusted to end.
using CaughtGroups = std::vector<std::string>;
std::shared_ptr<const HandlerResolver> pattern_resolver(
    std::string name, const std::string& pattern,
    std::function<std::shared_ptr<Handler>(std::string_view callable, const CaughtGroups& groups)> make,
    int priority = kCustomPriority);

}  // namespace tasker::host
