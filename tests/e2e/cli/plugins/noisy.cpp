// Handlers that print where they should not, and one that dies with a word on its lips.

#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <string>
#include <tasker/sdk.hpp>

namespace {

class Says : public tasker::StepHandler {
  public:
    static constexpr std::string_view handler_name = "noisy.says";
    tasker::StepHandlerResult call(tasker::StepContext& /*context*/) override {
        std::printf("a line on standard output\n");
        std::fprintf(stderr, "a line on standard error\n");
        std::printf("a line without an end");
        return success({{"said", true}});
    }
};

// A hundred megabytes in lines of a hundred bytes.
class Prints : public tasker::StepHandler {
  public:
    static constexpr std::string_view handler_name = "noisy.prints";
    tasker::StepHandlerResult call(tasker::StepContext& /*context*/) override {
        std::string block;
        while (block.size() < 1'000'000) block += std::string(99, 'x') + "\n";
        for (int i = 0; i < 100; ++i) {
            const std::string_view text = block;
            for (std::size_t at = 0; at < text.size();) {
                const auto put = ::write(STDOUT_FILENO, text.data() + at, text.size() - at);
                if (put <= 0) return failure("cannot print");
                at += static_cast<std::size_t>(put);
            }
        }
        return success({{"printed", true}});
    }
};

class Aborts : public tasker::StepHandler {
  public:
    static constexpr std::string_view handler_name = "noisy.aborts";
    tasker::StepHandlerResult call(tasker::StepContext& /*context*/) override {
        std::fprintf(stderr, "these are my last words\n");
        std::abort();
    }
};

}  // namespace

TASKER_PLUGIN("noisy", "1.0.0", Says, Prints, Aborts);
