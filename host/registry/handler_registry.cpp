#include "host/registry/handler_registry.hpp"

#include <exception>
#include <utility>

#include "host/core/error.hpp"

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

void HandlerRegistry::register_handler(std::shared_ptr<Handler> handler) {
    const HandlerInfo& info = handler->info();
    if (const auto taken = handlers_.find(info.callable); taken != handlers_.end()) {
        throw PluginError("callable '" + info.callable + "' is offered twice: by " +
                              taken->second->info().source + " and by " + info.source,
                          "remove one of the two, or rename one callable");
    }
    handlers_.emplace(info.callable, std::move(handler));
}

void HandlerRegistry::register_handler(std::string callable,
                                       std::function<StepOutcome(const StepEvent&, CallControl&)> body) {
    register_handler(std::make_shared<FunctionHandler>(std::move(callable), std::move(body)));
}

std::shared_ptr<Handler> HandlerRegistry::resolve(std::string_view callable) const {
    const auto found = handlers_.find(callable);
    return found == handlers_.end() ? nullptr : found->second;
}

std::vector<std::string> HandlerRegistry::list_handlers() const {
    std::vector<std::string> names;
    names.reserve(handlers_.size());
    for (const auto& [name, handler] : handlers_) names.push_back(name);
    return names;
}

std::vector<std::shared_ptr<Handler>> HandlerRegistry::all() const {
    std::vector<std::shared_ptr<Handler>> all;
    all.reserve(handlers_.size());
    for (const auto& [name, handler] : handlers_) all.push_back(handler);
    return all;
}

}  // namespace tasker::host
