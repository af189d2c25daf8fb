#include "host/registry/function_handler.hpp"

#include <exception>
#include <utility>

namespace tasker::host {

namespace {
class FunctionHandler final : public Handler {
  public:
    using Body = std::function<StepOutcome(const StepEvent&, CallControl&)>;

    FunctionHandler(std::string callable, Body body) : body_(std::move(body)) {
        info_.callable = std::move(callable);
        info_.threading = Threading::Reentrant;
        info_.source = "embedded";
    }
    const HandlerInfo& info() const override { return info_; }
    std::unique_ptr<HandlerInstance> create(unsigned) override { return std::make_unique<Instance>(body_); }

  private:
    struct Instance final : HandlerInstance {
        explicit Instance(const Body& b) : body(b) {}
        StepOutcome call(const StepEvent& event, CallControl& control) override {
            try {
                return body(event, control);
            } catch (const std::exception& error) {
                Failed failed;
                failed.message = error.what();
                failed.error_code = "HANDLER_EXCEPTION";
                return failed;
            } catch (...) {
                Failed failed;
                failed.message = "unknown exception";
                failed.error_code = "HANDLER_EXCEPTION";
                return failed;
            }
        }
        Body body;
    };

    HandlerInfo info_;
    Body body_;
};
}  // namespace

std::shared_ptr<Handler> function_handler(std::string callable,
                                          std::function<StepOutcome(const StepEvent&, CallControl&)> body) {
    return std::make_shared<FunctionHandler>(std::move(callable), std::move(body));
}

}  // namespace tasker::host
