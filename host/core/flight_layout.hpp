#pragma once
// The flight recorder's file: a header, then one slot for each executor thread. Fixed sizes, no pointers, the machine's
// byte order: it never leaves the machine, nor the boot that it was written in.

#include <array>
#include <cstdint>
#include <type_traits>

namespace tasker::host {

inline constexpr std::uint64_t kFlightMagic = 0x3130'544c'464b'5354U;  // "TSKFLT01"
inline constexpr std::uint32_t kFlightVersion = 1;
inline constexpr std::uint32_t kMaxFlightSlots = 4096;
inline constexpr std::uint32_t kNoFlightSlot = 0xffff'ffffU;

enum class FlightPhase : std::uint32_t {
    Idle = 0,     // the rest of the slot means nothing
    Handler = 1,  // made, or called
    Events = 2,   // its publishers are asked for domain events
};

// The crash record is whole once `crash_state` is Written; only the first crash of a process is recorded.
enum class FlightCrashState : std::uint32_t { None = 0, Writing = 1, Written = 2 };

struct alignas(64) FlightHeader {
    std::uint64_t magic = kFlightMagic;
    std::uint32_t version = kFlightVersion;
    std::uint32_t slots = 0;
    std::array<std::uint8_t, 16> boot{};  // the kernel's id of this boot
    std::int32_t pid = 0;
    std::uint32_t crash_state = 0;
    std::uint32_t crash_slot = kNoFlightSlot;
    std::int32_t crash_signal = 0;  // 0: exit() was called
    std::uint32_t stack_overflow = 0;
    std::uint32_t crash_inside = 0;  // 1: this process did it, on whichever thread
    std::uint64_t fault_address = 0;
    std::int64_t crashed_ms = 0;  // wall clock
};

struct alignas(64) FlightSlot {
    std::uint32_t phase = 0;  // written last, and first to be taken back
    std::int32_t tid = 0;
    std::int64_t started_ms = 0;  // wall clock
    std::int64_t claimed_ms = 0;  // with the step: which claim it is
    std::array<std::uint8_t, 16> task_uuid{}, step_uuid{};
    std::uint8_t plugin_size = 0, callable_size = 0, step_size = 0, unused = 0;
    std::array<char, 64> plugin{};
    std::array<char, 104> callable{};
    std::array<char, 64> step{};
};

static_assert(std::is_trivially_copyable_v<FlightHeader> && sizeof(FlightHeader) == 128);
static_assert(std::is_trivially_copyable_v<FlightSlot> && sizeof(FlightSlot) == 320);

inline constexpr std::size_t kMaxFlightBytes = sizeof(FlightHeader) + kMaxFlightSlots * sizeof(FlightSlot);

}  // namespace tasker::host
