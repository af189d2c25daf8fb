#include "host/scan/declared_handlers.hpp"

#include <algorithm>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include "host/core/error.hpp"
#include "host/registry/callable_pattern.hpp"
#include "host/registry/resolver.hpp"

namespace tasker::host {

namespace {
class DeclaredHandler final : public Handler {
  public:
    explicit DeclaredHandler(HandlerInfo info) : info_(std::move(info)) {}
    const HandlerInfo& info() const override { return info_; }
    std::unique_ptr<HandlerInstance> create(unsigned) override {
        throw PluginError("the handler '" + info_.callable + "' is known by its declaration alone",
                          "load the plugin");
    }

  private:
    const HandlerInfo info_;
};

class DeclaredResolver final : public HandlerResolver {
  public:
    // Throws Error when the pattern is none.
    DeclaredResolver(ResolverNote note, std::vector<std::string> methods, std::string source)
        : note_(std::move(note)), methods_(std::move(methods)), source_(std::move(source)) {
        if (!note_.pattern.empty()) pattern_.emplace(note_.pattern);
    }
    const std::string& name() const override { return note_.name; }
    int priority() const override { return note_.priority; }
    bool can_resolve(std::string_view callable) const override {
        if (callable.size() > kMaxAskedCallable) return false;
        return pattern_ ? pattern_->matches(callable) : callable.starts_with(note_.prefix);
    }
    std::shared_ptr<Handler> resolve(std::string_view callable) const override {
        if (!can_resolve(callable)) return nullptr;
        // Without a plugin's id nobody concludes anything from its kind.
        HandlerInfo info;
        info.callable = callable;
        info.methods = methods_;
        info.source = source_;
        return std::make_shared<DeclaredHandler>(std::move(info));
    }

  private:
    const ResolverNote note_;
    const std::vector<std::string> methods_;
    const std::string source_;
    std::optional<CallablePattern> pattern_;
};

std::vector<std::string> all_methods(const PluginReport& report) {
    std::vector<std::string> out;
    for (const HandlerInfo& info : report.handlers)
        out.insert(out.end(), info.methods.begin(), info.methods.end());
    return out;
}
}  // namespace

HandlerRegistry declared_registry(const std::vector<ScannedFile>& files) {
    HandlerRegistry registry;
    std::vector<std::shared_ptr<const HandlerResolver>> resolvers;
    for (const ScannedFile& file : files) {
        if (!file.usable()) continue;
        for (const HandlerInfo& info : file.report.handlers)
            registry.register_handler(std::make_shared<DeclaredHandler>(info));
        for (const ResolverNote& note : file.report.resolvers)
            resolvers.push_back(std::make_shared<DeclaredResolver>(note, all_methods(file.report),
                                                                   file.report.path.string()));
    }
    // As the loader adds them.
    std::sort(resolvers.begin(), resolvers.end(),
              [](const auto& a, const auto& b) { return a->name() < b->name(); });
    for (auto& resolver : resolvers) registry.add_resolver(std::move(resolver));
    return registry;
}

}  // namespace tasker::host
