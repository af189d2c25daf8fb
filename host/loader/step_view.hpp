#pragma once
// A StepEvent as the C ABI shows it: views into the event plus the few texts that have to be made. Used by one call at
// a time; reused for the next one, so that a call allocates nothing here.

#include <tasker/abi.h>

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "host/model/step_event.hpp"

namespace tasker::host {

class LentStep {
  public:
    // Shows `event`, which must live until clear().
    void show(const StepEvent& event, std::int64_t deadline_unix_ms, const tasker_call_api_v0* api);
    void clear();
    const tasker_step_v0& table() const { return table_; }
    // The value of a get() key, alive until clear(). Nothing for an unknown key and a value the step does not have.
    std::optional<std::string_view> get(std::string_view key);

  private:
    struct Made {
        std::string text;
        bool valid = false;
    };
    using UuidText = std::array<char, 36>;

    template <class Build>
    std::string_view made(Made& slot, Build build);

    const StepEvent* event_ = nullptr;
    tasker_step_v0 table_{};
    UuidText event_id_{}, step_uuid_{}, task_uuid_{}, correlation_id_{}, parent_correlation_id_{};
    Made dep_names_, task_, nested_event_;
};

}  // namespace tasker::host
