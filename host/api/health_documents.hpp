#pragma once
// What /health and /config answer: the fields of tasker-server and of a Tasker worker in one document, because here one
// process is both. Pure.

#include <cstdint>
#include <optional>
#include <string>

#include "host/api/routes.hpp"

namespace tasker::host {

// All that the answers are made of, read once.
struct HealthFacts {
    ServiceFacts service;
    std::int64_t now_ms = 0;
    std::string trouble;                 // why the store cannot be written; empty when it can
    std::optional<WorkerStatus> worker;  // nothing when no worker runs in this process
    std::optional<StoreInfo> store;      // for the detailed answer
    bool tell_reasons = true;            // false for a caller without the token that is asked for
};

// "healthy", "degraded" (templates name handlers that nobody offers), "unhealthy" (the store takes no writes).
std::string health_document(const HealthFacts& facts);
std::string live_document(const HealthFacts& facts);
// With an error beside it when it is not ready.
std::string ready_document(const HealthFacts& facts);
std::string detailed_health_document(const HealthFacts& facts);
std::string config_document(const HealthFacts& facts);

}  // namespace tasker::host
