/* The handler of the engine's and the plugin call's benchmark: ends its step with 64 bytes of JSON. */
#include <stddef.h>
#include <tasker/abi.h>

static const char kResult[] = "{\"ok\":true,\"note\":\"result of sixty-four bytes in all, as usual\"}";
_Static_assert(sizeof kResult == 64 + 1, "the figures are of a result of 64 bytes");

static int32_t run(void* instance, const tasker_step_v0* step, tasker_call* call) {
    (void)instance;
    return step->api->succeed(call, kResult, sizeof kResult - 1);
}

static const tasker_handler_v0 kHandler = {
    .struct_size = sizeof kHandler,
    .kind = TASKER_KIND_STEP,
    .threads = TASKER_THREADS_REENTRANT,
    .callable = "bench.noop",
    .call = run,
};
static const tasker_handler_v0* const kHandlers[] = {&kHandler};
static const tasker_plugin_v0 kPlugin = {
    .struct_size = sizeof kPlugin,
    .abi_major = TASKER_ABI_MAJOR,
    .abi_minor = TASKER_ABI_MINOR,
    .id = "bench.noop",
    .name = "bench",
    .version = "1.0.0",
    .sdk = "c",
    .handler_count = 1,
    .handlers = kHandlers,
};

TASKER_C_NOTE(0);

const tasker_plugin_v0* tasker_plugin_entry_v0(const tasker_host_v0* host) {
    return host != NULL ? &kPlugin : NULL;
}
