#include "host/supervisor/handover.hpp"

#include <nlohmann/json.hpp>

namespace tasker::host {

namespace {
using nlohmann::json;
using Phase = SlotProcess::Phase;

json to(const Handover::Child& child) {
    return {{"pid", child.pid}, {"channel", child.channel}, {"nonce", child.nonce}};
}
Handover::Child child_in(const json& document) {
    return {document.at("pid"), document.at("channel"), document.at("nonce")};
}

json to(const Slot& slot) {
    json document{{"state", static_cast<int>(slot.state)},
                  {"last_good", slot.last_good},
                  {"next", slot.next},
                  {"proven", slot.proven},
                  {"stopped", slot.stopped},
                  {"due_ms", slot.due_ms},
                  {"failures", slot.failures},
                  {"crashes_ms", slot.crashes_ms},
                  {"last_fault", slot.last_fault},
                  {"last_process", slot.last_process}};
    if (slot.current) {
        document["current"] = {{"id", slot.current->id},
                               {"generation", slot.current->generation},
                               {"started_ms", slot.current->started_ms},
                               {"accepted", slot.current->accepted},
                               {"errors", slot.current->errors}};
    }
    return document;
}
Slot slot_in(const json& document) {
    Slot slot;
    const int state = document.at("state");
    slot.state = static_cast<SlotState>(state);
    if (slot.state != SlotState::Idle && slot.state != SlotState::Active &&
        slot.state != SlotState::Backoff && slot.state != SlotState::Held)
        throw std::invalid_argument("not at rest");
    slot.last_good = document.at("last_good");
    slot.next = document.at("next");
    slot.proven = document.at("proven");
    slot.stopped = document.at("stopped");
    slot.due_ms = document.at("due_ms");
    slot.failures = document.at("failures");
    slot.crashes_ms = document.at("crashes_ms").get<std::vector<std::int64_t>>();
    slot.last_fault = document.at("last_fault");
    slot.last_process = document.at("last_process");
    if (const auto found = document.find("current"); found != document.end()) {
        SlotProcess current;
        current.id = found->at("id");
        current.generation = found->at("generation");
        current.started_ms = found->at("started_ms");
        current.accepted = found->at("accepted");
        current.errors = found->at("errors");
        current.phase = Phase::Active;
        slot.current = current;
    }
    return slot;
}

json to(const Handover::Worker& worker) {
    return {{"id", worker.id},
            {"child", to(worker.child)},
            {"generation", worker.generation},
            {"accepted", worker.accepted},
            {"errors", worker.errors},
            {"recycled", worker.recycled},
            {"session", worker.session}};
}
Handover::Worker worker_in(const json& document) {
    return {document.at("id"),       child_in(document.at("child")), document.at("generation"),
            document.at("accepted"), document.at("errors"),          document.at("recycled"),
            document.at("session")};
}
}  // namespace

std::string to_json(const Handover& handover) {
    json document{
        {"version", kHandoverVersion}, {"engine", to(handover.engine)}, {"namespaces", json::array()}};
    for (const Handover::Namespace& one : handover.namespaces) {
        json workers = json::array();
        for (const Handover::Worker& worker : one.workers) workers.push_back(to(worker));
        document["namespaces"].push_back({{"name", one.name},
                                          {"slot", to(one.slot)},
                                          {"newest", one.newest},
                                          {"paused", one.paused},
                                          {"history", one.history},
                                          {"workers", std::move(workers)}});
    }
    return document.dump(-1, ' ', false, json::error_handler_t::replace);
}

std::optional<Handover> handover_from(const std::string& text) {
    try {
        const json document = json::parse(text);
        if (document.at("version") != kHandoverVersion) return std::nullopt;
        Handover handover;
        handover.engine = child_in(document.at("engine"));
        for (const json& one : document.at("namespaces")) {
            Handover::Namespace& ns = handover.namespaces.emplace_back();
            ns.name = one.at("name");
            ns.slot = slot_in(one.at("slot"));
            ns.newest = one.at("newest");
            ns.paused = one.at("paused");
            ns.history = one.at("history").get<std::vector<std::string>>();
            for (const json& worker : one.at("workers")) ns.workers.push_back(worker_in(worker));
        }
        return handover;
    } catch (const std::exception&) {
        return std::nullopt;
    }
}

}  // namespace tasker::host
