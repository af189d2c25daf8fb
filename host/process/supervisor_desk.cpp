#include "host/process/supervisor_desk.hpp"

#include <algorithm>
#include <nlohmann/json.hpp>

#include "host/api/documents.hpp"
#include "host/core/error.hpp"

namespace tasker::host {

namespace {
using nlohmann::ordered_json;

std::string text(const ordered_json& document) {
    return document.dump(-1, ' ', false, ordered_json::error_handler_t::replace);
}

ordered_json process(const WorkerReport& one) {
    return {{"pid", one.pid},          {"generation", one.generation},
            {"claims", one.claims},    {"uptime_ms", one.uptime_ms},
            {"results", one.accepted}, {"errors", one.errors}};
}
}  // namespace

void SupervisorDesk::ask(std::uint64_t call, const std::string& line) {
    std::string answer;
    try {
        answer = act(call, line);
    } catch (const NoSuchGeneration& error) {
        answer = error_document("NOT_FOUND", error.what(), error.hint());
    } catch (const Error& error) {
        answer = error_document("REFUSED", error.what(), error.hint());
    } catch (const std::exception&) {
        answer = error_document("USAGE", "the supervisor does not understand this: " + line);
    }
    if (!answer.empty()) answer_(call, answer);
}

// Empty: the answer comes later.
std::string SupervisorDesk::act(std::uint64_t call, const std::string& line) {
    const auto request = ordered_json::parse(line);
    const std::string what = request.at("do");
    if (what == "status" && !request.contains("namespace")) return status();
    const std::string ns = request.at("namespace");
    const bool wait = request.value("wait", false);
    const auto told = [this, call, ns](bool committed, const std::string& why) {
        answer_(call, committed ? text({{"namespace", ns}, {"state", "committed"}})
                                : error_document("ROLLED_BACK",
                                                 "the new generation of '" + ns + "' was given up: " + why,
                                                 what_goes_on(ns)));
    };
    Supervisor::Outcome outcome;
    if (wait) outcome = told;
    bool known = false;
    if (what == "status") {
        known = supervisor_.serves(ns);
    } else if (what == "restart") {
        known = renewal_.renew(ns, "restart", outcome) && supervisor_.start_stopped(ns);
    } else if (what == "rollback") {
        const Generation to = supervisor_.roll_back(ns, request.value("to", Generation{0}), outcome);
        known = to != 0 && supervisor_.start_stopped(ns);
        if (known && !wait) return text({{"namespace", ns}, {"state", "accepted"}, {"to", to}});
    } else if (what == "pause") {
        known = supervisor_.pause(ns);
    } else if (what == "drain") {
        known = supervisor_.drain(ns);
    } else if (what == "resume") {
        known = supervisor_.resume(ns);
    } else {
        throw std::invalid_argument(what);
    }
    if (!known) {
        std::string names;
        for (const SlotReport& one : supervisor_.report())
            names += (names.empty() ? "" : ", ") + one.namespace_name;
        return error_document("NOT_FOUND", "the supervisor serves no namespace '" + ns + "'",
                              "it serves: " + names);
    }
    if (what == "status") return status(ns);
    if (wait && (what == "restart" || what == "rollback")) return {};
    return text({{"namespace", ns}, {"state", "accepted"}});
}

std::string SupervisorDesk::what_goes_on(const std::string& ns) const {
    const auto all = supervisor_.report();
    const auto one = std::ranges::find(all, ns, &SlotReport::namespace_name);
    if (one != all.end() && one->current) return "the one before goes on";
    return "nothing runs in its place now: see worker status " + ns;
}

std::string SupervisorDesk::status(const std::string& only) const {
    ordered_json document{
        {"engine", {{"pid", supervisor_.engine_pid()}, {"ready", supervisor_.engine_ready()}}},
        {"namespaces", ordered_json::array()}};
    for (const SlotReport& one : supervisor_.report()) {
        if (!only.empty() && one.namespace_name != only) continue;
        ordered_json slot{{"namespace", one.namespace_name}, {"state", name(one.state)}};
        slot["current"] = one.current ? process(*one.current) : ordered_json(nullptr);
        slot["candidate"] = one.candidate ? process(*one.candidate) : ordered_json(nullptr);
        slot["paused"] = one.paused;
        slot["stopped"] = one.stopped;
        slot["waiting_generation"] = one.waiting;
        slot["last_good_generation"] = one.last_good;
        slot["next_start_ms"] = one.next_start_ms;
        slot["history"] = one.history;
        document["namespaces"].push_back(std::move(slot));
    }
    document["refused_plugins"] = ordered_json::array();
    for (const RefusedFile& one : renewal_.refused()) {
        document["refused_plugins"].push_back(
            {{"path", one.path}, {"state", one.state}, {"sha256", one.sha256}, {"reason", one.reason}});
    }
    document["findings"] = renewal_.findings();
    for (const std::string& one : renewal_.link_findings()) document["findings"].push_back(one);
    return text(document);
}

}  // namespace tasker::host
