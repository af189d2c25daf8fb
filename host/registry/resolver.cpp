#include "host/registry/resolver.hpp"

#include <regex>
#include <utility>

#include "host/core/error.hpp"

namespace tasker::host {

namespace {

class NamedResolver : public HandlerResolver {
  public:
    NamedResolver(std::string name, int priority) : name_(std::move(name)), priority_(priority) {}
    const std::string& name() const override { return name_; }
    int priority() const override { return priority_; }

  private:
    const std::string name_;
    const int priority_;
};

class PrefixResolver final : public NamedResolver {
  public:
    using Make = std::function<std::shared_ptr<Handler>(std::string_view)>;
    PrefixResolver(std::string name, int priority, std::string prefix, Make make)
        : NamedResolver(std::move(name), priority), prefix_(std::move(prefix)), make_(std::move(make)) {}
    bool can_resolve(std::string_view callable) const override { return callable.starts_with(prefix_); }
    std::shared_ptr<Handler> resolve(std::string_view callable) const override {
        return make_(callable.substr(prefix_.size()));
    }

  private:
    const std::string prefix_;
    const Make make_;
};

class PatternResolver final : public NamedResolver {
  public:
    using Make = std::function<std::shared_ptr<Handler>(std::string_view, const CaughtGroups&)>;
    PatternResolver(std::string name, int priority, std::regex pattern, Make make)
        : NamedResolver(std::move(name), priority), pattern_(std::move(pattern)), make_(std::move(make)) {}
    bool can_resolve(std::string_view callable) const override {
        return std::regex_match(callable.begin(), callable.end(), pattern_);
    }
    std::shared_ptr<Handler> resolve(std::string_view callable) const override {
        std::match_results<std::string_view::const_iterator> match;
        if (!std::regex_match(callable.begin(), callable.end(), match, pattern_)) return nullptr;
        CaughtGroups groups;
        for (std::size_t i = 1; i < match.size(); ++i) groups.push_back(match[i].str());
        return make_(callable, groups);
    }

  private:
    const std::regex pattern_;
    const Make make_;
};

}  // namespace

std::shared_ptr<const HandlerResolver> prefix_resolver(
    std::string name, std::string prefix, std::function<std::shared_ptr<Handler>(std::string_view rest)> make,
    int priority) {
    return std::make_shared<PrefixResolver>(std::move(name), priority, std::move(prefix), std::move(make));
}

std::shared_ptr<const HandlerResolver> pattern_resolver(
    std::string name, const std::string& pattern,
    std::function<std::shared_ptr<Handler>(std::string_view callable, const CaughtGroups& groups)> make,
    int priority) {
    try {
        return std::make_shared<PatternResolver>(std::move(name), priority, std::regex(pattern),
                                                 std::move(make));
    } catch (const std::regex_error& fault) {
        throw Error("the pattern '" + pattern + "' of a resolver is no regular expression: " + fault.what(),
                    "write it as ECMAScript does");
    }
}

}  // namespace tasker::host
