/* Handlers that do what a handler must not, through the C ABI, where no SDK stands in their way. The callable says what.
 */
#include <stdlib.h>
#include <string.h>
#include <tasker/abi.h>
#include <unistd.h>

#ifndef PLUGIN_ID
#define PLUGIN_ID "misbehave"
#endif
#define SDK_NAME "tasker-c/0.1.0"

static int32_t succeed(const tasker_step_v0* step, tasker_call* call, const char* json) {
    return step->api->succeed(call, json, strlen(json));
}

static int is(const tasker_step_v0* step, const char* what) {
    return step->callable.len == strlen(what) && memcmp(step->callable.ptr, what, step->callable.len) == 0;
}

static int32_t deep(const tasker_step_v0* step, tasker_call* call) {
    enum { kDepth = 100000 };
    char* text = malloc(2 * kDepth);
    if (text == NULL) return TASKER_E_NOMEM;
    memset(text, '[', kDepth);
    memset(text + kDepth, ']', kDepth);
    (void)step->api->succeed(call, text, 2 * kDepth);
    free(text);
    return TASKER_OK;
}

static int32_t huge(const tasker_step_v0* step, tasker_call* call) {
    const size_t size = (size_t)50 << 20;
    char* text = malloc(size);
    if (text == NULL) return TASKER_E_NOMEM;
    memset(text, 'x', size);
    text[0] = text[size - 1] = '"';
    (void)step->api->succeed(call, text, size);
    free(text);
    return TASKER_OK;
}

/* Spins until the deadline is that long over; never looks at stop_requested(). */
static int32_t deaf(const tasker_step_v0* step, tasker_call* call, int64_t over_ms) {
    while (step->api->remaining_ms(call) > -over_ms) usleep(5000);
    (void)succeed(step, call, "{\"late\":true}");
    return TASKER_OK;
}

static int32_t polite(const tasker_step_v0* step, tasker_call* call) {
    while (step->api->stop_requested(call) == TASKER_STOP_NONE) usleep(5000);
    return TASKER_E_CANCELLED;
}

static int32_t print(const tasker_step_v0* step, tasker_call* call) {
    static const char kLine[] =
        "a plugin that talks too much, and far too much of it, on the host's own stream\n";
    size_t i;
    for (i = 0; i < ((size_t)100 << 20) / (sizeof kLine - 1); ++i) {
        if (write(STDOUT_FILENO, kLine, sizeof kLine - 1) < 0) break;
    }
    return succeed(step, call, "{}");
}

static int32_t hostile_log(const tasker_step_v0* step, tasker_call* call) {
    static char big[1 << 20];
    const tasker_kv fields[] = {{{"evil\"key\n", 9}, {"\x1b[31mred\x1b[0m\r\nforged line", 25}},
                                {{"ts", 2}, {"not a time", 10}},
                                {{"bad_utf8", 8}, {"\xff\xfe", 2}}};
    memset(big, 'L', sizeof big);
    step->api->log(call, TASKER_LOG_ERROR, "hostile\n{\"level\":\"forged\"}", 26, fields, 3);
    step->api->log(call, TASKER_LOG_ERROR, big, sizeof big, NULL, 0);
    return succeed(step, call, "{}");
}

static int32_t call_instance(void* self, const tasker_step_v0* step, tasker_call* call) {
    (void)self;
    if (is(step, "bad.polite")) return polite(step, call);
    if (is(step, "bad.deaf")) return deaf(step, call, 3000);
    if (is(step, "bad.hang")) return deaf(step, call, 600000);
    if (is(step, "bad.exits")) exit(0);
    if (is(step, "bad.deep")) return deep(step, call);
    if (is(step, "bad.huge")) return huge(step, call);
    if (is(step, "bad.prints")) return print(step, call);
    if (is(step, "bad.logs")) return hostile_log(step, call);
    if (is(step, "bad.silent")) return TASKER_OK;
    if (is(step, "bad.positive")) return 7;
    if (is(step, "bad.negative")) return TASKER_E_FAILED;
    if (is(step, "bad.not_json")) return (void)succeed(step, call, "{\"a\":"), TASKER_OK;
    if (is(step, "bad.utf8")) return (void)succeed(step, call, "\"\xff\""), TASKER_OK;
    if (is(step, "bad.nul")) return (void)succeed(step, call, "\"\\u0000\""), TASKER_OK;
    if (is(step, "bad.nan")) return (void)succeed(step, call, "1e999"), TASKER_OK;
    if (is(step, "bad.twice")) {
        const int32_t first = succeed(step, call, "{\"answer\":1}");
        const int32_t second = succeed(step, call, "{\"answer\":2}");
        return first == TASKER_OK && second == TASKER_E_STATE ? TASKER_OK : TASKER_E_FAILED;
    }
    return succeed(step, call, "{\"fine\":true}");
}

#define HANDLER(NAME, CALLABLE)                                                      \
    static const tasker_handler_v0 NAME = {.struct_size = sizeof(tasker_handler_v0), \
                                           .kind = TASKER_KIND_STEP,                 \
                                           .threads = TASKER_THREADS_REENTRANT,      \
                                           .callable = CALLABLE,                     \
                                           .call = call_instance}
#ifdef BAD_CALLABLE
HANDLER(kBadName, BAD_CALLABLE);
static const tasker_handler_v0* const kHandlers[] = {&kBadName};
#else
HANDLER(kGood, "good.echo");
HANDLER(kPolite, "bad.polite");
HANDLER(kDeaf, "bad.deaf");
HANDLER(kHang, "bad.hang");
HANDLER(kExits, "bad.exits");
HANDLER(kDeep, "bad.deep");
HANDLER(kHuge, "bad.huge");
HANDLER(kPrints, "bad.prints");
HANDLER(kLogs, "bad.logs");
HANDLER(kSilent, "bad.silent");
HANDLER(kPositive, "bad.positive");
HANDLER(kNegative, "bad.negative");
HANDLER(kNotJson, "bad.not_json");
HANDLER(kUtf8, "bad.utf8");
HANDLER(kNul, "bad.nul");
HANDLER(kNan, "bad.nan");
HANDLER(kTwice, "bad.twice");
static const tasker_handler_v0* const kHandlers[] = {
    &kGood,     &kPolite,   &kDeaf,    &kHang, &kDeep, &kHuge, &kPrints, &kLogs, &kSilent,
    &kPositive, &kNegative, &kNotJson, &kUtf8, &kNul,  &kNan,  &kTwice,  &kExits};
#endif

static const tasker_plugin_v0 kPlugin = {.struct_size = sizeof(tasker_plugin_v0),
                                         .abi_major = TASKER_ABI_MAJOR,
                                         .abi_minor = TASKER_ABI_MINOR,
                                         .id = PLUGIN_ID,
                                         .version = "1.0.0",
                                         .sdk = SDK_NAME,
                                         .handler_count = sizeof kHandlers / sizeof kHandlers[0],
                                         .handlers = kHandlers};

TASKER_C_NOTE(0);

const tasker_plugin_v0* tasker_plugin_entry_v0(const tasker_host_v0* host) {
    return host != NULL && host->abi_major == TASKER_ABI_MAJOR ? &kPlugin : NULL;
}
