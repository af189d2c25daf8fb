#include "host/model/schema_pattern.hpp"

#include <algorithm>
#include <string_view>

namespace tasker::host {

namespace {
constexpr double kMatched = kMaxMatched;
constexpr double kMaxElements = 1000;                  // the search needs stack for each of them
constexpr double kMaxStates = 64 * kMatched;           // looked at for a character
constexpr double kMaxWays = 16 * kMatched * kMatched;  // of going through a text
constexpr double kTooMany = 2 * kMaxWays;

// What a pattern comes to with every {n,m} written out.
struct Cost {
    double elements = 1;
    double states = 1;  // a look-ahead runs over the rest of the text for each character
    double ways = 1;    // of dividing a text among its parts, for a search that tries them one by one
};

// Reads what std::regex reads, and is no judge of its grammar: what it misreads as too little std::regex refuses.
class Reader {
  public:
    explicit Reader(std::string_view pattern) : text_(pattern) {}

    Cost whole() {
        Cost cost;
        while (at_ < text_.size()) {
            cost = in_a_row(cost, alternatives());
            ++at_;  // a ) that closes nothing
        }
        return cost;
    }

  private:
    bool here(std::string_view what) const { return text_.substr(at_).starts_with(what); }

    static Cost in_a_row(const Cost& one, const Cost& other) {
        return {one.elements + other.elements, one.states + other.states, one.ways * other.ways};
    }

    Cost alternatives() {
        Cost all{0, 0, 0};
        while (true) {
            Cost branch;
            while (at_ < text_.size() && text_[at_] != '|' && text_[at_] != ')')
                branch = in_a_row(branch, repeated());
            all = {all.elements + branch.elements, all.states + branch.states, all.ways + branch.ways};
            if (at_ == text_.size() || text_[at_] == ')') return all;
            ++at_;
        }
    }

    Cost repeated() {
        Cost cost = element();
        while (at_ < text_.size()) {
            if (here("?")) {
                ++at_;
                cost = {cost.elements + 1, cost.states + 1, cost.ways + 1};
                continue;
            }
            double written = 2, chosen = kMatched;  // times
            if (here("{"))
                counts(written, chosen);
            else if (here("*") || here("+"))
                ++at_;
            else
                break;
            // Each repetition may go its own way: too many to count.
            const double ways = cost.ways > 1 ? kTooMany : chosen;
            cost = {cost.elements * written, cost.states * written, ways};
        }
        return cost;
    }

    // {n}, {n,} or {n,m}.
    void counts(double& written, double& chosen) {
        ++at_;
        const double least = number();
        double most = least;
        bool endless = false;
        if (here(",")) {
            ++at_;
            endless = here("}");
            most = endless ? least + 1 : number();
        }
        while (at_ < text_.size() && text_[at_ - 1] != '}') ++at_;
        written = std::max(most, 1.0);
        chosen = endless ? kMatched : std::clamp(most - least + 1, 1.0, kMatched);
    }
    double number() {
        double value = 0;
        for (; at_ < text_.size() && text_[at_] >= '0' && text_[at_] <= '9'; ++at_)
            value = value * 10 + (text_[at_] - '0');
        return value;
    }

    Cost element() {
        if (here("(")) return group();
        if (here("[")) {
            skip_class();
        } else {
            at_ += here("\\") && at_ + 1 < text_.size() ? 2 : 1;
        }
        return {};
    }

    Cost group() {
        const bool looks_ahead = here("(?=") || here("(?!");
        at_ += here("(?") ? std::min<std::size_t>(3, text_.size() - at_) : 1;
        Cost inner = alternatives();
        if (at_ < text_.size()) ++at_;
        if (looks_ahead) inner.states *= kMatched;
        return {inner.elements + 2, inner.states + 2, inner.ways};
    }

    void skip_class() {
        ++at_;
        if (here("^")) ++at_;
        while (at_ < text_.size() && !here("]")) {
            const bool named = here("[:") || here("[.") || here("[=");
            const auto end = named ? text_.find(std::string{text_[at_ + 1], ']'}, at_ + 2) : text_.npos;
            if (end != text_.npos)
                at_ = end + 2;
            else
                at_ += here("\\") && at_ + 1 < text_.size() ? 2 : 1;
        }
        if (at_ < text_.size()) ++at_;
    }

    const std::string_view text_;
    std::size_t at_ = 0;
};

// Looked at before it is compiled: a compiler that is asked for too many states is slow, too.
std::optional<std::string> size_fault(const std::string& pattern) {
    if (pattern.size() > static_cast<std::size_t>(kMaxMatched))
        return "is longer than " + std::to_string(kMaxMatched) + " bytes";
    const Cost cost = Reader(pattern).whole();
    if (cost.elements > kMaxElements) return "has more than 1000 elements when every {n,m} is written out";
    if (cost.states > kMaxStates)
        return "looks ahead too often: at most 60 elements within look-aheads, and none within another";
    return std::nullopt;
}
}  // namespace

std::optional<std::string> pattern_fault(const std::string& pattern) {
    if (auto fault = size_fault(pattern)) return fault;
    try {
        compiled_pattern(pattern);
        return std::nullopt;
    } catch (const std::regex_error& error) {
        return error.code() == std::regex_constants::error_complexity
                   ? "refers back to a group, which is not offered: its search can take for ever"
                   : "is no regular expression (ECMAScript)";
    }
}

std::optional<std::string> key_pattern_fault(const std::string& pattern) {
    if (auto fault = pattern_fault(pattern)) return fault;
    // A search without an anchor begins anew at each character.
    const bool anchored = pattern.starts_with('^') && pattern.find('|') == pattern.npos;
    if (Reader(pattern).whole().ways * (anchored ? 1 : kMatched) <= kMaxWays) return std::nullopt;
    return "can take too long for a key: begin it with ^, with at most two repetitions and no choice or "
           "repetition "
           "within another";
}

std::regex compiled_pattern(const std::string& pattern) {
    return std::regex(pattern,
                      std::regex::ECMAScript | std::regex::nosubs | std::regex_constants::__polynomial);
}

}  // namespace tasker::host
