#include "host/registry/callable_pattern.hpp"

#include <algorithm>
#include <locale>
#include <regex>

#include "host/core/error.hpp"

namespace tasker::host {

namespace {
constexpr std::size_t kMaxPattern = 256, kMaxGroups = 16, kMaxDepth = 16;
constexpr std::size_t kMaxElements = 1000;  // with every {n,m} written out

// Walks the pattern by the grammar that is allowed, and counts what it comes to. What it lets through std::regex may
// still refuse (a class from z to a).
class Grammar {
  public:
    explicit Grammar(std::string_view pattern) : text_(pattern) {}

    void check() {
        if (text_.empty()) refuse("is empty");
        if (text_.size() > kMaxPattern)
            refuse("has " + std::to_string(text_.size()) + " bytes, more than " +
                   std::to_string(kMaxPattern));
        if (!std::all_of(text_.begin(), text_.end(), [](char c) { return c >= ' ' && c <= '~'; }))
            refuse("has a character that is not printable ASCII");
        alternatives(0);
        if (!done()) refuse_here("a ) that closes nothing");
    }

  private:
    [[noreturn]] void refuse(const std::string& fault) const {
        throw Error("the pattern '" + std::string(text_.substr(0, 60)) + "' " + fault,
                    "write it as tasker/abi_resolvers.h says");
    }
    [[noreturn]] void refuse_here(const std::string& fault) const {
        refuse("has " + fault + " at byte " + std::to_string(at_ + 1));
    }
    bool done() const { return at_ == text_.size(); }
    bool here(std::string_view what) const { return text_.substr(at_).starts_with(what); }

    std::size_t bounded(std::size_t elements) const {
        if (elements > kMaxElements)
            refuse("has more than " + std::to_string(kMaxElements) + " elements when written out");
        return elements;
    }

    // Each gives how many elements it stands for.
    std::size_t alternatives(std::size_t depth) {
        std::size_t elements = 0;
        while (true) {
            while (!done() && text_[at_] != '|' && text_[at_] != ')') elements += repeated(depth);
            bounded(++elements);
            if (done() || text_[at_] != '|') return elements;
            ++at_;
        }
    }
    std::size_t repeated(std::size_t depth) {
        const std::size_t once = element(depth);
        std::size_t times = 1;
        if (done()) return once;
        if (text_[at_] == '{') {
            times = count();
        } else if (here("*") || here("+") || here("?")) {
            ++at_;
            times = 2;
        } else {
            return once;
        }
        if (here("?")) ++at_;
        if (here("*") || here("+") || here("?") || here("{")) refuse_here("a repetition of a repetition");
        return bounded(once * times);
    }
    std::size_t element(std::size_t depth) {
        switch (text_[at_]) {
            case '(':
                return group(depth);
            case '[':
                return any_of();
            case '\\':
                return escaped();
            case '*':
            case '+':
            case '?':
            case '{':
                refuse_here("a repetition of nothing");
            case '}':
            case ']':
                refuse_here("a bracket that closes nothing");
            case '^':
            case '$':
                refuse_here("an anchor (it matches the whole callable anyway)");
            default:
                ++at_;
                return 1;
        }
    }
    std::size_t group(std::size_t depth) {
        if (depth == kMaxDepth) refuse_here("groups deeper than " + std::to_string(kMaxDepth));
        if (here("(?:")) {
            at_ += 3;
        } else if (here("(?")) {
            refuse_here("a look-ahead or another special group");
        } else {
            ++at_;
            if (++groups_ > kMaxGroups) refuse_here("more than " + std::to_string(kMaxGroups) + " groups");
        }
        const std::size_t elements = alternatives(depth + 1);
        if (done()) refuse("has a ( that is not closed");
        ++at_;
        return elements + 1;
    }
    std::size_t any_of() {
        ++at_;
        if (here("^")) ++at_;
        if (here("]")) refuse_here("an empty class");
        for (; !here("]"); ++at_) {
            if (done()) refuse("has a [ that is not closed");
            if (here("[:") || here("[.") || here("[=")) refuse_here("a named class");
            if (here("\\")) require_escape(true);
        }
        ++at_;
        return 1;
    }
    std::size_t escaped() {
        require_escape(false);
        ++at_;
        return 1;
    }
    // At the backslash; leaves at the character behind it.
    void require_escape(bool in_class) {
        ++at_;
        if (done()) refuse("ends with a backslash");
        constexpr std::string_view kKinds = "dDwWsS", kPunctuation = "\\^$.*+?()[]{}|/";
        const char c = text_[at_];
        if (kKinds.find(c) == std::string_view::npos && kPunctuation.find(c) == std::string_view::npos &&
            !(in_class && c == '-'))
            refuse_here("an escape that is not offered");
    }
    std::size_t count() {
        ++at_;
        const std::size_t least = number();
        std::size_t most = least;
        if (here(",")) {
            ++at_;
            most = here("}") ? least + 1 : number();
            if (most < least) refuse_here("a {n,m} with n above m");
        }
        if (!here("}")) refuse_here("a { that is no {n}, {n,} or {n,m}");
        ++at_;
        return std::max<std::size_t>(most, 1);
    }
    std::size_t number() {
        const std::size_t begin = at_;
        std::size_t value = 0;
        for (; !done() && text_[at_] >= '0' && text_[at_] <= '9'; ++at_)
            value = bounded(value * 10 + static_cast<std::size_t>(text_[at_] - '0'));
        if (at_ == begin) refuse_here("a { that is no {n}, {n,} or {n,m}");
        return value;
    }

    const std::string_view text_;
    std::size_t at_ = 0, groups_ = 0;
};

using Match = std::match_results<std::string_view::const_iterator>;
}  // namespace

// The search that keeps all states at once: its time is bounded by elements times characters, whatever the pattern.
struct CallablePattern::Machine {
    explicit Machine(const std::string& pattern) {
        // Characters are bytes here, whatever locale an embedding program has set.
        regex.imbue(std::locale::classic());
        regex.assign(pattern, std::regex::ECMAScript | std::regex_constants::__polynomial);
    }
    bool match(std::string_view callable, Match& found) const {
        return callable.size() <= kMaxAskedCallable &&
               std::regex_match(callable.begin(), callable.end(), found, regex);
    }
    std::regex regex;
};

namespace {
template <class Machine>
std::unique_ptr<const Machine> made(const std::string& pattern) {
    Grammar(pattern).check();
    try {
        return std::make_unique<const Machine>(pattern);
    } catch (const std::regex_error& fault) {
        throw Error("the pattern '" + pattern + "' is no regular expression: " + fault.what(),
                    "write it as tasker/abi_resolvers.h says");
    }
}
}  // namespace

CallablePattern::CallablePattern(const std::string& pattern) : machine_(made<Machine>(pattern)) {}
CallablePattern::~CallablePattern() = default;

bool CallablePattern::matches(std::string_view callable) const {
    Match found;
    return machine_->match(callable, found);
}

std::optional<std::vector<std::string>> CallablePattern::groups(std::string_view callable) const {
    Match found;
    if (!machine_->match(callable, found)) return std::nullopt;
    std::vector<std::string> caught;
    for (std::size_t i = 1; i < found.size(); ++i) caught.push_back(found[i].str());
    return caught;
}

}  // namespace tasker::host
