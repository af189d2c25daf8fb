#include <array>

#include "host/api/health_documents.hpp"
#include "host/api/route_table.hpp"
#include "host/core/error.hpp"

namespace tasker::host {

namespace {
HealthFacts facts_of(const Call& call) {
    static const SystemClock kSystem;
    const ApiContext& context = call.context;
    HealthFacts facts;
    facts.service = context.service;
    facts.now_ms = (context.clock != nullptr ? context.clock : &kSystem)->unix_ms();
    facts.trouble = context.engine.trouble();
    if (context.worker_status) facts.worker = context.worker_status();
    facts.tell_reasons = call.request.trusted;
    return facts;
}

ApiResponse health(const Call& call) {
    const HealthFacts facts = facts_of(call);
    return {facts.trouble.empty() ? 200 : 503, health_document(facts)};
}
ApiResponse live(const Call& call) { return {200, live_document(facts_of(call))}; }
ApiResponse ready(const Call& call) {
    const HealthFacts facts = facts_of(call);
    return {facts.trouble.empty() ? 200 : 503, ready_document(facts)};
}
ApiResponse detailed(const Call& call) {
    HealthFacts facts = facts_of(call);
    try {
        facts.store = call.context.engine.info();
    } catch (const Error&) {
        // The document says that it is not known; why, the store's trouble says.
    }
    return {200, detailed_health_document(facts)};
}
ApiResponse config(const Call& call) { return {200, config_document(facts_of(call))}; }

ApiResponse from_worker(const std::function<std::string()>& source) {
    if (!source) return not_found("no worker runs in this process");
    return {200, source()};
}
ApiResponse status(const Call& call) {
    if (!call.context.worker_status) return from_worker({});
    return {200, to_json(call.context.worker_status())};
}
ApiResponse plugins(const Call& call) { return from_worker(call.context.plugins_json); }
ApiResponse handlers(const Call& call) { return from_worker(call.context.handlers_json); }
ApiResponse metrics(const Call& call) {
    if (!call.context.metrics_text) return not_found("no worker runs in this process");
    return {200, call.context.metrics_text(), "text/plain; version=0.0.4; charset=utf-8"};
}

constexpr std::array kRoutes{
    Route{"GET", {"health"}, health},         Route{"GET", {"health", "live"}, live},
    Route{"GET", {"health", "ready"}, ready}, Route{"GET", {"health", "detailed"}, detailed},
    Route{"GET", {"config"}, config},         Route{"GET", {"metrics"}, metrics},
    Route{"GET", {"plugins"}, plugins},       Route{"GET", {"handlers"}, handlers},
    Route{"GET", {"status"}, status},         Route{"GET", {"v1", "status"}, status},
};
}  // namespace

RouteTable health_routes() { return kRoutes; }

}  // namespace tasker::host
