// expect: a subscriber must be constructible from nothing or from const tasker::EventSetup&
#include <tasker/sdk.hpp>
struct H : tasker::StepHandler {
    static constexpr std::string_view handler_name = "h";
    tasker::StepHandlerResult call(tasker::StepContext&) override { return success(); }
};
struct S : tasker::EventSubscriber {
    static constexpr std::string_view subscriber_name = "s";
#ifndef FIXED
    explicit S(int) {}
#endif
    void handle(const tasker::DomainEvent&) override {}
};
TASKER_PLUGIN("id", "1.0.0", H, S);
