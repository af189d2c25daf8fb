#include "host/process/worker_facts.hpp"

#include <algorithm>
#include <iterator>
#include <map>
#include <nlohmann/json.hpp>
#include <set>
#include <tuple>
#include <utility>

namespace tasker::host {

namespace {
using nlohmann::ordered_json;

std::string text(const ordered_json& document) {
    return document.dump(-1, ' ', false, ordered_json::error_handler_t::replace);
}

// Each number by its name in the status document.
const std::map<std::string, int WorkerStatus::*>& counts_of_status() {
    static const std::map<std::string, int WorkerStatus::*> kCounts{
        {"handlers", &WorkerStatus::handlers},
        {"templates", &WorkerStatus::templates},
        {"plugins", &WorkerStatus::plugins},
        {"slots", &WorkerStatus::slots},
        {"running_steps", &WorkerStatus::running_steps},
        {"abandoned_threads", &WorkerStatus::abandoned_threads},
        {"event_subscribers", &WorkerStatus::event_subscribers}};
    return kCounts;
}
const std::map<std::string, std::int64_t WorkerStatus::*>& totals_of_status() {
    static const std::map<std::string, std::int64_t WorkerStatus::*> kTotals{
        {"steps_succeeded", &WorkerStatus::steps_succeeded},
        {"steps_failed", &WorkerStatus::steps_failed},
        {"results_refused", &WorkerStatus::results_refused},
        {"events_delivered", &WorkerStatus::events_delivered},
        {"event_subscriber_errors", &WorkerStatus::event_subscriber_errors},
        {"events_dropped", &WorkerStatus::events_dropped}};
    return kTotals;
}

WorkerStatus status_from(const ordered_json& document) {
    WorkerStatus status;
    status.running = document.at("running");
    status.worker_core_status = document.at("worker_core_status");
    status.worker_id = document.at("worker_id");
    status.supported_namespaces = document.at("supported_namespaces");
    status.missing_callables = document.at("missing_callables");
    status.missing_handlers = document.at("missing_handlers");
    if (!document.at("error").is_null()) status.error = document.at("error").get<std::string>();
    for (const auto& [name, member] : counts_of_status()) status.*member = document.at(name);
    for (const auto& [name, member] : totals_of_status()) status.*member = document.at(name);
    return status;
}

void add_missing(std::vector<std::string>& to, const std::vector<std::string>& from) {
    for (const std::string& one : from) {
        if (std::ranges::find(to, one) == to.end()) to.push_back(one);
    }
}

// Lists of objects as one: those with an equal `key` are one, with the union of their "used_by".
class Union {
  public:
    explicit Union(std::vector<const char*> key) : key_(std::move(key)) {}
    void add(const ordered_json& list) {
        for (const ordered_json& one : list) {
            std::string key;
            for (const char* part : key_) key += text(one.value(part, ordered_json())) + '\n';
            const auto [place, fresh] = places_.emplace(key, all_.size());
            if (fresh) {
                all_.push_back(one);
                continue;
            }
            ordered_json& known = all_[place->second];
            const auto more = one.find("used_by");
            if (more == one.end() || !known.contains("used_by")) continue;
            for (const ordered_json& user : *more) {
                ordered_json& users = known["used_by"];
                if (std::find(users.begin(), users.end(), user) == users.end()) users.push_back(user);
            }
        }
    }
    ordered_json take() { return std::move(all_); }

  private:
    const std::vector<const char*> key_;
    std::map<std::string, std::size_t> places_;
    ordered_json all_ = ordered_json::array();
};
}  // namespace

std::vector<std::string> texts_of(const WorkerFacts& facts) {
    WorkerStatus status = facts.status;
    status.uptime_ms = 0;
    ordered_json counts = ordered_json::array();
    for (const HandlerCounts& one : facts.counts)
        counts.push_back({one.callable, one.succeeded, one.failed, one.running, one.waiting});
    return {to_json(status), text(counts), facts.plugins, facts.handlers};
}

std::optional<WorkerFacts> worker_facts_from(const std::vector<std::string>& texts) {
    if (texts.size() != 4) return std::nullopt;
    try {
        WorkerFacts facts;
        facts.status = status_from(ordered_json::parse(texts[0]));
        const auto counts = ordered_json::parse(texts[1]);
        if (!counts.is_array()) return std::nullopt;
        for (const ordered_json& one : counts)
            facts.counts.push_back({one.at(0), one.at(1), one.at(2), one.at(3), one.at(4)});
        if (!ordered_json::parse(texts[2]).is_object() || !ordered_json::parse(texts[3]).is_object())
            return std::nullopt;
        facts.plugins = texts[2];
        facts.handlers = texts[3];
        return facts;
    } catch (const std::exception&) {
        return std::nullopt;
    }
}

void count_on(WorkerFacts& sum, const WorkerFacts& gone) {
    for (const auto& [name, member] : totals_of_status()) sum.status.*member += gone.status.*member;
    for (const HandlerCounts& one : gone.counts) {
        auto known = std::ranges::find(sum.counts, one.callable, &HandlerCounts::callable);
        if (known == sum.counts.end()) {
            sum.counts.push_back({});
            known = std::prev(sum.counts.end());
            known->callable = one.callable;
        }
        known->succeeded += one.succeeded;
        known->failed += one.failed;
    }
}

WorkerFacts merged(const std::vector<WorkerFacts>& all) {
    WorkerFacts out;
    out.status.running = !all.empty();
    std::map<std::string, HandlerCounts> counts;
    Union plugins({"path", "hash", "state"}), handlers({"callable", "plugin", "source"}), resolvers({"name"}),
        missing({"callable", "resolver"});
    for (const WorkerFacts& one : all) {
        out.status.running = out.status.running && one.status.running;
        if (!out.status.error) out.status.error = one.status.error;
        add_missing(out.status.supported_namespaces, one.status.supported_namespaces);
        add_missing(out.status.missing_callables, one.status.missing_callables);
        add_missing(out.status.missing_handlers, one.status.missing_handlers);
        for (const auto& [name, member] : counts_of_status()) out.status.*member += one.status.*member;
        for (const auto& [name, member] : totals_of_status()) out.status.*member += one.status.*member;
        for (const HandlerCounts& count : one.counts) {
            HandlerCounts& sum = counts[count.callable];
            sum.callable = count.callable;
            sum.succeeded += count.succeeded;
            sum.failed += count.failed;
            sum.running += count.running;
            sum.waiting += count.waiting;
        }
        plugins.add(ordered_json::parse(one.plugins).value("plugins", ordered_json::array()));
        const auto offered = ordered_json::parse(one.handlers);
        handlers.add(offered.value("handlers", ordered_json::array()));
        resolvers.add(offered.value("resolvers", ordered_json::array()));
        missing.add(offered.value("missing", ordered_json::array()));
    }
    for (auto& [callable, count] : counts) out.counts.push_back(std::move(count));
    const ordered_json files{{"plugins", plugins.take()}};
    ordered_json offers{
        {"handlers", handlers.take()}, {"resolvers", resolvers.take()}, {"missing", missing.take()}};
    // The plugins and handlers of a host are each counted once, in whatever number of processes they are.
    out.status.plugins = static_cast<int>(std::ranges::count_if(
        files["plugins"], [](const ordered_json& one) { return one.value("state", "") == "loaded"; }));
    out.status.handlers = static_cast<int>(offers["handlers"].size());
    out.plugins = text(files);
    out.handlers = text(offers);
    out.status.worker_core_status = out.status.running ? "running" : "starting";
    return out;
}

}  // namespace tasker::host
