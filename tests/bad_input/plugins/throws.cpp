// Handlers that throw: an exception with a text, and something that is no exception.

#include <stdexcept>
#include <string_view>
#include <tasker/sdk.hpp>

namespace {

class Throws : public tasker::StepHandler {
  public:
    static constexpr std::string_view handler_name = "bad.throws";
    tasker::StepHandlerResult call(tasker::StepContext&) override {
        throw std::runtime_error("the warehouse is closed");
    }
};
class ThrowsNumber : public tasker::StepHandler {
  public:
    static constexpr std::string_view handler_name = "bad.throws_number";
    tasker::StepHandlerResult call(tasker::StepContext&) override { throw 42; }
};

}  // namespace

TASKER_PLUGIN("throws", "1.0.0", Throws, ThrowsNumber);
