/* tasker/abi_resolvers.h - resolvers of a plugin: which of its handlers runs a callable that is no handler's name. C11
 * and C++20; the rules of tasker/abi.h hold here, too.
 *
 * The plugin's get_extension() answers the id with a tasker_handler_resolvers_v0. The host asks once, after init(), on the
 * thread that loads plugins, and makes one instance of each. */
#ifndef TASKER_ABI_RESOLVERS_H
#define TASKER_ABI_RESOLVERS_H

#include <tasker/abi.h>

#ifdef __cplusplus
extern "C" {
#endif

#define TASKER_EXT_HANDLER_RESOLVER "tasker.handler_resolver/0"

/* Where a resolver stands that says no priority. Exact names are asked at 10, "plugin_id:callable" at 100. */
#define TASKER_RESOLVER_PRIORITY 50u

/* Answers of resolve(). */
#define TASKER_RESOLVE_NOT_MINE 0
#define TASKER_RESOLVE_FOUND 1

/* A callable that a template names. Everything is borrowed until resolve() returns. */
typedef struct tasker_asked_callable_v0 {
    uint32_t struct_size;
    uint32_t group_count;     /* of groups; 0 for a resolver by prefix */
    tasker_str callable;      /* the whole of it, at most 500 bytes */
    tasker_str rest;          /* what follows the prefix; empty for a resolver by pattern */
    const tasker_str* groups; /* what the pattern's groups caught, in order; empty: the group took no part */
} tasker_asked_callable_v0;

/* What a template may name as handler.resolver. Without that hint resolvers are asked by priority, of equal ones by name,
 * until one answers FOUND.
 *
 * A pattern is a regular expression of ECMAScript that matches the callable as a whole, without what can take long:
 *   characters, "." and \ before one that means something else; \d \D \w \W \s \S; classes [a-z] [^:] without [: [. [=;
 *   groups ( ) and (?: ), alternatives |, and * + ? {n} {n,} {n,m} with or without a ? behind.
 * No ^ $ \b, no look-ahead, no back-references. At most 256 bytes of printable ASCII, 16 groups that catch, 16 levels of
 * groups, and 1000 elements when every {n,m} is written out. */
typedef struct tasker_handler_resolver_v0 tasker_handler_resolver_v0;
struct tasker_handler_resolver_v0 {
    uint32_t struct_size;
    uint32_t priority;   /* 1 to 1000, lower ones are asked first; 0: TASKER_RESOLVER_PRIORITY */
    const char* name;    /* 1..128 of [A-Za-z0-9_.:-]; unlike that of every other resolver of the host */
    const char* prefix;  /* 1 to 256 bytes of printable ASCII; or NULL, and then a pattern */
    const char* pattern; /* see above; or NULL, and then a prefix */
    const void* user;    /* the plugin's own */

    /* [load] As a handler's create(); a failure refuses the plugin. NULL: the instance is NULL. */
    int32_t (*create)(const tasker_handler_resolver_v0*, const tasker_create_v0* args,
                      void** out) TASKER_NOEXCEPT;
    /* [any] Once, before the plugin's shutdown(). */
    void (*destroy)(void* instance) TASKER_NOEXCEPT;

    /* [any], several at once. Required. Asked for a callable that begins with the prefix, or that the pattern matches:
     * TASKER_RESOLVE_FOUND after writing to handler the callable of one of this plugin's own handlers, 1 to 128 bytes;
     * TASKER_RESOLVE_NOT_MINE without having written; a negative status, with a text for people in error. Anything else,
     * and a handler that the plugin does not have, counts as a failure: other resolvers are asked (not after a hint), and
     * when nobody else has the callable, the step fails with that text and is retried.
     * Must be quick (no I/O, no waiting) and answer the same callable the same: steps wait for it, the first answer is kept
     * as long as the worker, and validation asks, too. The handler sees the callable as the step's, not its own name. */
    int32_t (*resolve)(void* instance, const tasker_asked_callable_v0*, const tasker_sink* handler,
                       const tasker_sink* error) TASKER_NOEXCEPT;
};

/* What get_extension() answers. Pointers, because the size of an element may differ between builds. At most 64. */
typedef struct tasker_handler_resolvers_v0 {
    uint32_t struct_size;
    uint32_t reserved0;
    size_t count;
    const tasker_handler_resolver_v0* const* items;
} tasker_handler_resolvers_v0;

#if defined(__cplusplus)
#define TASKER_FREEZE(T, size) static_assert(sizeof(T) == (size) && sizeof(T) % 8 == 0, "ABI: " #T)
#else
#define TASKER_FREEZE(T, size) _Static_assert(sizeof(T) == (size) && sizeof(T) % 8 == 0, "ABI: " #T)
#endif
#if UINTPTR_MAX == 0xffffffffffffffffu
TASKER_FREEZE(tasker_asked_callable_v0, 48);
TASKER_FREEZE(tasker_handler_resolver_v0, 64);
TASKER_FREEZE(tasker_handler_resolvers_v0, 24);
#endif
#undef TASKER_FREEZE

#ifdef __cplusplus
}
#endif
#endif /* TASKER_ABI_RESOLVERS_H */
