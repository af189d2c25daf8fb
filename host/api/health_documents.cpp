#include "host/api/health_documents.hpp"

#include <string_view>

#include "host/api/json_list.hpp"
#include "host/api/json_writer.hpp"
#include "host/core/clock.hpp"
#include "host/core/json_text.hpp"

namespace tasker::host {

namespace {
// One line of a health document: what was looked at, and what was found.
struct Check {
    std::string_view name;
    std::string_view status;  // healthy, degraded, unhealthy, unknown
    std::string message;
};
using Checks = std::vector<Check>;

constexpr std::string_view kNoWorker = "no worker runs in this process";

Check store_check(std::string_view name, const HealthFacts& facts) {
    if (facts.trouble.empty()) return {name, "healthy", "the store takes writes"};
    return {name, "unhealthy", facts.trouble};
}

Check running_check(std::string_view name, const HealthFacts& facts, const std::string& running) {
    if (!facts.worker) return {name, "unknown", std::string(kNoWorker)};
    if (facts.worker->running) return {name, "healthy", running};
    return {name, "unhealthy",
            facts.worker->error.value_or("the worker is " + facts.worker->worker_core_status)};
}

// There is no breaker between this process and its own store; what would open one is the store's trouble.
Check breaker_check(std::string_view name, const HealthFacts& facts) {
    if (facts.trouble.empty()) return {name, "healthy", "Circuit breaker state: Closed"};
    return {name, "degraded", "Circuit breaker state: Open"};
}

std::string missing(const HealthFacts& facts) {
    std::string sentences;
    if (!facts.worker) return sentences;
    for (const std::string& one : facts.worker->missing_handlers)
        sentences += (sentences.empty() ? "" : "; ") + one;
    for (const std::string& one : facts.worker->unserved_namespaces)
        sentences += (sentences.empty() ? "" : "; ") + std::string("namespace '") + one +
                     "' has no worker (see `worker status " + one + "`)";
    return sentences;
}

Checks ready_checks(const HealthFacts& facts) {
    return {store_check("web_database", facts),      store_check("orchestration_database", facts),
            breaker_check("circuit_breaker", facts), store_check("orchestration_system", facts),
            store_check("command_processor", facts), store_check("database", facts),
            store_check("queue_processing", facts)};
}

Check queue_check(const HealthFacts& facts) {
    if (!facts.store) return {"queue_depth", "unknown", "the store cannot be read"};
    return {"queue_depth", "healthy",
            std::to_string(facts.store->ready_steps) + " steps ready, " +
                std::to_string(facts.store->waiting_steps) + " waiting for a retry"};
}

Check processing_check(const HealthFacts& facts) {
    Check check = running_check("step_processing", facts, "");
    if (check.status != "healthy") return check;
    const WorkerStatus& worker = *facts.worker;
    check.message = std::to_string(worker.steps_succeeded) + " succeeded, " +
                    std::to_string(worker.steps_failed) + " failed";
    if (worker.abandoned_threads > 0) {
        check.status = "degraded";
        check.message =
            std::to_string(worker.abandoned_threads) + " threads are held by handlers past their deadline";
    } else if (const std::string absent = missing(facts); !absent.empty()) {
        check.status = "degraded";
        check.message = absent;
    }
    return check;
}

Checks detailed_checks(const HealthFacts& facts) {
    Checks checks = ready_checks(facts);
    const WorkerStatus worker = facts.worker.value_or(WorkerStatus{});
    checks.push_back({"pool_utilization", "healthy",
                      std::to_string(worker.database_pool_size) + " connections to the store, " +
                          std::to_string(worker.database_pool_idle) + " idle"});
    checks.push_back(queue_check(facts));
    checks.push_back({"channel_saturation", facts.worker ? "healthy" : "unknown",
                      facts.worker ? std::to_string(worker.running_steps) + " of " +
                                         std::to_string(worker.slots) + " slots in use"
                                   : std::string(kNoWorker)});
    checks.push_back(running_check("event_system", facts, "the poller and the subscriber run"));
    checks.push_back(processing_check(facts));
    checks.push_back(breaker_check("circuit_breakers", facts));
    return checks;
}

std::string checks_document(const Checks& checks, const HealthFacts& facts) {
    std::string out;
    JsonObject object(out);
    for (const Check& check : checks) {
        std::string one;
        JsonObject members(one);
        members.text("status", check.status)
            .maybe_text("message", facts.tell_reasons ? check.message : std::string{})
            .number("duration_ms", 0)  // all of it is in memory
            .time("last_checked", facts.now_ms);
        members.end();
        object.raw(check.name, one);
    }
    object.end();
    return out;
}

std::string_view operational_state(const HealthFacts& facts) {
    const std::string state = facts.worker ? facts.worker->worker_core_status : "running";
    if (state == "starting") return "Startup";
    if (state == "draining") return "GracefulShutdown";
    return state == "stopped" ? "Stopped" : "Normal";
}

std::string info_document(const HealthFacts& facts) {
    const WorkerStatus worker = facts.worker.value_or(WorkerStatus{});
    std::string out;
    JsonObject object(out);
    object.text("version", facts.service.version)
        .text("environment", facts.service.environment)
        .text("operational_state", operational_state(facts))
        .number("web_database_pool_size", worker.database_pool_size)
        .number("orchestration_database_pool_size", worker.database_pool_size)
        .text("circuit_breaker_state", facts.trouble.empty() ? "Closed" : "Open");
    object.end();
    return out;
}

std::string system_document(const HealthFacts& facts) {
    const WorkerStatus worker = facts.worker.value_or(WorkerStatus{});
    std::string out;
    JsonObject object(out);
    object.text("version", facts.service.version)
        .text("environment", facts.service.environment)
        .number("uptime_seconds", worker.uptime_ms / 1000)
        .text("worker_type", "cpp")
        .number("database_pool_size", worker.database_pool_size)
        .boolean("command_processor_active", facts.trouble.empty())
        .raw("supported_namespaces",
             json_list(worker.supported_namespaces, [](const std::string& one) { return json_string(one); }));
    object.end();
    return out;
}

// What every health document begins with.
void begin(JsonObject& object, std::string_view status, const HealthFacts& facts) {
    object.text("status", status).time("timestamp", facts.now_ms).text("worker_id", facts.service.worker_id);
}
}  // namespace

std::string health_document(const HealthFacts& facts) {
    const std::string absent = missing(facts);
    const std::string_view status = !facts.trouble.empty() ? "unhealthy"
                                    : absent.empty()       ? "healthy"
                                                           : "degraded";
    std::string out;
    JsonObject object(out);
    begin(object, status, facts);
    const std::string& reason = facts.trouble.empty() ? absent : facts.trouble;
    object.maybe_text("reason", facts.tell_reasons ? reason : std::string{});
    object.end();
    return out;
}

std::string live_document(const HealthFacts& facts) {
    std::string out;
    JsonObject object(out);
    begin(object, "alive", facts);
    object.end();
    return out;
}

std::string ready_document(const HealthFacts& facts) {
    const bool ready = facts.trouble.empty();
    std::string out;
    JsonObject object(out);
    begin(object, ready ? "ready" : "not_ready", facts);
    if (!ready) {
        std::string error;
        JsonObject members(error);
        members.text("code", "SERVICE_UNAVAILABLE")
            .text("message", facts.tell_reasons ? facts.trouble : "Service temporarily unavailable");
        members.end();
        object.raw("error", error);
    }
    object.raw("checks", checks_document(ready_checks(facts), facts))
        .raw("info", info_document(facts))
        .raw("system_info", system_document(facts));
    object.end();
    return out;
}

std::string detailed_health_document(const HealthFacts& facts) {
    const Checks checks = detailed_checks(facts);
    bool healthy = true;
    // What is not known (no worker here) is no fault.
    for (const Check& check : checks)
        healthy = healthy && (check.status == "healthy" || check.status == "unknown");
    std::string out;
    JsonObject object(out);
    begin(object, healthy ? "healthy" : "degraded", facts);
    object.raw("checks", checks_document(checks, facts))
        .raw("info", info_document(facts))
        .raw("system_info", system_document(facts));
    object.end();
    return out;
}

std::string config_document(const HealthFacts& facts) {
    const WorkerStatus worker = facts.worker.value_or(WorkerStatus{});
    const auto object_of = [](auto&& fill) {
        std::string out;
        JsonObject object(out);
        fill(object);
        object.end();
        return out;
    };
    const std::string metadata = object_of([&](JsonObject& object) {
        object.time("timestamp", facts.now_ms)
            .text("environment", facts.service.environment)
            .text("version", facts.service.version);
    });
    const std::string auth = object_of([&](JsonObject& object) {
        object.boolean("enabled", facts.service.token_required)
            .text("verification_method", facts.service.token_required ? "token" : "none")
            .text("jwt_issuer", "")
            .text("jwt_audience", "")
            .text("api_key_header", "X-API-Key")
            .number("api_key_count", facts.service.token_required ? 1 : 0)
            .boolean("strict_validation", true)
            .raw("allowed_algorithms", "[]");
    });
    const std::string breakers = object_of([](JsonObject& object) {
        object.boolean("enabled", false)
            .number("failure_threshold", 0)
            .number("timeout_seconds", 0)
            .number("success_threshold", 0);
    });
    const std::string pools = object_of([&](JsonObject& object) {
        object.number("web_api_pool_size", worker.database_pool_size)
            .number("web_api_max_connections", worker.database_pool_size);
    });
    return object_of([&](JsonObject& object) {
        object.raw("metadata", metadata)
            .text("worker_id", facts.service.worker_id)
            .text("worker_type", "cpp")
            .raw("auth", auth)
            .raw("circuit_breakers", breakers)
            .raw("database_pools", pools)
            .text("deployment_mode", "Embedded")
            .raw("messaging", R"({"backend":"embedded","queues":[]})");
    });
}

}  // namespace tasker::host
