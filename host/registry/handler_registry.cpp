#include "host/registry/handler_registry.hpp"

#include <algorithm>
#include <exception>
#include <utility>

#include "host/core/error.hpp"
#include "host/core/json_text.hpp"
#include "host/core/nearest.hpp"
#include "host/registry/function_handler.hpp"

namespace tasker::host {

namespace {

bool earlier(const std::shared_ptr<const HandlerResolver>& a,
             const std::shared_ptr<const HandlerResolver>& b) {
    return a->priority() < b->priority();
}

// The handler, or null; what the resolver threw is told in `out`.
std::shared_ptr<Handler> ask(const HandlerResolver& resolver, std::string_view callable, Resolution& out) {
    const auto failed = [&](std::string_view text) {
        out.resolver_failed = true;
        out.fault += "; resolver '" + resolver.name() + "' failed: " + std::string(text);
        return nullptr;
    };
    try {
        return resolver.can_resolve(callable) ? resolver.resolve(callable) : nullptr;
    } catch (const std::exception& error) {
        return failed(error.what());
    } catch (...) {
        return failed("unknown exception");
    }
}

void append_member(std::string& out, std::string_view key, std::string_view text) {
    out += (out.back() == '{' ? "\"" : ",\"") + std::string(key) + "\":" + json_string(text);
}

}  // namespace

std::string_view effective_method(std::string_view method) { return method.empty() ? "call" : method; }

bool offers_method(const HandlerInfo& info, std::string_view method) {
    const std::string_view wanted = effective_method(method);
    return wanted == "call" ||
           std::find(info.methods.begin(), info.methods.end(), wanted) != info.methods.end();
}

std::string methods_of(const HandlerInfo& info) {
    std::string out = "call";
    for (const std::string& method : info.methods) {
        if (method != "call") out += ", " + method;
    }
    return out;
}

HandlerRegistry::HandlerRegistry()
    : handlers_(std::make_shared<HandlersByCallable>()),
      resolvers_{std::make_shared<ExplicitMapping>(handlers_), std::make_shared<PluginLookup>(handlers_)} {}

void HandlerRegistry::register_handler(std::shared_ptr<Handler> handler) {
    const HandlerInfo& info = handler->info();
    if (const auto taken = handlers_->find(info.callable); taken != handlers_->end()) {
        throw PluginError("callable '" + info.callable + "' is offered twice: by " +
                              taken->second->info().source + " and by " + info.source,
                          "remove one of the two, or rename one callable");
    }
    handlers_->emplace(info.callable, std::move(handler));
}

void HandlerRegistry::register_handler(std::string callable,
                                       std::function<StepOutcome(const StepEvent&, CallControl&)> body) {
    register_handler(function_handler(std::move(callable), std::move(body)));
}

bool HandlerRegistry::unregister_handler(std::string_view callable) {
    const auto found = handlers_->find(callable);
    if (found == handlers_->end()) return false;
    handlers_->erase(found);
    return true;
}

void HandlerRegistry::clear() { handlers_->clear(); }

void HandlerRegistry::add_resolver(std::shared_ptr<const HandlerResolver> resolver) {
    if (resolver->name().empty()) throw PluginError("a resolver has no name", "give it one");
    if (get_resolver(resolver->name()) != nullptr) {
        throw PluginError("there are two resolvers '" + resolver->name() + "'", "rename one of them");
    }
    const auto place = std::upper_bound(resolvers_.begin(), resolvers_.end(), resolver, earlier);
    resolvers_.insert(place, std::move(resolver));
}

std::shared_ptr<const HandlerResolver> HandlerRegistry::get_resolver(std::string_view name) const {
    const auto found = std::find_if(resolvers_.begin(), resolvers_.end(),
                                    [&](const auto& resolver) { return resolver->name() == name; });
    return found == resolvers_.end() ? nullptr : *found;
}

std::vector<ResolverEntry> HandlerRegistry::list_resolvers() const {
    std::vector<ResolverEntry> entries;
    for (const auto& resolver : resolvers_) entries.push_back({resolver->name(), resolver->priority()});
    return entries;
}

Resolution HandlerRegistry::ask_all(std::string_view callable) const {
    Resolution out;
    for (const auto& resolver : resolvers_) {
        auto handler = ask(*resolver, callable, out);
        if (handler == nullptr) continue;
        Resolution found;
        found.verdict = Resolution::Verdict::Found;
        found.handler = std::move(handler);
        found.resolver = resolver->name();
        return found;
    }
    return out;
}

Resolution HandlerRegistry::ask_one(const HandlerRef& ref) const {
    Resolution out;
    out.resolver = ref.resolver;
    const auto resolver = get_resolver(ref.resolver);
    if (resolver == nullptr) {
        std::vector<std::string> names;
        for (const auto& one : resolvers_) names.push_back(one->name());
        out.verdict = Resolution::Verdict::NoSuchResolver;
        out.fault = "there is no resolver '" + ref.resolver + "'" + did_you_mean(ref.resolver, names) +
                    "; there are: ";
        for (std::size_t i = 0; i < names.size(); ++i) out.fault += (i > 0 ? ", " : "") + names[i];
        return out;
    }
    out.handler = ask(*resolver, ref.callable, out);
    if (out.handler != nullptr) {
        out.verdict = Resolution::Verdict::Found;
        out.fault.clear();
    } else {
        out.fault = "resolver '" + ref.resolver + "' has no handler '" + ref.callable +
                    "', and no other one is asked" + out.fault;
    }
    return out;
}

Resolution HandlerRegistry::find(const HandlerRef& ref, std::string_view step_name) const {
    if (!ref.resolver.empty()) return ask_one(ref);
    Resolution out = ask_all(ref.callable);
    if (out) return out;
    if (step_name_fallback_ && !step_name.empty()) {
        Resolution second = ask_all(step_name);
        if (second) {
            second.by_step_name = true;
            return second;
        }
    }
    out.fault =
        "no plugin offers '" + ref.callable + "'" + did_you_mean(ref.callable, list_handlers()) + out.fault;
    return out;
}

std::shared_ptr<Handler> HandlerRegistry::resolve(std::string_view callable) const {
    return ask_all(callable).handler;
}

std::vector<std::string> HandlerRegistry::list_handlers() const {
    std::vector<std::string> names;
    names.reserve(handlers_->size());
    for (const auto& [name, handler] : *handlers_) names.push_back(name);
    return names;
}

std::vector<std::shared_ptr<Handler>> HandlerRegistry::all() const {
    std::vector<std::shared_ptr<Handler>> all;
    all.reserve(handlers_->size());
    for (const auto& [name, handler] : *handlers_) all.push_back(handler);
    return all;
}

std::string HandlerRegistry::debug_info() const {
    std::string out = "{\"handlers\":[";
    for (const auto& [name, handler] : *handlers_) {
        const HandlerInfo& info = handler->info();
        std::string entry = "{";
        append_member(entry, "callable", name);
        append_member(entry, "plugin", info.plugin_id);
        append_member(entry, "version", info.plugin_version);
        append_member(entry, "source", info.source);
        append_member(entry, "kind", info.kind);
        append_member(entry, "methods", methods_of(info));
        out += (out.back() == '[' ? "" : ",") + entry + "}";
    }
    out += "],\"resolvers\":[";
    for (const auto& resolver : resolvers_) {
        std::string entry = "{";
        append_member(entry, "name", resolver->name());
        entry += ",\"priority\":" + std::to_string(resolver->priority()) + "}";
        out += (out.back() == '[' ? "" : ",") + entry;
    }
    return out + "],\"fallback_to_step_name\":" + (step_name_fallback_ ? "true" : "false") + "}";
}

}  // namespace tasker::host
