#pragma once
// Domain events: what a step tells the world besides its result, published if and only if the result is accepted.

#include <string>

#include "host/core/uuid.hpp"
#include "host/model/task_template.hpp"

namespace tasker::host {

// What a handler emitted by itself, beside the declarations of its template.
struct EmittedEvent {
    std::string name;
    std::string payload_json;  // any JSON value
    friend bool operator==(const EmittedEvent&, const EmittedEvent&) = default;
};

// Ready to be published. It travels with the result, so that it is stored in the transaction that accepts it.
struct DomainEvent {
    Uuid event_id;
    std::string name;            // dotted: payment.authorized
    std::string namespace_name;  // of the task
    DeliveryMode delivery = DeliveryMode::Durable;
    std::string event_json;  // the whole event (protocol.md 8)
};

}  // namespace tasker::host
