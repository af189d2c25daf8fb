#pragma once
// Which handler runs a step. Resolvers are asked once for each callable and hint; what they found is remembered, so that
// the steps of a callable share one handler and its instances. Thread-safe.

#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <tuple>

#include "host/logging/logger.hpp"
#include "host/model/step_event.hpp"
#include "host/model/step_result.hpp"
#include "host/registry/handler_registry.hpp"

namespace tasker::host {

class Resolutions {
  public:
    // The registry outlives it.
    Resolutions(const HandlerRegistry& registry, Logger log);

    Resolution find(const HandlerRef& ref, const std::string& step_name);

    struct Answer {
        std::shared_ptr<Handler> handler;  // null when there is none
        std::optional<Failed> failure;     // why, where that is more than a name that nobody has
    };
    // An event that names no callable has neither.
    Answer of(const StepEvent& event);

  private:
    // Callable, hint, and the step's name where it matters. Looked up by views: each step does it.
    using Key = std::tuple<std::string, std::string, std::string>;
    using KeyView = std::tuple<std::string_view, std::string_view, std::string_view>;
    struct ByViews {
        using is_transparent = void;
        bool operator()(const KeyView& left, const KeyView& right) const { return left < right; }
    };
    KeyView key_of(const HandlerRef& ref, std::string_view step_name) const;

    const HandlerRegistry& registry_;
    const Logger log_;
    std::mutex mutex_;
    std::map<Key, Resolution, ByViews> found_;
};

}  // namespace tasker::host
