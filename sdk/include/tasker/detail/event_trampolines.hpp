#pragma once
// The C functions behind publisher and subscriber classes, and their descriptors.

#include <array>
#include <exception>
#include <memory>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>

#include "tasker/abi_events.h"
#include "tasker/detail/json_text.hpp"
#include "tasker/detail/trampolines.hpp"
#include "tasker/publisher.hpp"
#include "tasker/subscriber.hpp"

namespace tasker::detail {

template <class T>
std::int32_t create_for_events(const tasker_create_v0* args, void** out) noexcept {
    return make_contained(args->error, [&] {
        if constexpr (std::is_constructible_v<T, const EventSetup&>) {
            const auto text = view(args->config_json);
            const EventSetup setup{text.empty() ? json::object() : parse(text, "plugin configuration"),
                                   Logger(args->host), args->state};
            *out = new T(setup);
        } else {
            *out = new T();
        }
    });
}

template <class T>
void destroy_for_events(void* self) noexcept {
    delete static_cast<T*>(self);
}

// use(object, event) -> status; what it throws becomes a text in `error`, if there is one, and a status.
template <class T, class Use>
std::int32_t use_contained(void* self, const tasker_event_v0* given, const tasker_sink* error,
                           Use&& use) noexcept {
    try {
        return use(*static_cast<T*>(self), event_of(*given));
    } catch (const std::bad_alloc&) {
        return TASKER_E_NOMEM;
    } catch (const std::exception& failure) {
        explain(error, failure.what());
        return TASKER_E_FAILED;
    } catch (...) {
        explain(error, "unknown exception");
        return TASKER_E_PANIC;
    }
}

inline std::int32_t write_json(const tasker_sink* sink, const json& value) {
    const std::string text = dump(value);
    return sink->write(sink->ctx, text.data(), text.size());
}

// ---- publishers ----
template <class P>
struct PublisherText {
    static_assert(
        requires { std::bool_constant<!std::string_view(P::publisher_name).empty()>{}; },
        "a publisher needs: static constexpr std::string_view publisher_name = \"...\"");
    static_assert(is_good_name(P::publisher_name) && std::string_view(P::publisher_name) != "default",
                  "publisher_name must be 1 to 128 characters of [A-Za-z0-9_.:-], and not \"default\"");
    static_assert(std::is_default_constructible_v<P> || std::is_constructible_v<P, const EventSetup&>,
                  "a publisher must be constructible from nothing or from const tasker::EventSetup&");
    static constexpr std::string_view get() { return P::publisher_name; }
};

template <class P>
struct PublisherDescriptor {
    using Event = tasker_event_v0;

    static std::int32_t create(const tasker_event_publisher_v0*, const tasker_create_v0* args,
                               void** out) noexcept {
        return create_for_events<P>(args, out);
    }
    static std::int32_t should_publish(void* self, const Event* event, const tasker_sink* error) noexcept {
        return use_contained<P>(self, event, error,
                                [](P& to, const DomainEvent& of) { return to.should_publish(of) ? 1 : 0; });
    }
    static std::int32_t transform_payload(void* self, const Event* event, const tasker_sink* sink,
                                          const tasker_sink* error) noexcept {
        return use_contained<P>(self, event, error, [&](P& to, const DomainEvent& of) {
            const auto payload = to.transform_payload(of);
            return payload ? write_json(sink, *payload) : TASKER_OK;
        });
    }
    static std::int32_t additional_metadata(void* self, const Event* event, const tasker_sink* sink,
                                            const tasker_sink* error) noexcept {
        return use_contained<P>(self, event, error, [&](P& to, const DomainEvent& of) {
            const json added = to.additional_metadata(of);
            return added.is_null() ? TASKER_OK : write_json(sink, added);
        });
    }
    static std::int32_t before_publish(void* self, const Event* event, const tasker_sink* error) noexcept {
        return use_contained<P>(self, event, error,
                                [](P& to, const DomainEvent& of) { return to.before_publish(of) ? 1 : 0; });
    }
    static void after_publish(void* self, const Event* event) noexcept {
        static_cast<void>(use_contained<P>(self, event, nullptr, [](P& to, const DomainEvent& of) {
            to.after_publish(of);
            return TASKER_OK;
        }));
    }
    static void on_error(void* self, const Event* event, const char* message, std::size_t size) noexcept {
        static_cast<void>(use_contained<P>(self, event, nullptr, [&](P& to, const DomainEvent& of) {
            to.on_publish_error(of, {message, size});
            return TASKER_OK;
        }));
    }

    static constexpr tasker_event_publisher_v0 value{
        .struct_size = sizeof(tasker_event_publisher_v0),
        .reserved0 = 0,
        .name = StaticText<PublisherText<P>>::c_str(),
        .user = nullptr,
        .create = &create,
        .destroy = &destroy_for_events<P>,
        .should_publish = &should_publish,
        .transform_payload = &transform_payload,
        .additional_metadata = &additional_metadata,
        .before_publish = &before_publish,
        .after_publish = &after_publish,
        .on_error = &on_error,
    };
};

// ---- subscribers ----
template <class S>
constexpr std::size_t pattern_count() {
    if constexpr (requires { S::subscribes_to.size(); }) return S::subscribes_to.size();
    return 1;
}

template <class S, std::size_t I>
struct PatternText {
    static constexpr std::string_view get() {
        if constexpr (requires { S::subscribes_to.size(); }) return S::subscribes_to[I];
        return "*";
    }
};

template <class S>
struct SubscriberText {
    static_assert(
        requires { std::bool_constant<!std::string_view(S::subscriber_name).empty()>{}; },
        "a subscriber needs: static constexpr std::string_view subscriber_name = \"...\"");
    static_assert(is_good_name(S::subscriber_name),
                  "subscriber_name must be 1 to 128 characters of [A-Za-z0-9_.:-]");
    static_assert(pattern_count<S>() >= 1 && pattern_count<S>() <= 64,
                  "subscribes_to must be a std::array of 1 to 64 patterns");
    static_assert(std::is_default_constructible_v<S> || std::is_constructible_v<S, const EventSetup&>,
                  "a subscriber must be constructible from nothing or from const tasker::EventSetup&");
    static constexpr std::string_view get() { return S::subscriber_name; }
};

template <class S>
struct SubscriberDescriptor {
    using Event = tasker_event_v0;

    static std::int32_t create(const tasker_event_subscriber_v0*, const tasker_create_v0* args,
                               void** out) noexcept {
        return create_for_events<S>(args, out);
    }
    static std::int32_t before_handle(void* self, const Event* event, const tasker_sink* error) noexcept {
        return use_contained<S>(self, event, error,
                                [](S& to, const DomainEvent& of) { return to.before_handle(of) ? 1 : 0; });
    }
    static std::int32_t handle(void* self, const Event* event, const tasker_sink* error) noexcept {
        return use_contained<S>(self, event, error, [](S& to, const DomainEvent& of) {
            to.handle(of);
            return TASKER_OK;
        });
    }
    static void after_handle(void* self, const Event* event) noexcept {
        static_cast<void>(use_contained<S>(self, event, nullptr, [](S& to, const DomainEvent& of) {
            to.after_handle(of);
            return TASKER_OK;
        }));
    }
    static void on_error(void* self, const Event* event, const char* message, std::size_t size) noexcept {
        static_cast<void>(use_contained<S>(self, event, nullptr, [&](S& to, const DomainEvent& of) {
            to.on_handle_error(of, {message, size});
            return TASKER_OK;
        }));
    }

    static constexpr auto patterns = []<std::size_t... I>(std::index_sequence<I...>) {
        return std::array<const char*, sizeof...(I)>{StaticText<PatternText<S, I>>::c_str()...};
    }
    (std::make_index_sequence<pattern_count<S>()>{});

    static constexpr tasker_event_subscriber_v0 value{
        .struct_size = sizeof(tasker_event_subscriber_v0),
        .reserved0 = 0,
        .name = StaticText<SubscriberText<S>>::c_str(),
        .patterns = patterns.data(),
        .pattern_count = patterns.size(),
        .user = nullptr,
        .create = &create,
        .destroy = &destroy_for_events<S>,
        .before_handle = &before_handle,
        .handle = &handle,
        .after_handle = &after_handle,
        .on_error = &on_error,
    };
};

}  // namespace tasker::detail
