#pragma once
#include <doctest/doctest.h>

#include <memory>
#include <tasker/testing.hpp>
#include <utility>

#include "handlers.hpp"

namespace sdk_test {

// A step whose handler's body each test supplies.
class ProbeTest {
  public:
    ProbeTest() { step.plugin_state(body_.get()); }

    tasker::testing::StepRun run(Probe::Body body) {
        *body_ = std::move(body);
        return step.run();
    }

    // Runs `look` in the handler; the test fails when it throws.
    template <class Look>
    void inspect(Look look) {
        const auto ended = run([&](tasker::StepContext& context) {
            look(context);
            return tasker::StepHandlerResult::success();
        });
        INFO(ended->error_message());
        CHECK(ended->is_success());
    }

    tasker::testing::StepTest step = tasker::testing::StepTest::of<Probe>();

  private:
    std::unique_ptr<Probe::Body> body_ = std::make_unique<Probe::Body>();
};

}  // namespace sdk_test
