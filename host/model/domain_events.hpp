#pragma once
// Which domain events follow from a step's result, and what they look like (protocol.md 8). Pure.
//
// A declaration of `publishes_events` fires by its condition; whether a failure is tried again is said by the result's
// own `retryable`. Its payload is the step's result; after a failure it is
//   {"message", "error_type", "error_code", "retryable", "attempt"}.
// An event that the handler emitted is published with its own payload, whatever the outcome. Its name's declaration, if
// there is one, says delivery, schema and publisher, and does not fire beside it. An undeclared one is durable.
// Of two declarations of one name the last counts.

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "host/core/uuid.hpp"
#include "host/model/domain_event.hpp"
#include "host/model/step_event.hpp"
#include "host/model/step_result.hpp"

namespace tasker::host {

inline constexpr std::size_t kMaxEventsPerResult = 256;
inline constexpr std::size_t kMaxEventBytes = std::size_t{4} << 20U;  // of one event's JSON
inline constexpr std::size_t kMaxEventBytesPerResult = std::size_t{16} << 20U;
inline constexpr std::string_view kDefaultPublisher = "DefaultDomainEventPublisher";

bool fires(EventCondition condition, bool success, bool retryable);
// Lower-case letters, digits, _ and dots: at least one dot, none first, last or doubled. At most 255 bytes.
bool is_event_name(std::string_view name);
// `*` stands for any run of characters; everything else, dots too, for itself.
bool event_name_matches(std::string_view pattern, std::string_view name);

// An event that is going to be published.
struct EventDraft {
    std::string name;
    const EventDeclaration* declaration = nullptr;  // of the step event's template; null: not declared
    DeliveryMode delivery = DeliveryMode::Durable;
    std::string publisher;  // empty: the default one
    std::string payload_json;
};
struct SkippedEvent {
    std::string name, reason;
};
struct EventPlan {
    std::vector<EventDraft> drafts;  // declarations in template order, then what was emitted, in its order
    std::vector<SkippedEvent> skipped;
};
EventPlan plan_domain_events(const StepEvent& event, const StepExecutionResult& result,
                             std::vector<EmittedEvent> emitted);

// Why the payload must not be published: no JSON that can be stored, or not what the declaration's schema asks for.
std::optional<std::string> payload_fault(const EventDraft& draft);

// What all events of one result have in common; made once, because it is large.
struct EventSource {
    std::string step_json;         // task_sequence_step
    std::string lean_step_json;    // the same without the results of its ancestors
    std::string execution_result;  // the envelope
};
EventSource event_source(const StepEvent& event, const StepExecutionResult& result);

struct EventStamp {
    Uuid event_id;  // version 7
    std::int64_t fired_ms = 0;
};
// The member `metadata`. `more` is an object of further members, or empty; members of the protocol win.
std::string event_metadata(const StepEvent& event, const EventStamp& stamp, std::string_view fired_by,
                           std::string_view more);
// Nothing when it would be larger than kMaxEventBytes, even without the results of the step's ancestors.
std::optional<DomainEvent> make_domain_event(const StepEvent& event, const EventSource& source,
                                             const EventDraft& draft, const EventStamp& stamp,
                                             std::string_view metadata_json);

}  // namespace tasker::host
