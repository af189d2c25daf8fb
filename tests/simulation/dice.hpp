#pragma once
// The one source of chance of a simulated run, and the record of what came of it. Both follow from the seed alone.

#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <deque>
#include <iterator>
#include <string>
#include <string_view>
#include <utility>

namespace tasker::host::simulation {

// SplitMix64: the same numbers with every compiler and library.
class Dice {
  public:
    explicit Dice(std::uint64_t seed) : state_(seed) {}
    std::uint64_t next() {
        state_ += 0x9e3779b97f4a7c15U;
        std::uint64_t mixed = state_;
        mixed = (mixed ^ (mixed >> 30U)) * 0xbf58476d1ce4e5b9U;
        mixed = (mixed ^ (mixed >> 27U)) * 0x94d049bb133111ebU;
        return mixed ^ (mixed >> 31U);
    }
    std::uint64_t below(std::uint64_t bound) { return bound == 0 ? 0 : next() % bound; }
    std::int64_t between(std::int64_t least, std::int64_t most) {
        return least + static_cast<std::int64_t>(below(static_cast<std::uint64_t>(most - least + 1)));
    }
    bool chance(unsigned in_thousand) { return below(1000) < in_thousand; }
    template <class Container>
    auto& pick(Container& from) {
        return from[static_cast<std::size_t>(below(std::size(from)))];
    }

  private:
    std::uint64_t state_;
};

// Every action with its outcome, as a line: hashed, the last ones kept, printed from a given step on.
class Trace {
  public:
    explicit Trace(std::uint64_t print_from) : print_from_(print_from) {}

    void begin(std::uint64_t step, std::string_view action) {
        step_ = step;
        line_ = std::to_string(step);
        line_ += ' ';
        line_ += action;
    }
    void note(std::string_view what) {
        line_ += ' ';
        line_ += what;
    }
    void note(std::string_view what, std::int64_t value) {
        note(what);
        line_ += '=';
        line_ += std::to_string(value);
    }
    void end() {
        for (const char c : line_) hash_ = (hash_ ^ static_cast<unsigned char>(c)) * 0x100000001b3U;
        hash_ = (hash_ ^ 0x0AU) * 0x100000001b3U;
        if (step_ >= print_from_) std::printf("%s\n", line_.c_str());
        last_.push_back(std::exchange(line_, {}));
        if (last_.size() > kKept) last_.pop_front();
    }
    std::uint64_t step() const { return step_; }
    std::uint64_t hash() const { return hash_; }
    const std::deque<std::string>& last() const { return last_; }
    const std::string& unfinished() const { return line_; }

  private:
    static constexpr std::size_t kKept = 25;
    std::uint64_t print_from_, step_ = 0, hash_ = 0xcbf29ce484222325U;
    std::string line_;
    std::deque<std::string> last_;
};

}  // namespace tasker::host::simulation
