#include "host/core/failpoint.hpp"

#ifdef TASKER_FAILPOINTS

#include <array>
#include <charconv>
#include <csignal>
#include <map>
#include <memory>
#include <string>
#include <utility>

#include "host/core/error.hpp"
#include "host/core/guarded.hpp"

namespace tasker::host {

namespace {
constexpr std::array<std::string_view, 22> kNames{
    "submit.before_commit",  "submit.after_commit",   "claim.before_commit",   "claim.after_commit",
    "complete.before_tx",    "complete.after_fence",  "complete.after_result", "complete.before_commit",
    "complete.after_commit", "dispatch.before_call",  "dispatch.after_call",   "migration.mid",
    "checkpoint.saved",      "staleness.after_entry", "prune.before_commit",   "worker.start",
    "worker.ready",          "worker.activate",       "worker.activated",      "worker.pause",
    "worker.resume",         "worker.drain",
};

struct Armed {
    std::string action;
    int hit = 0;  // 0: every hit
    int seen = 0;
};

// The process-wide values of the host, and only in test builds: a failpoint is reached from everywhere.
Guarded<std::map<std::string, Armed, std::less<>>>& armed() {
    static Guarded<std::map<std::string, Armed, std::less<>>> points;
    return points;
}

Guarded<std::shared_ptr<const std::function<void(std::string_view)>>>& watcher_of_all() {
    static Guarded<std::shared_ptr<const std::function<void(std::string_view)>>> watcher;
    return watcher;
}

Armed parse_action(std::string_view name, std::string_view action) {
    Armed point;
    if (const auto at = action.find('@'); at != std::string_view::npos) {
        const std::string_view count = action.substr(at + 1);
        std::from_chars(count.data(), count.data() + count.size(), point.hit);
        action = action.substr(0, at);
    }
    if (action != "crash" && action != "error" && action != "stop") {
        throw ConfigError("failpoint '" + std::string(name) + "': unknown action '" + std::string(action) +
                          "'");
    }
    point.action = action;
    return point;
}
}  // namespace

void arm_failpoints(std::string_view list) {
    std::map<std::string, Armed, std::less<>> points;
    while (!list.empty()) {
        const auto end = list.find(';');
        const std::string_view item = list.substr(0, end);
        list = end == std::string_view::npos ? std::string_view{} : list.substr(end + 1);
        if (item.empty()) continue;
        const auto equals = item.find('=');
        const std::string_view name = item.substr(0, equals);
        bool known = false;
        for (const auto candidate : kNames) known = known || candidate == name;
        if (!known || equals == std::string_view::npos) {
            throw ConfigError("unknown failpoint '" + std::string(item) + "'");
        }
        points.insert_or_assign(std::string(name), parse_action(name, item.substr(equals + 1)));
    }
    armed().with([&](auto& current) { current = std::move(points); });
}

void watch_failpoints(std::function<void(std::string_view)> watcher) {
    auto kept =
        watcher ? std::make_shared<const std::function<void(std::string_view)>>(std::move(watcher)) : nullptr;
    watcher_of_all().with([&](auto& current) { current = std::move(kept); });
}

void failpoint(std::string_view name) {
    const auto watcher = watcher_of_all().with([](const auto& current) { return current; });
    if (watcher) (*watcher)(name);
    const std::string action = armed().with([&](auto& points) -> std::string {
        const auto found = points.find(name);
        if (found == points.end()) return {};
        Armed& point = found->second;
        ++point.seen;
        return point.hit == 0 || point.hit == point.seen ? point.action : std::string{};
    });
    if (action == "crash") std::raise(SIGKILL);
    if (action == "stop") std::raise(SIGSTOP);
    if (action == "error") throw StoreUnavailable("failpoint " + std::string(name));
}

}  // namespace tasker::host

#endif
