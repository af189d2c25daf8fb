/* One of twenty small plugins for bench_start: TASKER_BENCH_ID tells them apart. */
#include <stddef.h>
#include <tasker/abi.h>

#define TEXT_(x) #x
#define TEXT(x) TEXT_(x)

static int32_t run(void* instance, const tasker_step_v0* step, tasker_call* call) {
    (void)instance;
    return step->api->succeed(call, "{}", 2);
}

static const tasker_handler_v0 kHandler = {
    .struct_size = sizeof kHandler,
    .kind = TASKER_KIND_STEP,
    .threads = TASKER_THREADS_REENTRANT,
    .callable = "bench.step_" TEXT(TASKER_BENCH_ID),
    .call = run,
};
static const tasker_handler_v0* const kHandlers[] = {&kHandler};
static const tasker_plugin_v0 kPlugin = {
    .struct_size = sizeof kPlugin,
    .abi_major = TASKER_ABI_MAJOR,
    .abi_minor = TASKER_ABI_MINOR,
    .id = "bench.start_" TEXT(TASKER_BENCH_ID),
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
