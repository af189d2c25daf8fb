/* tasker/abi_events.h - publishers and subscribers of domain events, as extensions of a plugin. C11 and C++20; the rules
 * of tasker/abi.h hold here, too.
 *
 * The plugin's get_extension() answers these ids with a tasker_event_publishers_v0 and a tasker_event_subscribers_v0. The
 * host asks once, after init(), on the thread that loads plugins, and makes one instance of each. */
#ifndef TASKER_ABI_EVENTS_H
#define TASKER_ABI_EVENTS_H

#include <tasker/abi.h>

#ifdef __cplusplus
extern "C" {
#endif

#define TASKER_EXT_EVENT_PUBLISHER "tasker.event_publisher/0"
#define TASKER_EXT_EVENT_SUBSCRIBER "tasker.event_subscriber/0"

/* tasker_event_v0.flags */
#define TASKER_EVENT_SUCCESS (1u << 0)   /* the step succeeded */
#define TASKER_EVENT_RETRYABLE (1u << 1) /* it failed and says that it may be tried again */

#define TASKER_DELIVERY_DURABLE 0u   /* the namespace's queue */
#define TASKER_DELIVERY_FAST 1u      /* subscribers in this process */
#define TASKER_DELIVERY_BROADCAST 2u /* both */

/* A domain event. Everything is borrowed until the function it is passed to returns. */
typedef struct tasker_event_v0 {
    uint32_t struct_size;
    uint32_t flags;    /* TASKER_EVENT_* */
    uint32_t delivery; /* TASKER_DELIVERY_* */
    uint32_t reserved0;
    tasker_str name, event_id, namespace_, publisher;
    tasker_str task_uuid, step_uuid, step_name, correlation_id;
    tasker_str payload_json;  /* the business payload, any JSON value */
    tasker_str result_json;   /* the step's result, the whole envelope */
    tasker_str metadata_json; /* of the event; empty as long as it is not made */
    tasker_str event_json;    /* the whole event; empty as long as it is not made */
} tasker_event_v0;

/* What a template names as `publisher`. Functions on events: [any], several at once; NULL stands for the default in
 * brackets. A negative status skips the event, with a record in the log that has what was written to error; the step is
 * never affected. */
typedef struct tasker_event_publisher_v0 tasker_event_publisher_v0;
struct tasker_event_publisher_v0 {
    uint32_t struct_size;
    uint32_t reserved0;
    const char* name; /* 1..128 of [A-Za-z0-9_.:-], not "default" */
    const void* user; /* the plugin's own */

    /* [load] As a handler's create(); a failure refuses the plugin. NULL: the instance is NULL. */
    int32_t (*create)(const tasker_event_publisher_v0*, const tasker_create_v0* args,
                      void** out) TASKER_NOEXCEPT;
    /* [any] Once, before the plugin's shutdown(). */
    void (*destroy)(void* instance) TASKER_NOEXCEPT;

    /* 1: go on; 0: this event is not wanted [1]. */
    int32_t (*should_publish)(void* instance, const tasker_event_v0*,
                              const tasker_sink* error) TASKER_NOEXCEPT;
    /* Writes the payload to publish, a JSON value; nothing written: as it is [nothing]. It must fit the declared schema. */
    int32_t (*transform_payload)(void* instance, const tasker_event_v0*, const tasker_sink* payload,
                                 const tasker_sink* error) TASKER_NOEXCEPT;
    /* Writes a JSON object whose members join the event's metadata [nothing]. At most 64 KiB. */
    int32_t (*additional_metadata)(void* instance, const tasker_event_v0*, const tasker_sink* object,
                                   const tasker_sink* error) TASKER_NOEXCEPT;
    /* The event is made. 1: go on; 0: it is not published [1]. */
    int32_t (*before_publish)(void* instance, const tasker_event_v0*,
                              const tasker_sink* error) TASKER_NOEXCEPT;
    /* The step's result, and with it the event, was accepted. One at a time. */
    void (*after_publish)(void* instance, const tasker_event_v0*) TASKER_NOEXCEPT;
    /* Why an event was skipped: a negative status of the above, a payload that does not fit, one too large. */
    void (*on_error)(void* instance, const tasker_event_v0*, const char* message, size_t len) TASKER_NOEXCEPT;
};

/* Hears events of delivery fast and broadcast. Functions on events: one at a time, on the host's thread for them; a slow
 * one delays other subscribers, never a step. */
typedef struct tasker_event_subscriber_v0 tasker_event_subscriber_v0;
struct tasker_event_subscriber_v0 {
    uint32_t struct_size;
    uint32_t reserved0;
    const char* name; /* 1..128 of [A-Za-z0-9_.:-]; for logs */
    /* At least one, at most 64. `*` stands for any run of characters, all else for itself: "payment.*". */
    const char* const* patterns;
    size_t pattern_count;
    const void* user; /* the plugin's own */

    int32_t (*create)(const tasker_event_subscriber_v0*, const tasker_create_v0* args,
                      void** out) TASKER_NOEXCEPT;
    void (*destroy)(void* instance) TASKER_NOEXCEPT;

    /* 1: go on; 0: not this event [1]. */
    int32_t (*before_handle)(void* instance, const tasker_event_v0*,
                             const tasker_sink* error) TASKER_NOEXCEPT;
    /* Required. A negative status is logged and counted; error takes a text for people. */
    int32_t (*handle)(void* instance, const tasker_event_v0*, const tasker_sink* error) TASKER_NOEXCEPT;
    /* After a handle() that went well. */
    void (*after_handle)(void* instance, const tasker_event_v0*) TASKER_NOEXCEPT;
    /* After one that did not. */
    void (*on_error)(void* instance, const tasker_event_v0*, const char* message, size_t len) TASKER_NOEXCEPT;
};

/* What get_extension() answers. Pointers, because the size of an element may differ between builds. At most 64. */
typedef struct tasker_event_publishers_v0 {
    uint32_t struct_size;
    uint32_t reserved0;
    size_t count;
    const tasker_event_publisher_v0* const* items;
} tasker_event_publishers_v0;

typedef struct tasker_event_subscribers_v0 {
    uint32_t struct_size;
    uint32_t reserved0;
    size_t count;
    const tasker_event_subscriber_v0* const* items;
} tasker_event_subscribers_v0;

#if defined(__cplusplus)
#define TASKER_FREEZE(T, size) static_assert(sizeof(T) == (size) && sizeof(T) % 8 == 0, "ABI: " #T)
#else
#define TASKER_FREEZE(T, size) _Static_assert(sizeof(T) == (size) && sizeof(T) % 8 == 0, "ABI: " #T)
#endif
#if UINTPTR_MAX == 0xffffffffffffffffu
TASKER_FREEZE(tasker_event_v0, 208);
TASKER_FREEZE(tasker_event_publisher_v0, 88);
TASKER_FREEZE(tasker_event_subscriber_v0, 88);
TASKER_FREEZE(tasker_event_publishers_v0, 24);
TASKER_FREEZE(tasker_event_subscribers_v0, 24);
#endif
#undef TASKER_FREEZE

#ifdef __cplusplus
}
#endif
#endif /* TASKER_ABI_EVENTS_H */
