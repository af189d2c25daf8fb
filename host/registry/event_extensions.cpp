#include "host/registry/event_extensions.hpp"

#include <algorithm>
#include <utility>

#include "host/core/error.hpp"
#include "host/core/json_view.hpp"
#include "host/core/nearest.hpp"

namespace tasker::host {

EventNote note_of(const DomainEvent& event) {
    EventNote note;
    note.name = event.name;
    note.namespace_name = event.namespace_name;
    note.event_id = event.event_id.str();
    note.delivery = event.delivery;
    note.event_json = event.event_json;
    note.metadata_json = json_member(event.event_json, "metadata").value_or("{}");
    const std::string_view payload = json_member(event.event_json, "payload").value_or("{}");
    note.payload_json = json_member(payload, "payload").value_or("null");
    note.result_json = json_member(payload, "execution_result").value_or("{}");
    note.success = json_member(note.result_json, "success").value_or("false") == "true";
    const std::string_view result_metadata = json_member(note.result_json, "metadata").value_or("{}");
    note.retryable = json_member(result_metadata, "retryable").value_or("false") == "true";
    const auto text = [&](std::string_view key) {
        return json_string_member(note.metadata_json, key).value_or(std::string{});
    };
    note.task_uuid = text("task_uuid");
    note.step_uuid = text("step_uuid");
    note.step_name = text("step_name");
    note.correlation_id = text("correlation_id");
    // A publisher's name needs no escapes.
    note.publisher = json_member(note.metadata_json, "fired_by").value_or("\"\"");
    if (note.publisher.size() >= 2) note.publisher = note.publisher.substr(1, note.publisher.size() - 2);
    return note;
}

void EventExtensions::add(std::shared_ptr<EventPublisher> publisher) {
    const std::string name = publisher->name();
    if (name.empty() || name == "default") {
        throw PluginError("the publisher name '" + name + "' of " + publisher->source() + " is reserved",
                          "rename the publisher");
    }
    if (const auto taken = publishers_.find(name); taken != publishers_.end()) {
        throw PluginError("publisher '" + name + "' is offered twice: by " + taken->second->source() +
                              " and by " + publisher->source(),
                          "remove one of the two, or rename one publisher");
    }
    publishers_.emplace(name, std::move(publisher));
}

void EventExtensions::add(std::shared_ptr<EventSubscriber> subscriber) {
    subscribers_.push_back(std::move(subscriber));
}

std::shared_ptr<EventPublisher> EventExtensions::publisher(std::string_view name) const {
    const auto found = publishers_.find(name);
    return found == publishers_.end() ? nullptr : found->second;
}

std::vector<std::string> EventExtensions::publisher_names() const {
    std::vector<std::string> names;
    for (const auto& [name, publisher] : publishers_) names.push_back(name);
    return names;
}

std::vector<std::string> missing_publishers(const TemplateCatalog& catalog,
                                            const std::set<std::string>& namespaces,
                                            const HandlerRegistry& registry,
                                            const EventExtensions& extensions) {
    const std::vector<std::string> offered = extensions.publisher_names();
    std::vector<std::string> sentences;
    for (const auto& one : catalog.all()) {
        if (!namespaces.empty() && !namespaces.contains(one->namespace_name)) continue;
        for (const StepTemplate& step : one->steps) {
            if (step.publishes.empty() || !registry.find(step.handler, step.name)) continue;
            for (const EventDeclaration& declared : step.publishes) {
                const std::string& name = declared.publisher;
                if (name.empty() || name == "default" || extensions.publisher(name) != nullptr) continue;
                sentences.push_back("event '" + declared.name + "' of " + one->id() + "#" + step.name +
                                    " names the publisher '" + name + "', which no plugin offers" +
                                    did_you_mean(name, offered));
            }
        }
    }
    return sentences;
}

}  // namespace tasker::host
