#pragma once
// A handler whose calls the test observes and holds. Thread-safe.

#include <atomic>
#include <functional>
#include <memory>
#include <mutex>
#include <set>
#include <stdexcept>
#include <string>
#include <thread>
#include <utility>

#include "host/registry/handler_registry.hpp"
#include "tests/support/eventually.hpp"
#include "tests/support/gate.hpp"

namespace tasker::host::testing {

struct ProbeRecord {
    std::atomic<int> running = 0, most_running = 0, calls = 0, created = 0, destroyed = 0;
    std::atomic<int> overlapping_calls_of_an_instance = 0, calls_on_a_foreign_thread = 0;
    std::mutex mutex;
    std::set<std::thread::id> threads;

    void enter() {
        const int now = ++running;
        int most = most_running.load();
        while (now > most && !most_running.compare_exchange_weak(most, now)) {
        }
        const std::scoped_lock lock(mutex);
        threads.insert(std::this_thread::get_id());
    }
    std::size_t thread_count() {
        const std::scoped_lock lock(mutex);
        return threads.size();
    }
};

using ProbeBody = std::function<StepOutcome(const StepEvent&, CallControl&)>;

class ProbeHandler final : public Handler {
  public:
    ProbeHandler(std::string callable, Threading threading, unsigned max_instances, ProbeBody body)
        : body_(std::move(body)) {
        info_.callable = std::move(callable);
        info_.threading = threading;
        info_.max_instances = max_instances;
        info_.plugin_id = "probe";
        info_.plugin_version = "1.2.3";
        info_.source = "probe.so";
    }
    const HandlerInfo& info() const override { return info_; }
    HandlerInfo& change_info() { return info_; }
    std::unique_ptr<HandlerInstance> create(unsigned) override {
        if (refuse_create) throw std::runtime_error("configuration refused");
        return std::make_unique<Instance>(*this);
    }
    const std::shared_ptr<ProbeRecord> record = std::make_shared<ProbeRecord>();
    std::atomic<bool> refuse_create = false;

  private:
    struct Instance final : HandlerInstance {
        explicit Instance(ProbeHandler& made_by)
            : handler(made_by), record(made_by.record), home(std::this_thread::get_id()) {
            ++record->created;
        }
        ~Instance() override {
            if (handler.info_.threading == Threading::Affine && home != std::this_thread::get_id()) {
                ++record->calls_on_a_foreign_thread;
            }
            ++record->destroyed;
        }
        StepOutcome call(const StepEvent& event, CallControl& control) override {
            if (busy.exchange(true) && handler.info_.threading != Threading::Reentrant) {
                ++record->overlapping_calls_of_an_instance;
            }
            if (handler.info_.threading == Threading::Affine && home != std::this_thread::get_id()) {
                ++record->calls_on_a_foreign_thread;
            }
            record->enter();
            StepOutcome outcome = handler.body_(event, control);
            --record->running;
            ++record->calls;
            busy = false;
            return outcome;
        }
        ProbeHandler& handler;
        const std::shared_ptr<ProbeRecord> record;
        const std::thread::id home;
        std::atomic<bool> busy = false;
    };

    HandlerInfo info_;
    ProbeBody body_;
};

inline std::shared_ptr<ProbeHandler> add_probe(HandlerRegistry& registry, const std::string& callable,
                                               ProbeBody body, Threading threading = Threading::Serial,
                                               unsigned max_instances = 0) {
    auto handler = std::make_shared<ProbeHandler>(callable, threading, max_instances, std::move(body));
    registry.register_handler(handler);
    return handler;
}

inline StepOutcome done(const StepEvent&, CallControl&) { return Succeeded{R"({"value":1})", "{}"}; }

}  // namespace tasker::host::testing
