#pragma once
// A regular expression over callables that comes from a plugin. Its grammar is that of tasker/abi_resolvers.h: ECMAScript
// without what can take long, so that no expression and no callable keeps a step waiting. Immutable, thread-safe.

#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace tasker::host {

// No longer callable is matched; that of templates ends there, too.
inline constexpr std::size_t kMaxAskedCallable = 500;

class CallablePattern {
  public:
    // Throws Error that says what is wrong and where.
    explicit CallablePattern(const std::string& pattern);
    ~CallablePattern();
    CallablePattern(const CallablePattern&) = delete;
    CallablePattern& operator=(const CallablePattern&) = delete;

    // The callable as a whole.
    bool matches(std::string_view callable) const;
    // What its groups caught, in order; nothing when it does not match.
    std::optional<std::vector<std::string>> groups(std::string_view callable) const;

  private:
    struct Machine;
    const std::unique_ptr<const Machine> machine_;
};

}  // namespace tasker::host
