#pragma once
// What a supervisor passes on to the program that takes its place in the same process (an upgrade): who its children are,
// and how far each namespace has come. Pure.

#include <sys/types.h>

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "host/model/slot.hpp"

namespace tasker::host {

// The format's number: a program that has another one does not take over.
inline constexpr int kHandoverVersion = 1;

struct Handover {
    struct Child {
        pid_t pid = 0;
        int channel = -1;  // the number of its descriptor, which stays open
        std::uint64_t nonce = 0;
    };
    struct Worker {
        SlotProcessId id = 0;
        Child child;
        Generation generation = 0;
        std::uint64_t accepted = 0, errors = 0;
        bool recycled = false;
        std::string session;
    };
    struct Namespace {
        std::string name;
        Slot slot;  // at rest: no candidate, nothing pending
        Generation newest = 0;
        bool paused = false;
        std::vector<std::string> history;
        std::vector<Worker> workers;
    };
    Child engine;
    std::vector<Namespace> namespaces;
};

std::string to_json(const Handover& handover);
// Nothing when the text is none of this version.
std::optional<Handover> handover_from(const std::string& json);

}  // namespace tasker::host
