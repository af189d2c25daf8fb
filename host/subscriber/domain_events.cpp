#include "host/subscriber/domain_events.hpp"

#include <exception>
#include <optional>
#include <utility>

#include "host/core/error.hpp"
#include "host/core/json_text.hpp"

namespace tasker::host {

namespace {
constexpr std::size_t kMaxAddedMetadata = std::size_t{64} << 10U;

std::string what_of(const std::exception_ptr& thrown) {
    try {
        std::rethrow_exception(thrown);
    } catch (const std::exception& error) {
        return error.what();
    } catch (...) {
        return "something that is no std::exception was thrown";
    }
}

// A refusal that has a reason to tell. (A publisher's veto has none.)
class Unpublishable : public Error {
    using Error::Error;
};

// One event on its way, with its publisher if a plugin has one.
struct Maker {
    const StepEvent& event;
    const StepExecutionResult& result;
    const EventSource& source;
    const EventStamp& stamp;
    EventDraft& draft;
    EventPublisher* publisher;  // null: the default one

    EventNote note(std::string_view metadata, std::string_view event_json) const {
        const TaskSequenceStep& sequence = event.task_sequence_step;
        EventNote made;
        made.name = draft.name;
        made.namespace_name = sequence.task_template->namespace_name;
        made.publisher = draft.publisher;
        made.event_id = stamp.event_id.str();
        made.task_uuid = event.task_uuid.str();
        made.step_uuid = event.step_uuid.str();
        made.step_name = sequence.workflow_step.name;
        made.correlation_id = sequence.task->correlation_id.str();
        made.success = result.success;
        made.retryable = !result.success && result.error && result.error->retryable;
        made.delivery = draft.delivery;
        made.payload_json = draft.payload_json;
        made.result_json = source.execution_result;
        made.metadata_json = metadata;
        made.event_json = event_json;
        return made;
    }

    // Nothing: the publisher does not want it.
    std::optional<DomainEvent> make() {
        std::string added;
        if (publisher != nullptr) {
            if (!publisher->should_publish(note({}, {}))) return std::nullopt;
            if (auto payload = publisher->transform_payload(note({}, {})))
                draft.payload_json = std::move(*payload);
            added = publisher->additional_metadata(note({}, {}));
        }
        if (const auto fault = payload_fault(draft)) throw Unpublishable(*fault);
        if (!added.empty() &&
            (json_fault(added, {.max_depth = 99, .max_bytes = kMaxAddedMetadata}) || !json_is_object(added)))
            throw Unpublishable("the publisher's metadata is not a JSON object of at most 64 KiB");
        const std::string_view fired_by =
            publisher == nullptr ? kDefaultPublisher : std::string_view(draft.publisher);
        const std::string metadata = event_metadata(event, stamp, fired_by, added);
        auto made = make_domain_event(event, source, draft, stamp, metadata);
        if (!made) throw Unpublishable("it would be larger than 4 MiB");
        if (publisher != nullptr && !publisher->before_publish(note(metadata, made->event_json)))
            return std::nullopt;
        return made;
    }
};

// Everything about one result's events that the loop over them needs.
struct Batch {
    PreparedEvents& prepared;
    const Logger& log;
    std::size_t bytes = 0;

    void skip(const std::string& name, const std::string& reason) const {
        log.warn("Domain event is not published",
                 {{"operation", "publish_event"}, {"event_name", name}, {"reason", reason}});
    }
    void add(DomainEvent made, const std::shared_ptr<EventPublisher>& publisher) {
        bytes += made.event_json.size();
        if (bytes > kMaxEventBytesPerResult)
            return skip(made.name, "the events of one result would be larger than 16 MiB");
        const bool here = made.delivery != DeliveryMode::Durable;
        const bool stored = made.delivery != DeliveryMode::Fast;
        if (here || publisher) {
            Publication publication;
            publication.event = std::make_shared<const DomainEvent>(stored ? made : std::move(made));
            publication.deliver = here;
            if (publisher) {
                publication.after = [publisher, event = publication.event] {
                    publisher->after_publish(note_of(*event));
                };
            }
            prepared.publications.push_back(std::move(publication));
        }
        if (stored) prepared.stored.push_back(std::move(made));
    }
};

// A publisher's complaint must not become one about it.
void tell(EventPublisher& publisher, const EventNote& note, const std::string& fault, const Logger& log) {
    try {
        publisher.on_error(note, fault);
    } catch (...) {
        log.warn("A publisher of domain events failed on an error",
                 {{"publisher", publisher.name()}, {"error_message", what_of(std::current_exception())}});
    }
}

DomainEventBus::Handle listener(const std::shared_ptr<EventSubscriber>& subscriber) {
    return [subscriber](const DomainEvent& event) {
        const EventNote note = note_of(event);
        try {
            if (!subscriber->before_handle(note)) return;
            subscriber->handle(note);
            subscriber->after_handle(note);
        } catch (...) {
            const std::string fault = what_of(std::current_exception());
            subscriber->on_error(note, fault);
            throw;
        }
    };
}
}  // namespace

DomainEvents::DomainEvents(std::shared_ptr<const EventExtensions> extensions,
                           std::shared_ptr<DomainEventBus> bus, const Clock& clock, Random& random,
                           const Logger& log)
    : extensions_(std::move(extensions)), bus_(std::move(bus)), clock_(clock), uuids_(clock, random) {
    for (const auto& subscriber : extensions_->subscribers()) {
        subscriptions_.push_back(
            bus_->subscribe(subscriber->name(), subscriber->patterns(), listener(subscriber)));
        std::string patterns;
        for (const std::string& one : subscriber->patterns()) patterns += (patterns.empty() ? "" : ",") + one;
        log.info("Subscriber of domain events registered", {{"component", "domain_events"},
                                                            {"subscriber", subscriber->name()},
                                                            {"patterns", patterns},
                                                            {"source", subscriber->source()}});
    }
}

std::vector<EventStamp> DomainEvents::stamps(std::size_t count) {
    std::vector<EventStamp> made;
    made.reserve(count);
    for (std::size_t i = 0; i < count; ++i) made.push_back({uuids_.next(), clock_.unix_ms()});
    return made;
}

PreparedEvents DomainEvents::prepare(const StepEvent& event, const StepExecutionResult& result,
                                     std::vector<EmittedEvent> emitted, const EventStamps& stamps,
                                     const Logger& log, bool ask_publishers) const noexcept {
    PreparedEvents prepared;
    Batch batch{prepared, log};
    try {
        EventPlan plan = plan_domain_events(event, result, std::move(emitted));
        for (const SkippedEvent& one : plan.skipped) batch.skip(one.name, one.reason);
        if (plan.drafts.empty()) return prepared;
        const std::vector<EventStamp> given = stamps(plan.drafts.size());
        if (given.size() < plan.drafts.size()) return prepared;  // the result goes nowhere either
        const EventSource source = event_source(event, result);
        for (std::size_t i = 0; i < plan.drafts.size(); ++i) {
            EventDraft& draft = plan.drafts[i];
            std::shared_ptr<EventPublisher> publisher;
            if (!draft.publisher.empty()) {
                publisher = extensions_->publisher(draft.publisher);
                if (!publisher || !ask_publishers) {
                    batch.skip(draft.name, !publisher
                                               ? "no plugin offers its publisher '" + draft.publisher + "'"
                                               : "its publisher is not asked for a handler that hangs");
                    continue;
                }
            }
            Maker maker{event, result, source, given[i], draft, publisher.get()};
            try {
                if (auto made = maker.make()) batch.add(std::move(*made), publisher);
            } catch (...) {
                const std::string fault = what_of(std::current_exception());
                batch.skip(draft.name, fault);
                if (publisher) tell(*publisher, maker.note({}, {}), fault, log);
            }
        }
    } catch (const std::exception& error) {
        log.error("Domain events of a step could not be made",
                  {{"operation", "publish_event"}, {"error_message", error.what()}});
        return {};
    }
    return prepared;
}

}  // namespace tasker::host
