/* Prints the layout of the ABI: every struct, member, offset and size, and every constant. Exits 1 when the list below
 * misses a member: members lie one after the other and reach the end of their struct. */
#include <stdio.h>
#include <tasker/abi.h>
#include <tasker/abi_events.h>
#include <tasker/abi_resolvers.h>

static size_t end_of_last;
static int gaps;

static void member(const char* type, const char* name, size_t offset, size_t size) {
    if (offset != end_of_last) {
        fprintf(stderr, "%s: hole or unlisted member before %s\n", type, name);
        gaps = 1;
    }
    end_of_last = offset + size;
    printf("%s.%s offset %zu size %zu\n", type, name, offset, size);
}

static void finish(const char* type, size_t size) {
    if (size != end_of_last) {
        fprintf(stderr, "%s: unlisted member or padding at the end\n", type);
        gaps = 1;
    }
    end_of_last = 0;
    printf("%s size %zu\n", type, size);
}

// The lists below are no statements to the formatter.
// clang-format off
#define M(T, F) member(#T, #F, offsetof(T, F), sizeof(((T *)0)->F));
#define END(T) finish(#T, sizeof(T));
#define C(NAME) printf("%s = %lld\n", #NAME, (long long)(NAME));
#define S(NAME) printf("%s = \"%s\"\n", #NAME, NAME);

static void structs_of_a_call(void) {
    M(tasker_str, ptr) M(tasker_str, len) END(tasker_str)
    M(tasker_kv, key) M(tasker_kv, value) END(tasker_kv)
    M(tasker_sink, ctx) M(tasker_sink, write) END(tasker_sink)
    M(tasker_failure_v0, struct_size) M(tasker_failure_v0, retryable) M(tasker_failure_v0, message)
    M(tasker_failure_v0, error_type) M(tasker_failure_v0, error_code) M(tasker_failure_v0, context_json)
    M(tasker_failure_v0, retry_after_ms) M(tasker_failure_v0, headers_json) END(tasker_failure_v0)
    M(tasker_checkpoint_v0, struct_size) M(tasker_checkpoint_v0, reserved0) M(tasker_checkpoint_v0, cursor_json)
    M(tasker_checkpoint_v0, accumulated_json) M(tasker_checkpoint_v0, items_processed) END(tasker_checkpoint_v0)
    M(tasker_call_api_v0, struct_size) M(tasker_call_api_v0, reserved0) M(tasker_call_api_v0, succeed)
    M(tasker_call_api_v0, fail) M(tasker_call_api_v0, decide) M(tasker_call_api_v0, create_batches)
    M(tasker_call_api_v0, yield_checkpoint) M(tasker_call_api_v0, get) M(tasker_call_api_v0, set_metadata)
    M(tasker_call_api_v0, emit_event) M(tasker_call_api_v0, stop_requested) M(tasker_call_api_v0, remaining_ms)
    M(tasker_call_api_v0, heartbeat) M(tasker_call_api_v0, save_checkpoint) M(tasker_call_api_v0, log)
    END(tasker_call_api_v0)
    M(tasker_step_v0, struct_size) M(tasker_step_v0, attempt) M(tasker_step_v0, max_attempts) M(tasker_step_v0, flags)
    M(tasker_step_v0, event_id) M(tasker_step_v0, step_uuid) M(tasker_step_v0, task_uuid)
    M(tasker_step_v0, correlation_id) M(tasker_step_v0, parent_correlation_id) M(tasker_step_v0, traceparent)
    M(tasker_step_v0, namespace_) M(tasker_step_v0, task_name) M(tasker_step_v0, task_version)
    M(tasker_step_v0, step_name) M(tasker_step_v0, template_step_name) M(tasker_step_v0, callable)
    M(tasker_step_v0, method) M(tasker_step_v0, idempotency_key) M(tasker_step_v0, context_json)
    M(tasker_step_v0, inputs_json) M(tasker_step_v0, config_json) M(tasker_step_v0, batch_json)
    M(tasker_step_v0, checkpoint_json) M(tasker_step_v0, deadline_unix_ms) M(tasker_step_v0, api) END(tasker_step_v0)
}

static void structs_of_host_and_plugin(void) {
    M(tasker_host_v0, struct_size) M(tasker_host_v0, abi_major) M(tasker_host_v0, abi_minor) M(tasker_host_v0, ctx)
    M(tasker_host_v0, name) M(tasker_host_v0, version) M(tasker_host_v0, namespace_) M(tasker_host_v0, worker_id)
    M(tasker_host_v0, get_extension) M(tasker_host_v0, log) M(tasker_host_v0, log_enabled) M(tasker_host_v0, unix_ms)
    M(tasker_host_v0, mono_ns) M(tasker_host_v0, config) END(tasker_host_v0)
    M(tasker_create_v0, struct_size) M(tasker_create_v0, slot) M(tasker_create_v0, host)
    M(tasker_create_v0, config_json) M(tasker_create_v0, state) M(tasker_create_v0, error) END(tasker_create_v0)
    M(tasker_handler_v0, struct_size) M(tasker_handler_v0, kind) M(tasker_handler_v0, threads)
    M(tasker_handler_v0, max_instances) M(tasker_handler_v0, capabilities) M(tasker_handler_v0, callable)
    M(tasker_handler_v0, version) M(tasker_handler_v0, summary) M(tasker_handler_v0, methods)
    M(tasker_handler_v0, method_count) M(tasker_handler_v0, config_schema_json)
    M(tasker_handler_v0, input_schema_json) M(tasker_handler_v0, result_schema_json) M(tasker_handler_v0, user)
    M(tasker_handler_v0, create) M(tasker_handler_v0, call) M(tasker_handler_v0, destroy) END(tasker_handler_v0)
    M(tasker_plugin_v0, struct_size) M(tasker_plugin_v0, abi_major) M(tasker_plugin_v0, abi_minor)
    M(tasker_plugin_v0, min_host_minor) M(tasker_plugin_v0, reserved0) M(tasker_plugin_v0, reserved1)
    M(tasker_plugin_v0, id) M(tasker_plugin_v0, name) M(tasker_plugin_v0, version) M(tasker_plugin_v0, vendor)
    M(tasker_plugin_v0, license) M(tasker_plugin_v0, sdk) M(tasker_plugin_v0, handler_count)
    M(tasker_plugin_v0, handlers) M(tasker_plugin_v0, init) M(tasker_plugin_v0, shutdown)
    M(tasker_plugin_v0, get_extension) END(tasker_plugin_v0)
}

static void structs_of_events(void) {
    M(tasker_event_v0, struct_size) M(tasker_event_v0, flags) M(tasker_event_v0, delivery)
    M(tasker_event_v0, reserved0) M(tasker_event_v0, name) M(tasker_event_v0, event_id) M(tasker_event_v0, namespace_)
    M(tasker_event_v0, publisher) M(tasker_event_v0, task_uuid) M(tasker_event_v0, step_uuid)
    M(tasker_event_v0, step_name) M(tasker_event_v0, correlation_id) M(tasker_event_v0, payload_json)
    M(tasker_event_v0, result_json) M(tasker_event_v0, metadata_json) M(tasker_event_v0, event_json)
    END(tasker_event_v0)
    M(tasker_event_publisher_v0, struct_size) M(tasker_event_publisher_v0, reserved0)
    M(tasker_event_publisher_v0, name) M(tasker_event_publisher_v0, user) M(tasker_event_publisher_v0, create)
    M(tasker_event_publisher_v0, destroy) M(tasker_event_publisher_v0, should_publish)
    M(tasker_event_publisher_v0, transform_payload) M(tasker_event_publisher_v0, additional_metadata)
    M(tasker_event_publisher_v0, before_publish) M(tasker_event_publisher_v0, after_publish)
    M(tasker_event_publisher_v0, on_error) END(tasker_event_publisher_v0)
    M(tasker_event_subscriber_v0, struct_size) M(tasker_event_subscriber_v0, reserved0)
    M(tasker_event_subscriber_v0, name) M(tasker_event_subscriber_v0, patterns)
    M(tasker_event_subscriber_v0, pattern_count) M(tasker_event_subscriber_v0, user)
    M(tasker_event_subscriber_v0, create) M(tasker_event_subscriber_v0, destroy)
    M(tasker_event_subscriber_v0, before_handle) M(tasker_event_subscriber_v0, handle)
    M(tasker_event_subscriber_v0, after_handle) M(tasker_event_subscriber_v0, on_error)
    END(tasker_event_subscriber_v0)
    M(tasker_event_publishers_v0, struct_size) M(tasker_event_publishers_v0, reserved0)
    M(tasker_event_publishers_v0, count) M(tasker_event_publishers_v0, items) END(tasker_event_publishers_v0)
    M(tasker_event_subscribers_v0, struct_size) M(tasker_event_subscribers_v0, reserved0)
    M(tasker_event_subscribers_v0, count) M(tasker_event_subscribers_v0, items) END(tasker_event_subscribers_v0)
    S(TASKER_EXT_EVENT_PUBLISHER) S(TASKER_EXT_EVENT_SUBSCRIBER)
    C(TASKER_EVENT_SUCCESS) C(TASKER_EVENT_RETRYABLE)
    C(TASKER_DELIVERY_DURABLE) C(TASKER_DELIVERY_FAST) C(TASKER_DELIVERY_BROADCAST)
}

static void structs_of_resolvers(void) {
    M(tasker_asked_callable_v0, struct_size) M(tasker_asked_callable_v0, group_count)
    M(tasker_asked_callable_v0, callable) M(tasker_asked_callable_v0, rest) M(tasker_asked_callable_v0, groups)
    END(tasker_asked_callable_v0)
    M(tasker_handler_resolver_v0, struct_size) M(tasker_handler_resolver_v0, priority)
    M(tasker_handler_resolver_v0, name) M(tasker_handler_resolver_v0, prefix) M(tasker_handler_resolver_v0, pattern)
    M(tasker_handler_resolver_v0, user) M(tasker_handler_resolver_v0, create) M(tasker_handler_resolver_v0, destroy)
    M(tasker_handler_resolver_v0, resolve) END(tasker_handler_resolver_v0)
    M(tasker_handler_resolvers_v0, struct_size) M(tasker_handler_resolvers_v0, reserved0)
    M(tasker_handler_resolvers_v0, count) M(tasker_handler_resolvers_v0, items) END(tasker_handler_resolvers_v0)
    S(TASKER_EXT_HANDLER_RESOLVER)
    C(TASKER_RESOLVER_PRIORITY) C(TASKER_RESOLVE_NOT_MINE) C(TASKER_RESOLVE_FOUND)
}

static void constants(void) {
    C(TASKER_ABI_MAJOR) C(TASKER_ABI_MINOR) S(TASKER_ENTRY_SYMBOL) S(TASKER_NOTE_NAME)
    C(TASKER_NOTE_ABI) C(TASKER_NOTE_MANIFEST)
    C(TASKER_OK) C(TASKER_E_FAILED) C(TASKER_E_INVALID) C(TASKER_E_STATE) C(TASKER_E_NOMEM) C(TASKER_E_UNSUPPORTED)
    C(TASKER_E_CANCELLED) C(TASKER_E_CONFIG) C(TASKER_E_PANIC) C(TASKER_E_LEASE_LOST) C(TASKER_E_NOT_FOUND)
    C(TASKER_PENDING)
    C(TASKER_KIND_STEP) C(TASKER_KIND_DECISION) C(TASKER_KIND_BATCH_ANALYZER) C(TASKER_KIND_BATCH_WORKER)
    C(TASKER_THREADS_SERIAL) C(TASKER_THREADS_REENTRANT) C(TASKER_THREADS_AFFINE)
    C(TASKER_CAP_IDEMPOTENT) C(TASKER_CAP_CHECKPOINTS) C(TASKER_CAP_CANCELLABLE) C(TASKER_CAP_BLOCKING_IO)
    C(TASKER_CAP_CPU_HEAVY)
    C(TASKER_STOP_NONE) C(TASKER_STOP_CANCELLED) C(TASKER_STOP_DEADLINE) C(TASKER_STOP_DRAINING)
    C(TASKER_STOP_LEASE_LOST)
    C(TASKER_LOG_TRACE) C(TASKER_LOG_DEBUG) C(TASKER_LOG_INFO) C(TASKER_LOG_WARN) C(TASKER_LOG_ERROR)
    C(TASKER_STEP_DRY_RUN) C(TASKER_STEP_RETRYABLE) C(TASKER_STEP_REDELIVERED) C(TASKER_STEP_NO_OP)
    C(TASKER_RETRY_BY_TYPE) C(TASKER_RETRY_YES) C(TASKER_RETRY_NO)
}

// clang-format on

int main(void) {
    structs_of_a_call();
    structs_of_host_and_plugin();
    constants();
    structs_of_events();
    structs_of_resolvers();
    return gaps;
}
