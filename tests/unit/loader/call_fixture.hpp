#pragma once
// A step, a control and a plugin that lives in the test program, for tests of the C ABI's host side.

#include <tasker/abi.h>

#include <atomic>
#include <cstdint>
#include <functional>
#include <limits>
#include <memory>
#include <string>
#include <utility>

#include "host/loader/plugin.hpp"
#include "host/loader/plugin_handler.hpp"
#include "host/logging/sinks.hpp"

namespace tasker::host::testing {

class FakeControl final : public CallControl {
  public:
    StopReason stop_requested() const override { return stop; }
    std::int64_t remaining_ms() const override { return 1234; }
    std::int64_t deadline_unix_ms() const override { return 5678; }
    bool heartbeat(std::uint64_t done, std::uint64_t total) override {
        progress = {done, total};
        return !lease_lost;
    }
    bool save_checkpoint(const Checkpoint& checkpoint) override {
        if (!lease_lost) saved.push_back(checkpoint);
        return !lease_lost;
    }
    const Logger& logger() const override { return log; }

    std::vector<Checkpoint> saved;
    std::atomic<StopReason> stop = StopReason::None;
    bool lease_lost = false;
    std::pair<std::uint64_t, std::uint64_t> progress{};
    std::shared_ptr<CaptureSink> sink = std::make_shared<CaptureSink>();
    Logger log{sink};
};

inline SharedText shared_text(std::string text) {
    return std::make_shared<const std::string>(std::move(text));
}

inline StepEvent make_event() {
    auto definition = std::make_shared<TaskTemplate>();
    definition->namespace_name = "orders";
    definition->name = "order";
    definition->version = "1.0.0";
    definition->steps.resize(1);
    definition->steps[0].name = "ship";
    definition->steps[0].handler.callable = "test.handler";
    definition->steps[0].handler.initialization_json = R"({"carrier":"x"})";
    auto task = std::make_shared<TaskInfo>();
    task->task_uuid.bytes[0] = 1;
    task->context_json = shared_text(R"({"number":6})");
    StepEvent event;
    event.event_id.bytes[15] = 0xAB;
    event.step_uuid.bytes[0] = 0xFE;
    event.task_uuid = task->task_uuid;
    event.task_sequence_step.task = task;
    event.task_sequence_step.task_template = definition;
    event.task_sequence_step.workflow_step.name = "ship";
    event.task_sequence_step.workflow_step.attempts = 1;
    event.task_sequence_step.dependency_results = {{"pay", shared_text(R"({"result":1})")},
                                                   {"allocate", shared_text(R"({"result":2})")}};
    return event;
}

using CallBody = std::function<std::int32_t(const tasker_step_v0&, tasker_call*)>;

// A plugin whose one handler runs the body. Its tables are members, so tests may damage them before load().
class InTestPlugin {
  public:
    explicit InTestPlugin(CallBody body = {}) : body_(std::move(body)) {
        handler.struct_size = sizeof handler;
        handler.kind = TASKER_KIND_STEP;
        handler.callable = "test.handler";
        handler.user = &body_;
        handler.create = [](const tasker_handler_v0* self, const tasker_create_v0*,
                            void** out) noexcept -> int32_t {
            *out = const_cast<void*>(self->user);
            return TASKER_OK;
        };
        handler.call = [](void* self, const tasker_step_v0* step, tasker_call* call) noexcept -> int32_t {
            return (*static_cast<CallBody*>(self))(*step, call);
        };
        table.struct_size = sizeof table;
        table.abi_major = TASKER_ABI_MAJOR;
        table.abi_minor = TASKER_ABI_MINOR;
        table.id = "org.test";
        table.version = "1.2.3";
        table.handler_count = 1;
        table.handlers = &handlers;
    }

    std::shared_ptr<Plugin> load(const PluginOptions& options = {}) {
        // The entry takes no context of ours; loading is the business of one thread.
        returned() = &table;
        PluginNotes notes;
        notes.abi = {table.abi_major, table.abi_minor, table.min_host_minor};
        return std::make_shared<Plugin>(&entry, notes, options, Logger{});
    }
    // Loads, creates an instance and runs one step on it.
    StepOutcome run(FakeControl& control, const StepEvent& event = make_event()) {
        PluginHandler one(load(), 0, "test.so");
        return one.create(0)->call(event, control);
    }
    StepOutcome run() {
        FakeControl control;
        return run(control);
    }

    tasker_handler_v0 handler{};
    const tasker_handler_v0* handlers = &handler;
    tasker_plugin_v0 table{};

  private:
    static const tasker_plugin_v0*& returned() {
        static const tasker_plugin_v0* table = nullptr;
        return table;
    }
    static const tasker_plugin_v0* entry(const tasker_host_v0*) noexcept { return returned(); }

    CallBody body_;
};

inline std::int32_t succeed(const tasker_step_v0& step, tasker_call* call, std::string_view json) {
    return step.api->succeed(call, json.data(), json.size());
}

}  // namespace tasker::host::testing
