/* tasker/abi.h - the only header that crosses the boundary of a plugin. C11, C++20, importable from Rust and Zig.
 *
 * A plugin is a shared object that exports one function, tasker_plugin_entry_v0, and carries ELF notes (see the end).
 * Host and plugin exchange tables of C functions and borrowed bytes; neither frees what the other allocated.
 *
 * Rules that hold everywhere
 *  - Signatures use fixed-width integers, size_t and pointers. No struct by value, enum, bool, long, varargs.
 *  - The first member of every versioned struct is struct_size, set by whoever made the struct. A reader treats
 *    everything beyond it as zero and asks TASKER_HAS() before touching a member younger than minor 0.
 *  - Text is UTF-8. Names and keys are NUL-terminated; payloads are (pointer, length) and are not.
 *  - JSON travels as text.
 *  - Reserved members are 0 and checked when the plugin is loaded.
 *  - No function may let an exception or a longjmp out.
 *  - Functions of the host copy what they are given before they return.
 *
 * Threads, as tagged on each function
 *  [load]      the thread that loads plugins; once a process, never beside anything else of this plugin
 *  [main]      the worker's start and stop thread; once
 *  [pool]      any thread of the host's pool; different instances may be created concurrently
 *  [instance]  as the handler declares:
 *                SERIAL     one call at a time on any thread, with happens-before between calls
 *                REENTRANT  any number at once
 *                AFFINE     create, call and destroy on one and the same thread
 *  [any]       every thread, those that a plugin made itself included
 *
 * A plugin does not install signal handlers, change locale, umask, working directory or environment, call exit, fork
 * without exec, close descriptors it did not open, or write to stdout. Threads that it made are joined in shutdown().
 *
 * This is version 0: it may still change. Version 1 will be frozen under the entry name tasker_plugin_entry_v1;
 * tasker_str, tasker_kv and tasker_sink are frozen already, in every version.
 */
#ifndef TASKER_ABI_H
#define TASKER_ABI_H

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#define TASKER_NOEXCEPT noexcept
#else
#define TASKER_NOEXCEPT
#endif
#define TASKER_EXPORT __attribute__((visibility("default")))

#define TASKER_ABI_MAJOR 0u /* part of the entry symbol's name */
#define TASKER_ABI_MINOR 1u /* grows by appending inside a major */
#define TASKER_ENTRY_SYMBOL "tasker_plugin_entry_v0"

/* ELF notes: owner, and the types of the two notes that this version knows. */
#define TASKER_NOTE_NAME "TASKER"
#define TASKER_NOTE_ABI 1u      /* four uint16_t: abi_major, abi_minor, min_host_minor, flags (0) */
#define TASKER_NOTE_MANIFEST 2u /* optional JSON: {"id","version","sdk","handlers":[...]}, without NUL */

/* Does the peer's struct reach this member, and is it set? */
#define TASKER_HAS(p, field) \
    ((p) && (p)->struct_size >= offsetof(__typeof__(*(p)), field) + sizeof((p)->field) && (p)->field)

/* ---- frozen for ever ----------------------------------------------------------------------------------- */

/* Borrowed UTF-8, not NUL-terminated; ptr may be NULL only when len is 0. */
typedef struct tasker_str {
    const char* ptr;
    size_t len;
} tasker_str;

typedef struct tasker_kv {
    tasker_str key, value;
} tasker_kv;

/* Receiver of bytes of unknown size: the receiving side supplies it, the other side writes, nobody allocates for the
 * other. write() returns TASKER_OK or TASKER_E_NOMEM; several writes append. Valid for the one function it is passed
 * to. */
typedef struct tasker_sink {
    void* ctx;
    int32_t (*write)(void* ctx, const char* bytes, size_t len) TASKER_NOEXCEPT;
} tasker_sink;

/* ---- constants: never renumbered ----------------------------------------------------------------------- */

/* Status: 0 is success, negative an error. Positive values are reserved; see call(). */
#define TASKER_OK 0
#define TASKER_E_FAILED -1  /* anything else; details through fail(), a sink or the log */
#define TASKER_E_INVALID -2 /* bad argument, malformed JSON */
#define TASKER_E_STATE -3   /* called at the wrong time */
#define TASKER_E_NOMEM -4
#define TASKER_E_UNSUPPORTED -5 /* this host does not do that */
#define TASKER_E_CANCELLED -6   /* call(): stopped because stop_requested() said so; the step is released */
#define TASKER_E_CONFIG -7      /* init(), create(): the configuration is refused */
#define TASKER_E_PANIC -8       /* an exception or a Rust panic was caught at the boundary */
#define TASKER_E_LEASE_LOST -9  /* the step belongs to another worker now */
#define TASKER_E_NOT_FOUND -10  /* no such key */
#define TASKER_PENDING 1        /* reserved for asynchronous handlers; call() must not return it yet */

/* What a handler produces; which terminal functions answer it. */
#define TASKER_KIND_STEP 1u
#define TASKER_KIND_DECISION 2u       /* decide() */
#define TASKER_KIND_BATCH_ANALYZER 3u /* create_batches() */
#define TASKER_KIND_BATCH_WORKER 4u   /* yield_checkpoint(), save_checkpoint() */

/* Threading contract of ONE instance; 0 is the safest. */
#define TASKER_THREADS_SERIAL 0u
#define TASKER_THREADS_REENTRANT 1u
#define TASKER_THREADS_AFFINE 2u

/* Capabilities of a handler. */
#define TASKER_CAP_IDEMPOTENT (1ull << 0) /* may be run again after an unknown outcome */
#define TASKER_CAP_CHECKPOINTS \
    (1ull << 1) /* of other kinds than BATCH_WORKER: uses yield_ and save_checkpoint() */
#define TASKER_CAP_CANCELLABLE (1ull << 2) /* polls stop_requested() at least once a second */
#define TASKER_CAP_BLOCKING_IO (1ull << 3)
#define TASKER_CAP_CPU_HEAVY (1ull << 4)

/* Answers of stop_requested(). */
#define TASKER_STOP_NONE 0
#define TASKER_STOP_CANCELLED 1  /* the task was cancelled */
#define TASKER_STOP_DEADLINE 2   /* the step's time is over */
#define TASKER_STOP_DRAINING 3   /* the worker is stopping or being replaced: finish or give up soon */
#define TASKER_STOP_LEASE_LOST 4 /* another worker has the step: nothing done from now on counts */

#define TASKER_LOG_TRACE 0
#define TASKER_LOG_DEBUG 1
#define TASKER_LOG_INFO 2
#define TASKER_LOG_WARN 3
#define TASKER_LOG_ERROR 4

/* tasker_step_v0.flags */
#define TASKER_STEP_DRY_RUN (1u << 0)     /* the task asked for a dry run; no host of this version sets it */
#define TASKER_STEP_RETRYABLE (1u << 1)   /* the template lets this step be retried */
#define TASKER_STEP_REDELIVERED (1u << 2) /* an earlier attempt was lost, its outcome is unknown */
#define TASKER_STEP_NO_OP (1u << 3) /* placeholder of an analyzer without batches: succeed at once. Minor 1 */

/* tasker_failure_v0.retryable */
#define TASKER_RETRY_BY_TYPE 0u /* retried unless error_type is permanent_error or validation_error */
#define TASKER_RETRY_YES 1u
#define TASKER_RETRY_NO 2u

/* ---- a running step ------------------------------------------------------------------------------------ */

typedef struct tasker_call tasker_call; /* opaque, the host's; dead once call() has returned */

typedef struct tasker_failure_v0 {
    uint32_t struct_size;
    uint32_t retryable;      /* TASKER_RETRY_* */
    tasker_str message;      /* for people; empty becomes "handler failed without a message" */
    tasker_str error_type;   /* at most 255 bytes; empty becomes handler_error */
    tasker_str error_code;   /* the author's own; may be empty */
    tasker_str context_json; /* an object, or empty */
    uint64_t retry_after_ms; /* 0: the template's backoff */
    /* Minor 1. Headers of the response that made the step fail, an object of texts, or empty; at most 64, names of 1 to
     * 256 bytes, 64 KiB in all. A Retry-After (whole seconds or an RFC 2822 date) counts when retry_after_ms is 0. */
    tasker_str headers_json;
} tasker_failure_v0;

/* Progress of a step. cursor_json: any JSON value but null, at most 64 KiB: where to go on. accumulated_json: any JSON
 * value, or empty: what was gathered so far; with the cursor at most 1 MiB. items_processed: at most INT64_MAX, the sum
 * over all calls. What is beyond 256 KiB in all is saved, with a WARN in the step's log. */
typedef struct tasker_checkpoint_v0 {
    uint32_t struct_size;
    uint32_t reserved0;
    tasker_str cursor_json, accumulated_json;
    uint64_t items_processed;
} tasker_checkpoint_v0;

/* Services of one call. Every function: [any], until call() returns; arguments are copied before it returns.
 *
 * Terminal functions are succeed, fail, decide, create_batches and yield_checkpoint: the first one ends the step, every
 * later one answers TASKER_E_STATE and changes nothing. call() returning TASKER_OK without one is a permanent failure
 * (invalid_result, NO_RESULT).
 *
 * decide, create_batches, yield_checkpoint and save_checkpoint belong to a kind (TASKER_KIND_*): a handler of another one
 * gets E_UNSUPPORTED, and nothing happens. An argument that breaks their rules is E_INVALID, and of the terminal ones
 * the step fails permanently (invalid_outcome, INVALID_OUTCOME) with a message that names the rule. */
typedef struct tasker_call_api_v0 {
    uint32_t struct_size;
    uint32_t reserved0;

    /* Ends the step well. json: any JSON value, at most 1 MiB. A text that the host must refuse (malformed, NUL, lone
     * surrogate, not UTF-8, a number not finite as double, deeper than 100) is accepted here with TASKER_OK or refused
     * with TASKER_E_INVALID; in both cases the step fails permanently as invalid_result. E_STATE. */
    int32_t (*succeed)(tasker_call*, const char* json, size_t len) TASKER_NOEXCEPT;

    /* Ends the step badly. E_STATE; E_INVALID when the struct is malformed (the step then fails all the same). */
    int32_t (*fail)(tasker_call*, const tasker_failure_v0*) TASKER_NOEXCEPT;

    /* Ends a decision step well. steps: names of the template's steps to create, each of 1 to 255 bytes, at most 100; a
     * name given twice counts once. n 0: no branch is taken. json: an object, or empty, whose members become the result,
     * beside decision_point_outcome, which it must not have. The engine then checks the names against the template.
     * E_STATE, E_INVALID, E_UNSUPPORTED. */
    int32_t (*decide)(tasker_call*, const tasker_str* steps, size_t n, const char* json,
                      size_t len) TASKER_NOEXCEPT;

    /* Ends a batch analyzer well: one step WORKER_BATCHID for each cursor, run by the template's batch_worker step
     * worker_template (1 to 255 bytes; unused when n is 0). A cursor is an object of at most 64 KiB with start_cursor
     * (inclusive) and end_cursor (exclusive), any JSON but null; batch_size, an integer from 0 to 2^32-1, otherwise the
     * difference of two integer cursors; batch_id, 1 to 64 of [A-Za-z0-9_.-] and distinct, otherwise 001, 002, ... by
     * position. At most 100000 cursors. n 0: there is nothing to do, one placeholder with TASKER_STEP_NO_OP is made.
     * json: an object, or empty, whose members become the result, beside batch_processing_outcome, which it must not
     * have; its total_items, when an integer, is the outcome's too, otherwise that is the sum of the sizes. The result
     * with the cursors is at most 1 MiB. E_STATE, E_INVALID, E_UNSUPPORTED. */
    int32_t (*create_batches)(tasker_call*, const char* worker_template, const tasker_str* cursors_json,
                              size_t n, const char* json, size_t len) TASKER_NOEXCEPT;

    /* Ends this call and saves the checkpoint; the step is called again with it, in the same attempt. Metadata of this
     * call is not kept. E_STATE, also when the call emitted events: they belong to a result, and there is none yet;
     * E_INVALID, E_UNSUPPORTED. */
    int32_t (*yield_checkpoint)(tasker_call*, const tasker_checkpoint_v0*) TASKER_NOEXCEPT;

    /* Reads what the step structure does not carry. *out is borrowed until call() returns. Keys:
     *
     *   dep.NAME         the stored result of the ancestor step NAME, the whole envelope:
     *                    {"step_uuid","success","status","result",...}; direct parents and all their ancestors
     *   dep_names        JSON array of the names that dep.NAME knows, sorted
     *   context          the task's input, as context_json
     *   inputs           workflow_step.inputs, as inputs_json
     *   previous_result  the envelope of the last failed attempt
     *   task             JSON object about the task: task_uuid, task_name, task_version, namespace_name, context,
     *                    correlation_id, parent_correlation_id, priority, initiator, source_system, reason, tags
     *   event            the whole step event as JSON
     *
     * E_NOT_FOUND for an unknown key and for a value that this step does not have (*out is then empty); E_NOMEM. */
    int32_t (*get)(tasker_call*, const char* key, tasker_str* out) TASKER_NOEXCEPT;

    /* Adds to the result's metadata, for success and failure alike; the last value of a key wins. json: any value that
     * succeed() takes, one level less deep. Limits: keys of 1 to 256 bytes, 256 of them, 64 KiB of values in all.
     * E_STATE after a terminal function; E_INVALID for text or a key that breaks these rules, and nothing is added. */
    int32_t (*set_metadata)(tasker_call*, const char* key, const char* json, size_t len) TASKER_NOEXCEPT;

    /* A domain event, published if and only if the step's result is accepted, for success and failure alike. name: at
     * most 255 bytes of a-z, 0-9, _ and dots, with at least one dot between two parts ("payment.authorized"). json: any
     * value that succeed() takes, one level less deep; empty: null. At most 100 events and 256 KiB of payloads a call.
     * E_STATE after a terminal function; E_INVALID when a rule is broken, and nothing is added. */
    int32_t (*emit_event)(tasker_call*, const char* name, const char* json, size_t len) TASKER_NOEXCEPT;

    /* TASKER_STOP_*. Cheap: poll it. Never fails. */
    int32_t (*stop_requested)(tasker_call*) TASKER_NOEXCEPT;

    /* Time left, monotonic. Negative: past the deadline. INT64_MAX: no deadline. Never fails. */
    int64_t (*remaining_ms)(tasker_call*) TASKER_NOEXCEPT;

    /* Says that the step is alive, extends its deadline, reports progress (total 0: unknown). E_LEASE_LOST. */
    int32_t (*heartbeat)(tasker_call*, uint64_t done, uint64_t total) TASKER_NOEXCEPT;

    /* Saves the progress, durable on return, and goes on: a later attempt starts from it. E_LEASE_LOST; E_FAILED: not
     * saved now, try again or go on; E_STATE after a terminal function; E_INVALID, E_UNSUPPORTED. */
    int32_t (*save_checkpoint)(tasker_call*, const tasker_checkpoint_v0*) TASKER_NOEXCEPT;

    /* A log record with the step's identity added by the host. fields may be NULL when n is 0. Never blocks. */
    void (*log)(tasker_call*, int32_t level, const char* msg, size_t len, const tasker_kv* fields,
                size_t n) TASKER_NOEXCEPT;
} tasker_call_api_v0;

/* What a step looks like. Every view is borrowed until call() returns; absent texts are empty. */
typedef struct tasker_step_v0 {
    uint32_t struct_size;
    uint32_t attempt;      /* from 1 */
    uint32_t max_attempts; /* of the template; 3 when it says nothing */
    uint32_t flags;        /* TASKER_STEP_* */
    tasker_str event_id, step_uuid, task_uuid, correlation_id, parent_correlation_id, traceparent;
    tasker_str namespace_, task_name, task_version;
    tasker_str step_name;          /* of this instance: load_001 for a batch worker */
    tasker_str template_step_name; /* in the template: load */
    tasker_str callable;           /* the handler's, as the template names it */
    tasker_str method;             /* the template's handler.method; empty or "call" is the plain call */
    tasker_str idempotency_key;    /* equal over attempts, worker generations and runtimes */
    tasker_str context_json;       /* the task's input, an object */
    tasker_str inputs_json;        /* workflow_step.inputs, or empty */
    tasker_str config_json;        /* handler.initialization of the template's step, an object */
    tasker_str batch_json;         /* cursor of a batch worker, the object inputs_json.cursor; or empty */
    tasker_str
        checkpoint_json; /* durable before this call: cursor, items_processed, accumulated_results; or empty */
    int64_t deadline_unix_ms;      /* wall clock at the start; 0: none. heartbeat() moves the real one */
    const tasker_call_api_v0* api; /* valid until call() returns */
} tasker_step_v0;

/* ---- the host ------------------------------------------------------------------------------------------ */

/* Outlives every instance; valid until shutdown() has returned. Every function: [any]. */
typedef struct tasker_host_v0 tasker_host_v0;
struct tasker_host_v0 {
    uint32_t struct_size;
    uint16_t abi_major, abi_minor;
    void* ctx; /* the host's own */
    const char *name, *version, *namespace_, *worker_id;

    /* An extension by id ("tasker.<name>/<n>"), a struct that starts with struct_size; NULL when unknown. Lives as long
     * as the host. */
    const void* (*get_extension)(const tasker_host_v0*, const char* id)TASKER_NOEXCEPT;

    /* A log record outside a call, with the plugin's id added. Never blocks. */
    void (*log)(const tasker_host_v0*, int32_t level, const char* msg, size_t len, const tasker_kv* fields,
                size_t n) TASKER_NOEXCEPT;

    /* 1 when a record of this level would be written, else 0. */
    int32_t (*log_enabled)(const tasker_host_v0*, int32_t level) TASKER_NOEXCEPT;

    int64_t (*unix_ms)(const tasker_host_v0*) TASKER_NOEXCEPT; /* wall clock */
    int64_t (*mono_ns)(const tasker_host_v0*) TASKER_NOEXCEPT; /* never goes back */

    /* Writes the JSON value under a dotted key of the plugin's configuration section. E_NOT_FOUND, E_NOMEM. */
    int32_t (*config)(const tasker_host_v0*, const char* dotted_key, const tasker_sink*) TASKER_NOEXCEPT;
};

/* ---- the plugin ---------------------------------------------------------------------------------------- */

typedef struct tasker_create_v0 {
    uint32_t struct_size;
    uint32_t slot;              /* 0..n-1: one instance per (handler, slot), never per template */
    const tasker_host_v0* host; /* outlives every instance */
    tasker_str config_json;     /* the plugin's configuration section, an object; until create() returns */
    void* state;                /* what init() stored; NULL without init() */
    const tasker_sink* error;   /* a text for people, when create() fails; until create() returns */
} tasker_create_v0;

typedef struct tasker_handler_v0 tasker_handler_v0;
struct tasker_handler_v0 {
    uint32_t struct_size;
    uint32_t kind;              /* TASKER_KIND_* */
    uint32_t threads;           /* TASKER_THREADS_* */
    uint32_t max_instances;     /* 0: the host decides */
    uint64_t capabilities;      /* TASKER_CAP_* */
    const char* callable;       /* 1..128 of [A-Za-z0-9_.:-] */
    const char* version;        /* the handler's own; NULL: the plugin's */
    const char* summary;        /* one line, or NULL */
    const char* const* methods; /* what handler.method may name beside "call"; NULL when method_count is 0 */
    size_t method_count;
    /* JSON Schemas (draft 7); NULL: unchecked. A step whose config_json or context_json does not fit fails permanently
     * without being called (validation_error, CONFIG_SCHEMA or INPUT_SCHEMA), one whose result does not fit after it
     * (invalid_result, RESULT_SCHEMA). Templates are checked against config_schema_json when they are loaded, too. A
     * schema that cannot be used refuses the plugin. */
    const char *config_schema_json, *input_schema_json, *result_schema_json;
    const void* user; /* the plugin's own */

    /* [pool] Makes an instance and stores it in *out (which may stay NULL). E_CONFIG, E_NOMEM, E_FAILED, E_PANIC, with
     * a text in args->error: the step that needed the instance then fails with that text and is retried, and so is the
     * making of the instance. NULL function: the instance is NULL. */
    int32_t (*create)(const tasker_handler_v0*, const tasker_create_v0* args, void** out) TASKER_NOEXCEPT;

    /* [instance] Runs one step. TASKER_OK after a terminal function. A negative status without one: E_CANCELLED and
     * E_LEASE_LOST release the step, E_PANIC and the rest are retryable failures (handler_error, HANDLER_EXCEPTION).
     * Positive: reserved, an invalid outcome whatever was called before. step and call are dead once it returns. */
    int32_t (*call)(void* instance, const tasker_step_v0*, tasker_call*) TASKER_NOEXCEPT;

    /* [pool], AFFINE: the instance's thread. After the last call() of the instance. NULL: nothing to do. */
    void (*destroy)(void* instance) TASKER_NOEXCEPT;
};

typedef struct tasker_plugin_v0 tasker_plugin_v0;
struct tasker_plugin_v0 {
    uint32_t struct_size;
    uint16_t abi_major, abi_minor; /* what it was built with */
    uint16_t min_host_minor;       /* what it cannot live without */
    uint16_t reserved0;
    uint32_t reserved1;
    /* id and version are required, the rest may be NULL. */
    const char *id, *name, *version, *vendor, *license, *sdk;
    size_t handler_count;
    /* Pointers, because the size of a handler may differ between builds. */
    const tasker_handler_v0* const* handlers;

    /* [main] Optional, before the first create(). *state is handed to create() and shutdown(). E_CONFIG and other
     * errors, with a text in error (borrowed for this call), keep the plugin's handlers out of service. */
    int32_t (*init)(const tasker_plugin_v0*, const tasker_host_v0*, void** state,
                    const tasker_sink* error) TASKER_NOEXCEPT;

    /* [main] Optional. After every instance was destroyed; not called when init() failed. */
    void (*shutdown)(const tasker_plugin_v0*, void* state) TASKER_NOEXCEPT;

    /* [any] Optional. As the host's get_extension, the other way round. */
    const void* (*get_extension)(const tasker_plugin_v0*, const char* id)TASKER_NOEXCEPT;
};

/* [load] The one exported symbol. Pure: no threads, I/O, locks or host calls. NULL means "I refuse this host". What it
 * returns lives as long as the process. */
typedef const tasker_plugin_v0* (*tasker_plugin_entry_v0_fn)(const tasker_host_v0*)TASKER_NOEXCEPT;
TASKER_EXPORT const tasker_plugin_v0* tasker_plugin_entry_v0(const tasker_host_v0*) TASKER_NOEXCEPT;

/* ---- layout, 64 bit ------------------------------------------------------------------------------------ */

#if defined(__cplusplus)
#define TASKER_FREEZE(T, size) static_assert(sizeof(T) == (size) && sizeof(T) % 8 == 0, "ABI: " #T)
#else
#define TASKER_FREEZE(T, size) _Static_assert(sizeof(T) == (size) && sizeof(T) % 8 == 0, "ABI: " #T)
#endif
#if UINTPTR_MAX == 0xffffffffffffffffu
TASKER_FREEZE(tasker_str, 16);
TASKER_FREEZE(tasker_kv, 32);
TASKER_FREEZE(tasker_sink, 16);
TASKER_FREEZE(tasker_failure_v0, 96);
TASKER_FREEZE(tasker_checkpoint_v0, 48);
TASKER_FREEZE(tasker_call_api_v0, 112);
TASKER_FREEZE(tasker_step_v0, 336);
TASKER_FREEZE(tasker_host_v0, 96);
TASKER_FREEZE(tasker_create_v0, 48);
TASKER_FREEZE(tasker_handler_v0, 120);
TASKER_FREEZE(tasker_plugin_v0, 104);
#endif
#undef TASKER_FREEZE

/* ---- notes for plugins in C; C++ plugins get theirs from TASKER_PLUGIN --------------------------------- */

/*   TASKER_C_NOTE(min_host_minor)                      the ABI note
 *   TASKER_C_NOTE(min_host_minor, "{\"id\": ...}")     and the manifest, a string literal that agrees with the
 *                                                      plugin's table: the host compares the two
 *
 * Once a plugin, at file scope, followed by a semicolon. C only. */
#ifndef __cplusplus
#if defined(__has_attribute)
#if __has_attribute(nonstring)
#define TASKER_NOTE_TEXT_ __attribute__((nonstring))
#endif
#endif
#ifndef TASKER_NOTE_TEXT_
#define TASKER_NOTE_TEXT_
#endif
#define TASKER_NOTE_PLACE_ __attribute__((section(".note.tasker"), used, aligned(4)))
#define TASKER_NOTE_ABI_(MIN_HOST)            \
    static const struct {                     \
        uint32_t name_size, desc_size, type;  \
        char name[8];                         \
        uint16_t desc[4];                     \
    } tasker_note_abi_ TASKER_NOTE_PLACE_ = { \
        7u, 8u, TASKER_NOTE_ABI, TASKER_NOTE_NAME, {TASKER_ABI_MAJOR, TASKER_ABI_MINOR, (MIN_HOST), 0u}}
#define TASKER_NOTE_MANIFEST_(MIN_HOST, JSON)                                                              \
    TASKER_NOTE_ABI_(MIN_HOST);                                                                            \
    static const struct {                                                                                  \
        uint32_t name_size, desc_size, type;                                                               \
        char name[8];                                                                                      \
        TASKER_NOTE_TEXT_ char desc[(sizeof(JSON) + 2u) / 4u * 4u];                                        \
    } tasker_note_manifest_ TASKER_NOTE_PLACE_ = {7u, (uint32_t)(sizeof(JSON) - 1u), TASKER_NOTE_MANIFEST, \
                                                  TASKER_NOTE_NAME, JSON}
#define TASKER_NOTE_PICK_(A, B, PICKED, ...) PICKED
#define TASKER_C_NOTE(...) \
    TASKER_NOTE_PICK_(__VA_ARGS__, TASKER_NOTE_MANIFEST_, TASKER_NOTE_ABI_, unused)(__VA_ARGS__)
#endif

#ifdef __cplusplus
}
#endif
#endif /* TASKER_ABI_H */
