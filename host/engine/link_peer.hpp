#pragma once
// What the link server keeps of a connection and of a lease. Of its thread alone.

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <unordered_map>
#include <vector>

#include "host/engine/link_mailbox.hpp"
#include "host/runtime/link/link_connection.hpp"
#include "host/runtime/link/messages.hpp"

namespace tasker::host {

struct LinkLease;

struct LinkPeer {
    LinkPeer(std::uint64_t number, OwnedFd socket) : id(number), link(std::move(socket), kMaxFramePayload) {}

    std::uint64_t id;
    LinkConnection link;  // before HELLO one frame at most
    int pid = 0;
    OwnedFd process;             // its pidfd, until HELLO
    LinkLease* lease = nullptr;  // from HELLO on
    bool welcomed = false;
    bool closing = false;          // what is unsent still goes out, nothing is read
    std::int64_t close_by_ms = 0;  // steady; until HELLO, and while closing
    std::uint32_t watched = 0;     // epoll's events
    std::unordered_map<const TaskTemplate*, std::uint32_t> templates;  // sent
    std::vector<std::shared_ptr<const TaskTemplate>> template_owners;  // of the keys
    RuntimeStatus last_status;                                         // that it was told
};

struct LinkLease {
    std::uint64_t id = 0;
    Uuid session_uuid;
    std::string worker_id;
    std::vector<std::string> namespaces;
    std::int64_t generation = 0;
    int pid = 0;
    OwnedFd process;  // a pidfd
    std::unique_ptr<EngineSession> session;
    LinkPeer* peer = nullptr;     // null: not connected
    Capacity capacity;            // what it offers
    bool offered = false;         // it has said that it takes new work, by its catalog
    bool may_claim = true;        // no newer generation of its namespaces has
    bool ending = false;          // its session ends
    std::int64_t ends_at_ms = 0;  // steady; while not connected
    bool active = false;          // steps or revocations wait
    int silent = 0;               // questions without a word since
    // Sent by the worker and not answered by the store yet.
    std::size_t unanswered = 0, unanswered_bytes = 0;
    std::vector<Verdict> verdicts;  // for the next VERDICTS
};

}  // namespace tasker::host
