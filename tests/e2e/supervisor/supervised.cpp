#include "tests/e2e/supervisor/supervised.hpp"

#include <signal.h>

namespace tasker::host::e2e {

void Supervised::begin(const std::vector<std::string>& named, const std::vector<std::string>& awaited) {
    Arguments arguments{"run"};
    for (const std::string& ns : named) arguments.insert(arguments.end(), {"--namespace", ns});
    host = start(arguments);
    for (const std::string& ns : awaited) {
        const bool there = eventually(kPatience, [&] {
            if (!host->running()) return true;
            const Finished asked = run({"worker", "status", "--json"});
            if (asked.status.code != 0) return false;
            const json told = json::parse(asked.out);
            for (const json& one : told["namespaces"])
                if (one["namespace"] == ns && one["state"] == "active") return true;
            return false;
        });
        if (!there || !host->running()) FAIL("no worker for ", ns, ": ", host->err());
    }
    // Commands are answered as soon as the templates of all are there.
    REQUIRE(eventually(kPatience, [&] { return std::filesystem::exists(path("state/api.sock")); }));
}

json Supervised::of(const std::string& ns) const {
    const json told = status();
    for (const json& one : told["namespaces"])
        if (one["namespace"] == ns) return one;
    return {};
}

bool Supervised::reaches(const std::string& ns, const std::string& state, int generation) const {
    return eventually(kPatience, [&] {
        const json now = of(ns);
        return now.is_object() && now["state"] == state &&
               (generation == 0 ||
                (now["current"].is_object() && now["current"]["generation"] == generation));
    });
}

bool Supervised::engine_is_new(pid_t old) const {
    return eventually(kPatience, [&] {
        const json engine = status()["engine"];
        return engine["ready"] == true && engine["pid"] != old;
    });
}

void Supervised::end(int exit) { stop(*host, exit); }

bool alive(pid_t pid) { return ::kill(pid, 0) == 0; }

}  // namespace tasker::host::e2e
