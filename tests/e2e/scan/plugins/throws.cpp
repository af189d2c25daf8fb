// A static constructor that throws: nobody can catch that around dlopen().

#include <stdexcept>
#include <string_view>
#include <tasker/sdk.hpp>

namespace {

struct Thrower {
    Thrower() { throw std::runtime_error("no"); }
};
const Thrower kThrower;

class Never : public tasker::StepHandler {
  public:
    static constexpr std::string_view handler_name = "hostile.never";
    tasker::StepHandlerResult call(tasker::StepContext&) override { throw std::runtime_error("no"); }
};

}  // namespace

TASKER_PLUGIN("org.example.throws", "1.0.0", Never);
