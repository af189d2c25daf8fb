#pragma once
// tasker-ctl, told of a worker.

#include <utility>

#include "tests/e2e/clients/served.hpp"

namespace tasker::host::e2e {

inline constexpr const char* kTasker = "bin/tasker-ctl";

struct Ctl : Served {
    explicit Ctl(std::filesystem::path given, const std::string& token = {},
                 const std::function<void(Sandbox&)>& prepare = {})
        : Served(token, prepare), program(std::move(given)) {}

    std::filesystem::path program;

    // Requires the exit code; gives what it printed, on both streams.
    std::string run(const Arguments& arguments, int exit = 0, const Arguments& environment = {}) const {
        const Finished done = Served::run(program, arguments, environment);
        std::string said;
        for (const std::string& argument : arguments) said += argument + " ";
        CHECK_MESSAGE(done.status.code == exit, said, "ended with ", done.status.code, "\n", done.out,
                      done.err);
        return done.out + done.err;
    }
    // Creates a task of a template of the namespace and gives its UUID.
    std::string create(const std::string& space, const std::string& name, const std::string& input) const {
        const std::string said =
            run({"task", "create", "-n", space, "--name", name, "-v", "1.0.0", "-i", input});
        return after(said, "Task UUID: ");
    }
    json task(const std::string& uuid) { return sandbox().document({"task", "get", uuid}); }

    static std::string after(const std::string& text, const std::string& mark) {
        const auto at = text.find(mark);
        REQUIRE_MESSAGE(at != std::string::npos, text);
        return text.substr(at + mark.size(), text.find('\n', at) - at - mark.size());
    }
};

inline bool has(const std::string& text, const std::string& part) {
    CHECK_MESSAGE(text.find(part) != std::string::npos, "'", part, "' is not in\n", text);
    return text.find(part) != std::string::npos;
}

}  // namespace tasker::host::e2e
