#include "host/loader/call_slots.hpp"

#include <array>
#include <atomic>
#include <memory>

namespace tasker::host {

namespace {
constexpr std::size_t kChunkSlots = 64;
constexpr std::uint64_t kIndexBits = 14;
static_assert(kMaxRunningCalls == std::size_t{1} << kIndexBits);

using Chunk = std::array<CallSlot, kChunkSlots>;

// Slots are made when needed and live as long as the process, because handles to them may turn up at any time.
struct Slots {
    std::array<std::atomic<Chunk*>, kMaxRunningCalls / kChunkSlots> chunks{};
    std::mutex mutex;  // guards the rest
    std::size_t made = 0;
    std::vector<std::uint32_t> free;

    CallSlot* at(std::size_t index) const {
        Chunk* chunk = chunks[index / kChunkSlots].load(std::memory_order_acquire);
        return chunk == nullptr ? nullptr : &(*chunk)[index % kChunkSlots];
    }
};

Slots& slots() {
    static auto* const all = new Slots;
    return *all;
}

std::optional<std::size_t> take_index(Slots& all) {
    const std::scoped_lock lock(all.mutex);
    if (all.free.empty() && all.made < kMaxRunningCalls) {
        all.free.reserve(all.made + kChunkSlots);
        all.chunks[all.made / kChunkSlots].store(std::make_unique<Chunk>().release(),
                                                 std::memory_order_release);
        for (std::size_t i = kChunkSlots; i > 0; --i)
            all.free.push_back(static_cast<std::uint32_t>(all.made + i - 1));
        all.made += kChunkSlots;
    }
    if (all.free.empty()) return std::nullopt;
    const std::size_t index = all.free.back();
    all.free.pop_back();
    return index;
}

std::uint64_t number_of(const tasker_call* handle) { return reinterpret_cast<std::uintptr_t>(handle); }
}  // namespace

TakenSlot take_slot() {
    Slots& all = slots();
    const auto index = take_index(all);
    if (!index) return {};
    CallSlot* slot = all.at(*index);
    const std::scoped_lock lock(slot->mutex);
    ++slot->generation;
    const std::uint64_t number = slot->generation << kIndexBits | *index;
    return {slot, reinterpret_cast<tasker_call*>(static_cast<std::uintptr_t>(number))};
}

void give_back(TakenSlot taken) {
    Slots& all = slots();
    const std::scoped_lock lock(all.mutex);
    // Room for every slot that was made was reserved when it was made.
    all.free.push_back(static_cast<std::uint32_t>(number_of(taken.handle) % kMaxRunningCalls));
}

OpenCall::OpenCall(const tasker_call* handle) {
    const std::uint64_t number = number_of(handle);
    CallSlot* slot = slots().at(number % kMaxRunningCalls);
    if (slot == nullptr) return;
    std::unique_lock lock(slot->mutex);
    if (!slot->open || slot->generation != number >> kIndexBits) return;
    lock_ = std::move(lock);
    slot_ = slot;
}

}  // namespace tasker::host
