#pragma once
// Publishers and subscribers of domain events, as plugins (loader/event_extensions) and embedders bring them. Collected
// during discovery, then only read: so it needs no lock.

#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "host/model/domain_event.hpp"
#include "host/model/template_catalog.hpp"
#include "host/registry/handler_registry.hpp"

namespace tasker::host {

// An event as its publishers and subscribers see it. Valid during the call.
struct EventNote {
    std::string_view name, namespace_name, publisher;
    std::string event_id, task_uuid, step_uuid, step_name, correlation_id;
    bool success = false;    // of the step
    bool retryable = false;  // of its failure
    DeliveryMode delivery = DeliveryMode::Durable;
    std::string_view payload_json;   // the business payload
    std::string_view result_json;    // the step's result, its whole envelope
    std::string_view metadata_json;  // the event's
    std::string_view event_json;     // the whole event; empty as long as it is not made
};
// Of an event that is made. Views into it.
EventNote note_of(const DomainEvent& event);

// What stands between a declaration that names it and the event that is published. Called on executor threads, several at
// once, before the step's result is submitted; after_publish() on the thread of the event bus. What a function throws
// skips the event.
class EventPublisher {
  public:
    virtual ~EventPublisher() = default;
    virtual const std::string& name() const = 0;
    virtual const std::string& source() const = 0;  // the plugin file, or "embedded"
    virtual bool should_publish(const EventNote&) { return true; }
    // The payload to publish, any JSON value; nothing: as it is. It is held against the declared schema.
    virtual std::optional<std::string> transform_payload(const EventNote&) { return std::nullopt; }
    // Members to add to the event's metadata: an object, or empty.
    virtual std::string additional_metadata(const EventNote&) { return {}; }
    // The event is made; false: it is not published.
    virtual bool before_publish(const EventNote&) { return true; }
    // The result it belongs to was accepted, and with it the event.
    virtual void after_publish(const EventNote&) {}
    virtual void on_error(const EventNote&, std::string_view) {}
};

// Hears events of delivery mode fast and broadcast, one at a time, on the thread of the event bus.
class EventSubscriber {
  public:
    virtual ~EventSubscriber() = default;
    virtual const std::string& name() const = 0;
    virtual const std::string& source() const = 0;
    virtual const std::vector<std::string>& patterns() const = 0;
    virtual bool before_handle(const EventNote&) { return true; }  // false: not this one
    virtual void handle(const EventNote&) = 0;
    virtual void after_handle(const EventNote&) {}
    virtual void on_error(const EventNote&, std::string_view) {}
};

class EventExtensions {
  public:
    // Throw PluginError when the name is reserved or taken.
    void add(std::shared_ptr<EventPublisher> publisher);
    void add(std::shared_ptr<EventSubscriber> subscriber);

    std::shared_ptr<EventPublisher> publisher(std::string_view name) const;  // null when unknown
    std::vector<std::string> publisher_names() const;                        // sorted
    const std::vector<std::shared_ptr<EventSubscriber>>& subscribers() const { return subscribers_; }

  private:
    std::map<std::string, std::shared_ptr<EventPublisher>, std::less<>> publishers_;
    std::vector<std::shared_ptr<EventSubscriber>> subscribers_;
};

// A sentence for each publisher that a template of these namespaces names and nobody offers. Who runs a step publishes its
// events, so a step whose handler is not here needs no publisher here either.
std::vector<std::string> missing_publishers(const TemplateCatalog& catalog,
                                            const std::set<std::string>& namespaces,
                                            const HandlerRegistry& registry,
                                            const EventExtensions& extensions);

}  // namespace tasker::host
