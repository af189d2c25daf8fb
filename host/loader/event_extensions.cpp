#include "host/loader/event_extensions.hpp"

#include <tasker/abi_events.h>

#include <cstdint>
#include <optional>
#include <set>
#include <string_view>
#include <utility>

#include "host/core/error.hpp"
#include "host/loader/error_text.hpp"
#include "host/loader/extension_tables.hpp"
#include "host/loader/memory_probe.hpp"

namespace tasker::host {

namespace {
constexpr std::size_t kMaxPatterns = 64;
constexpr std::size_t kMaxPattern = 255;
constexpr std::size_t kMaxWritten = std::size_t{1} << 20U;  // of a payload

std::vector<std::string> read_patterns(const MemoryProbe& probe, const tasker_event_subscriber_v0& table,
                                       const std::string& at) {
    if (table.pattern_count == 0 || table.pattern_count > kMaxPatterns)
        invalid_extension(at + ".pattern_count",
                          "is " + std::to_string(table.pattern_count) + ", must be 1 to 64");
    std::vector<std::string> patterns;
    for (std::size_t i = 0; i < table.pattern_count; ++i) {
        const std::string member = at + ".patterns[" + std::to_string(i) + "]";
        const char* text = nullptr;
        if (!probe.copy(&text, table.patterns + i, sizeof text)) invalid_extension(member, "is not readable");
        patterns.push_back(read_extension_text(probe, text, member, kMaxPattern));
    }
    return patterns;
}

tasker_str lent(std::string_view text) { return {text.data(), text.size()}; }

tasker_event_v0 table_of(const EventNote& note) {
    tasker_event_v0 event{};
    event.struct_size = sizeof event;
    event.flags = (note.success ? TASKER_EVENT_SUCCESS : 0U) | (note.retryable ? TASKER_EVENT_RETRYABLE : 0U);
    event.delivery = note.delivery == DeliveryMode::Durable ? TASKER_DELIVERY_DURABLE
                     : note.delivery == DeliveryMode::Fast  ? TASKER_DELIVERY_FAST
                                                            : TASKER_DELIVERY_BROADCAST;
    event.name = lent(note.name);
    event.event_id = lent(note.event_id);
    event.namespace_ = lent(note.namespace_name);
    event.publisher = lent(note.publisher);
    event.task_uuid = lent(note.task_uuid);
    event.step_uuid = lent(note.step_uuid);
    event.step_name = lent(note.step_name);
    event.correlation_id = lent(note.correlation_id);
    event.payload_json = lent(note.payload_json);
    event.result_json = lent(note.result_json);
    event.metadata_json = lent(note.metadata_json);
    event.event_json = lent(note.event_json);
    return event;
}

// A publisher or subscriber of a plugin.
template <class Table>
class Member : public ExtensionInstance<Table> {
  public:
    using ExtensionInstance<Table>::ExtensionInstance;
    using ExtensionInstance<Table>::table;
    using ExtensionInstance<Table>::object;
    using ExtensionInstance<Table>::check;

    // 1 and 0 as answers; a NULL function is 1.
    template <class Function>
    bool ask(Function function, const char* what, const EventNote& note) const {
        if (function == nullptr) return true;
        int32_t (*const run)(void*, const tasker_event_v0*, const tasker_sink*) = function;
        const tasker_event_v0 event = table_of(note);
        ErrorText error;
        const int32_t status = run(object(), &event, error.sink());
        check(status, what, error);
        return status != 0;
    }
    // What it writes; empty for nothing.
    template <class Function>
    std::string text(Function function, const char* what, const EventNote& note) const {
        if (function == nullptr) return {};
        int32_t (*const run)(void*, const tasker_event_v0*, const tasker_sink*, const tasker_sink*) =
            function;
        const tasker_event_v0 event = table_of(note);
        ErrorText error;
        WrittenText written(kMaxWritten);
        const int32_t status = run(object(), &event, written.sink(), error.sink());
        if (written.too_long()) throw Error(std::string(what) + "() wrote more than 1 MiB");
        check(status, what, error);
        return written.take();
    }
    template <class Function>
    void tell(Function function, const EventNote& note) const {
        if (function == nullptr) return;
        void (*const run)(void*, const tasker_event_v0*) = function;
        const tasker_event_v0 event = table_of(note);
        run(object(), &event);
    }
    template <class Function>
    void tell_error(Function function, const EventNote& note, std::string_view message) const {
        if (function == nullptr) return;
        void (*const run)(void*, const tasker_event_v0*, const char*, std::size_t) = function;
        const tasker_event_v0 event = table_of(note);
        run(object(), &event, message.data(), message.size());
    }
};

class PluginPublisher final : public EventPublisher {
  public:
    PluginPublisher(const std::shared_ptr<const Plugin>& plugin, const tasker_event_publisher_v0* original,
                    const tasker_event_publisher_v0& table, std::string name, const std::string& source)
        : it_(plugin, original, table, std::move(name), source, "publisher") {}
    const std::string& name() const override { return it_.name(); }
    const std::string& source() const override { return it_.source(); }
    bool should_publish(const EventNote& note) override {
        return it_.ask(it_.table().should_publish, "should_publish", note);
    }
    std::optional<std::string> transform_payload(const EventNote& note) override {
        std::string text = it_.text(it_.table().transform_payload, "transform_payload", note);
        return text.empty() ? std::nullopt : std::optional(std::move(text));
    }
    std::string additional_metadata(const EventNote& note) override {
        return it_.text(it_.table().additional_metadata, "additional_metadata", note);
    }
    bool before_publish(const EventNote& note) override {
        return it_.ask(it_.table().before_publish, "before_publish", note);
    }
    void after_publish(const EventNote& note) override { it_.tell(it_.table().after_publish, note); }
    void on_error(const EventNote& note, std::string_view message) override {
        it_.tell_error(it_.table().on_error, note, message);
    }

  private:
    const Member<tasker_event_publisher_v0> it_;
};

class PluginSubscriber final : public EventSubscriber {
  public:
    PluginSubscriber(const std::shared_ptr<const Plugin>& plugin, const tasker_event_subscriber_v0* original,
                     const tasker_event_subscriber_v0& table, std::string name, const std::string& source,
                     std::vector<std::string> patterns)
        : it_(plugin, original, table, std::move(name), source, "subscriber"),
          patterns_(std::move(patterns)) {}
    const std::string& name() const override { return it_.name(); }
    const std::string& source() const override { return it_.source(); }
    const std::vector<std::string>& patterns() const override { return patterns_; }
    bool before_handle(const EventNote& note) override {
        return it_.ask(it_.table().before_handle, "before_handle", note);
    }
    void handle(const EventNote& note) override {
        static_cast<void>(it_.ask(it_.table().handle, "handle", note));
    }
    void after_handle(const EventNote& note) override { it_.tell(it_.table().after_handle, note); }
    void on_error(const EventNote& note, std::string_view message) override {
        it_.tell_error(it_.table().on_error, note, message);
    }

  private:
    const Member<tasker_event_subscriber_v0> it_;
    const std::vector<std::string> patterns_;
};

struct PublisherEntry {
    const tasker_event_publisher_v0* original = nullptr;
    tasker_event_publisher_v0 table{};
    std::string name;
};
struct SubscriberEntry {
    const tasker_event_subscriber_v0* original = nullptr;
    tasker_event_subscriber_v0 table{};
    std::string name;
    std::vector<std::string> patterns;
};
struct EventEntries {
    std::vector<PublisherEntry> publishers;
    std::vector<SubscriberEntry> subscribers;
};

EventEntries read_entries(const PluginDescriptor& descriptor) {
    EventEntries found;
    if (descriptor.table.get_extension == nullptr) return found;
    const MemoryProbe probe;
    std::set<std::string> names;
    for (const auto& [original, table] :
         read_extension_items<tasker_event_publisher_v0, tasker_event_publishers_v0>(
             probe, descriptor, TASKER_EXT_EVENT_PUBLISHER)) {
        std::string name = read_extension_name(probe, table.name, "a publisher's name");
        if (name == "default" || !names.insert(name).second)
            invalid_extension("a publisher's name", "'" + name + "' is reserved or there twice");
        found.publishers.push_back({original, table, std::move(name)});
    }
    for (const auto& [original, table] :
         read_extension_items<tasker_event_subscriber_v0, tasker_event_subscribers_v0>(
             probe, descriptor, TASKER_EXT_EVENT_SUBSCRIBER)) {
        std::string name = read_extension_name(probe, table.name, "a subscriber's name");
        if (table.handle == nullptr) invalid_extension("handle of subscriber '" + name + "'", "is NULL");
        auto patterns = read_patterns(probe, table, "subscriber '" + name + "'");
        found.subscribers.push_back({original, table, std::move(name), std::move(patterns)});
    }
    return found;
}
}  // namespace

PluginEventExtensions load_event_extensions(const std::shared_ptr<const Plugin>& plugin,
                                            const std::string& source) {
    PluginEventExtensions found;
    EventEntries entries = read_entries(plugin->descriptor());
    for (auto& one : entries.publishers)
        found.publishers.push_back(
            std::make_shared<PluginPublisher>(plugin, one.original, one.table, std::move(one.name), source));
    for (auto& one : entries.subscribers)
        found.subscribers.push_back(std::make_shared<PluginSubscriber>(
            plugin, one.original, one.table, std::move(one.name), source, std::move(one.patterns)));
    return found;
}

EventExtensionNames list_event_extensions(const PluginDescriptor& descriptor) {
    EventExtensionNames names;
    const EventEntries entries = read_entries(descriptor);
    for (const auto& one : entries.publishers) names.publishers.push_back(one.name);
    for (const auto& one : entries.subscribers) names.subscribers.push_back(one.name);
    return names;
}

}  // namespace tasker::host
