#pragma once
// Running calls, and the handles by which plugins name them. A handle (tasker_call*) is a number, never an address: it
// holds a slot and the slot's generation. A plugin's thread that uses a handle after its call() returned therefore
// meets a refusal, however much later, and can neither touch freed memory nor the step that came next.

#include <tasker/abi.h>

#include <cstdint>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "host/loader/step_view.hpp"
#include "host/registry/handler.hpp"

namespace tasker::host {

struct CallSlot {
    std::mutex mutex;  // guards everything below; held while the host answers one question of the plugin
    std::uint64_t generation = 0;
    bool open = false;
    CallControl* control = nullptr;
    std::string_view plugin_id, callable;
    std::uint32_t kind = TASKER_KIND_STEP;
    std::uint64_t capabilities = 0;
    LentStep view;
    std::optional<StepOutcome> outcome;  // of the first terminal call
    std::vector<std::pair<std::string, std::string>> metadata;
    std::size_t metadata_bytes = 0;
    std::vector<EmittedEvent> events;
    std::size_t event_bytes = 0;  // of their payloads
    bool told_large = false;      // that a checkpoint of this call is large
    unsigned refused_terminals = 0;
};

// A slot taken for one call.
struct TakenSlot {
    CallSlot* slot = nullptr;  // null when all are taken
    tasker_call* handle = nullptr;
};
inline constexpr std::size_t kMaxRunningCalls = 16384;

TakenSlot take_slot();
// Precondition: the slot's call is over.
void give_back(TakenSlot taken);

// The slot of a handle, locked, or nothing when its call is over or there never was one.
class OpenCall {
  public:
    explicit OpenCall(const tasker_call* handle);
    explicit operator bool() const { return slot_ != nullptr; }
    CallSlot* operator->() const { return slot_; }

  private:
    CallSlot* slot_ = nullptr;
    std::unique_lock<std::mutex> lock_;
};

}  // namespace tasker::host
