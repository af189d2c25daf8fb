#pragma once
// What a handler gave to decide() and create_batches(), checked, as the result that is stored: the outcome is a member
// of it. Pure.

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "host/model/checkpoint.hpp"

namespace tasker::host {

inline constexpr std::size_t kMaxDecidedSteps = 100;
inline constexpr std::size_t kMaxCursors = 100'000;
inline constexpr std::size_t kMaxCursorBytes = std::size_t{64} << 10U;

// One of the two: the result's JSON, or the rule that what was given breaks, in words.
struct OutcomeText {
    std::string json;
    std::optional<std::string> fault;
};

// `result` is an object or empty; its members stand beside decision_point_outcome. No steps: no branch. A name that is
// there twice counts once.
OutcomeText decision_text(std::span<const std::string_view> steps, std::string_view result);

// The same for batch_processing_outcome. No cursors: no batches.
OutcomeText batches_text(std::string_view worker_template, std::span<const std::string_view> cursors,
                         std::string_view result);

// The rule of the ABI that it breaks: cursor there and at most 64 KiB, with the accumulated results at most 1 MiB.
std::optional<std::string> given_checkpoint_fault(const Checkpoint& checkpoint);
// Worth a word in the log: it is written anew each time.
bool is_large(const Checkpoint& checkpoint);

// "payment.authorized": lower case letters, digits, _ and dots between parts.
bool may_be_event(std::string_view name);

}  // namespace tasker::host
