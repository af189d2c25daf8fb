// A handler with two methods that each say which one was called.

#include <array>
#include <string>
#include <string_view>
#include <tasker/sdk.hpp>

namespace {

class Account : public tasker::StepHandler {
  public:
    static constexpr std::string_view handler_name = "teller.account";
    tasker::StepHandlerResult call(tasker::StepContext& context) override { return told("call", context); }
    tasker::StepHandlerResult refund(tasker::StepContext& context) { return told("refund", context); }
    tasker::StepHandlerResult charge(tasker::StepContext& context) { return told("charge", context); }
    static constexpr std::array methods{tasker::Method{"refund", &Account::refund},
                                        tasker::Method{"charge", &Account::charge}};

  private:
    tasker::StepHandlerResult told(std::string_view invoked, tasker::StepContext& context) {
        return success({{"invoked_method", std::string(invoked)}, {"asked", std::string(context.method())}});
    }
};

}  // namespace

TASKER_PLUGIN("teller", "1.0.0", Account);
