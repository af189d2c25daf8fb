/* A complete plugin in C11: one step that measures its task's input and says which attempt it is.
 *
 * The result is {"greeting":"hello from C","step":NAME,"attempt":N,"input_bytes":N,"calls":N}: `calls` counts the calls
 * of this instance, which the host makes one at a time (TASKER_THREADS_SERIAL). */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <tasker/abi.h>

#define PLUGIN_ID "minimal_c"
#define PLUGIN_VERSION "1.0.0"
#define CALLABLE "minimal_c.measure"
#define SDK_NAME "tasker-c/0.1.0"

typedef struct instance {
    uint64_t calls;
} instance;

static int32_t create_instance(const tasker_handler_v0* handler, const tasker_create_v0* args, void** out) {
    static const char kNoMemory[] = "out of memory";
    (void)handler;
    *out = calloc(1, sizeof(instance));
    if (*out != NULL) return TASKER_OK;
    if (args->error != NULL) (void)args->error->write(args->error->ctx, kNoMemory, sizeof kNoMemory - 1);
    return TASKER_E_NOMEM;
}

static int32_t fail(const tasker_step_v0* step, tasker_call* call, const char* message, const char* code) {
    tasker_failure_v0 failure;
    memset(&failure, 0, sizeof failure);
    failure.struct_size = sizeof failure;
    failure.retryable = TASKER_RETRY_NO;
    failure.message = (tasker_str){message, strlen(message)};
    failure.error_type = (tasker_str){"permanent_error", strlen("permanent_error")};
    failure.error_code = (tasker_str){code, strlen(code)};
    return step->api->fail(call, &failure);
}

/* Can this text stand between quotes in JSON as it is? */
static int is_plain(tasker_str text) {
    for (size_t i = 0; i < text.len; ++i) {
        const unsigned char c = (unsigned char)text.ptr[i];
        if (c < 0x20 || c == '"' || c == '\\') return 0;
    }
    return 1;
}

static int32_t call_instance(void* self, const tasker_step_v0* step, tasker_call* call) {
    instance* me = self;
    tasker_str input = {NULL, 0};
    char json[512];
    int length = 0;

    me->calls++;
    if (step->api->stop_requested(call) != TASKER_STOP_NONE) return TASKER_E_CANCELLED;
    if (step->api->get(call, "context", &input) != TASKER_OK) {
        return fail(step, call, "the task has no input", "NO_INPUT");
    }
    if (!is_plain(step->step_name))
        return fail(step, call, "the step's name needs JSON escapes", "STEP_NAME");
    length = snprintf(json, sizeof json,
                      "{\"greeting\":\"hello from "
                      "C\",\"step\":\"%.*s\",\"attempt\":%lu,\"input_bytes\":%zu,\"calls\":%llu}",
                      (int)step->step_name.len, step->step_name.len != 0 ? step->step_name.ptr : "",
                      (unsigned long)step->attempt, input.len, (unsigned long long)me->calls);
    if (length < 0 || (size_t)length >= sizeof json) {
        return fail(step, call, "the step's name is too long", "STEP_NAME");
    }
    return step->api->succeed(call, json, (size_t)length);
}

static const tasker_handler_v0 kMeasure = {
    .struct_size = sizeof(tasker_handler_v0),
    .kind = TASKER_KIND_STEP,
    .threads = TASKER_THREADS_SERIAL,
    .capabilities = TASKER_CAP_IDEMPOTENT,
    .callable = CALLABLE,
    .summary = "measures the task's input, in C",
    .create = create_instance,
    .call = call_instance,
    .destroy = free,
};
static const tasker_handler_v0* const kHandlers[] = {&kMeasure};

static const tasker_plugin_v0 kPlugin = {
    .struct_size = sizeof(tasker_plugin_v0),
    .abi_major = TASKER_ABI_MAJOR,
    .abi_minor = TASKER_ABI_MINOR,
    .id = PLUGIN_ID,
    .name = "Minimal plugin in C",
    .version = PLUGIN_VERSION,
    .sdk = SDK_NAME,
    .handler_count = sizeof kHandlers / sizeof kHandlers[0],
    .handlers = kHandlers,
};

TASKER_C_NOTE(0, "{\"id\":\"" PLUGIN_ID "\",\"version\":\"" PLUGIN_VERSION "\",\"sdk\":\"" SDK_NAME
                 "\",\"handlers\":[{\"callable\":\"" CALLABLE "\",\"kind\":\"step\",\"methods\":[]}]}");

const tasker_plugin_v0* tasker_plugin_entry_v0(const tasker_host_v0* host) {
    return host != NULL && host->abi_major == TASKER_ABI_MAJOR ? &kPlugin : NULL;
}
