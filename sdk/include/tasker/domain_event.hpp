#pragma once
// A domain event as publishers and subscribers get it, and what they are made from.

#include <cstdint>
#include <string>
#include <string_view>

#include "tasker/abi_events.h"
#include "tasker/detail/step_texts.hpp"
#include "tasker/detail/text.hpp"
#include "tasker/json.hpp"
#include "tasker/logging.hpp"

namespace tasker {

enum class Delivery : std::uint32_t {
    Durable = TASKER_DELIVERY_DURABLE,      // the namespace's queue
    Fast = TASKER_DELIVERY_FAST,            // subscribers in this process
    Broadcast = TASKER_DELIVERY_BROADCAST,  // both
};

// A value: a test makes one as it likes.
struct DomainEvent {
    std::string name;  // payment.authorized
    std::string event_id, namespace_name, publisher, task_uuid, step_uuid, step_name, correlation_id;
    bool success = true;     // of the step
    bool retryable = false;  // of its failure
    Delivery delivery = Delivery::Durable;
    json payload;      // the business payload
    json step_result;  // the step's result, the whole envelope
    json metadata;     // of the event; null as long as it is not made
    std::string text;  // the whole event as JSON; empty as long as it is not made
};

// What a publisher or subscriber may be constructed from, once a worker. Valid during construction.
struct EventSetup {
    json config;    // the plugin's section of the host's configuration, an object
    Logger logger;  // of the host; lives as long as the instance
    void* plugin_state;

    // The State that TASKER_PLUGIN_WITH_STATE names.
    template <class State>
    State& state() const {
        return *static_cast<State*>(plugin_state);
    }
};

namespace detail {

inline DomainEvent event_of(const tasker_event_v0& given) {
    const auto parsed = [](const tasker_str& text) {
        return text.len == 0 ? json() : parse(view(text), "domain event");
    };
    DomainEvent event;
    event.name = view(given.name);
    event.event_id = view(given.event_id);
    event.namespace_name = view(given.namespace_);
    event.publisher = view(given.publisher);
    event.task_uuid = view(given.task_uuid);
    event.step_uuid = view(given.step_uuid);
    event.step_name = view(given.step_name);
    event.correlation_id = view(given.correlation_id);
    event.success = (given.flags & TASKER_EVENT_SUCCESS) != 0;
    event.retryable = (given.flags & TASKER_EVENT_RETRYABLE) != 0;
    event.delivery = static_cast<Delivery>(given.delivery);
    event.payload = parsed(given.payload_json);
    event.step_result = parsed(given.result_json);
    event.metadata = parsed(given.metadata_json);
    event.text = view(given.event_json);
    return event;
}

}  // namespace detail
}  // namespace tasker
