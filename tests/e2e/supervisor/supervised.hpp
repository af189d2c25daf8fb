#pragma once
// A user's machine with a supervisor on it.

#include <sys/types.h>

#include "tests/e2e/cli/sandbox.hpp"

namespace tasker::host::e2e {

struct Supervised : Sandbox {
    std::unique_ptr<ChildProcess> host;

    // Serves these namespaces; returns when each has a worker that claims.
    void begin(const std::vector<std::string>& namespaces) { begin(namespaces, namespaces); }
    // Serves those that are named (none: all that have templates), and waits for these.
    void begin(const std::vector<std::string>& named, const std::vector<std::string>& awaited);
    json status() const { return document({"worker", "status"}); }
    json of(const std::string& ns) const;
    pid_t worker_pid(const std::string& ns) const { return of(ns)["current"]["pid"]; }
    pid_t engine_pid() const { return status()["engine"]["pid"]; }
    // Waits until the namespace is in this state with this generation (0: any).
    bool reaches(const std::string& ns, const std::string& state, int generation = 0) const;
    bool engine_is_new(pid_t old) const;
    void end(int exit = 0);
};

bool alive(pid_t pid);

}  // namespace tasker::host::e2e
