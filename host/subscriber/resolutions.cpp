#include "host/subscriber/resolutions.hpp"

#include <utility>

#include "host/subscriber/run_step.hpp"

namespace tasker::host {

Resolutions::Resolutions(const HandlerRegistry& registry, Logger log)
    : registry_(registry), log_(std::move(log)) {}

Resolutions::KeyView Resolutions::key_of(const HandlerRef& ref, std::string_view step_name) const {
    return {ref.callable, ref.resolver, registry_.falls_back_to_step_name() ? step_name : std::string_view{}};
}

Resolution Resolutions::find(const HandlerRef& ref, const std::string& step_name) {
    const KeyView key = key_of(ref, step_name);
    // Held while resolvers are asked: two handlers made for one callable would not share their limits.
    const std::scoped_lock lock(mutex_);
    if (const auto known = found_.find(key); known != found_.end()) return known->second;
    Resolution resolution = registry_.find(ref, step_name);
    // What is not there now may be found later.
    if (!resolution) return resolution;
    if (resolution.by_step_name) {
        log_.warn("Nobody offers the callable; the handler of the step's name is used",
                  {{"component", "registry"}, {"callable", ref.callable}, {"step_name", step_name}});
    }
    return found_.emplace(Key(key), std::move(resolution)).first->second;
}

Resolutions::Answer Resolutions::of(const StepEvent& event) {
    if (extract_handler_name(event).empty()) return {};
    const StepTemplate& step = event.task_sequence_step.step_definition();
    {
        const std::scoped_lock lock(mutex_);
        const auto known = found_.find(key_of(step.handler, step.name));
        if (known != found_.end()) return {known->second.handler, std::nullopt};
    }
    Resolution resolution = find(step.handler, step.name);
    if (resolution) return {std::move(resolution.handler), std::nullopt};
    if (resolution.verdict == Resolution::Verdict::NoSuchResolver)
        return {nullptr, resolver_not_found(step.handler.callable, resolution.fault)};
    if (step.handler.resolver.empty() && !resolution.resolver_failed) return {};
    Failed failure = handler_not_found(step.handler.callable);
    failure.message += "; " + resolution.fault;
    return {nullptr, std::move(failure)};
}

}  // namespace tasker::host
