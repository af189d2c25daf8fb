#pragma once
// The inside of the link server: one thread over all sockets. link_server.cpp is about connections and time,
// link_session.cpp about what a worker says and is told.

#include <atomic>
#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <unordered_map>
#include <vector>

#include "host/core/guarded.hpp"
#include "host/core/named_thread.hpp"
#include "host/engine/flight_folder.hpp"
#include "host/engine/link_peer.hpp"
#include "host/engine/link_server.hpp"

namespace tasker::host {

class LinkServer::Loop {
  public:
    Loop(Engine& engine, LinkOptions options, const Clock& clock, Logger log);
    ~Loop();
    Loop(const Loop&) = delete;
    Loop& operator=(const Loop&) = delete;

    std::vector<LinkedWorker> workers() const;
    void disconnect_all();
    void stop();

  private:
    // link_server.cpp
    void run(const std::stop_token& stop);
    void wait();
    void happened(std::uint64_t key, std::uint32_t what);
    void accept_all();
    void accept_one(OwnedFd socket);
    void read(LinkPeer& peer, bool to_the_end);
    void process_died(LinkLease& lease);
    void take_mail();
    void take(LinkLease& lease, LinkMail& mail);
    void run_timers();
    void ask_around();
    std::int64_t next_due() const;
    void end_round();
    void watch(int fd, std::uint64_t key, std::uint32_t what, bool known) const;
    void refuse(LinkPeer& peer, RefusalCode code, const std::string& reason);
    void drop(LinkPeer& peer);
    void pause_of(LinkPeer& peer);
    void give_up(LinkLease& lease, const std::string& why, FlightReports reports = nullptr);
    void show_workers();
    void farewell();

    // link_session.cpp
    void heard(LinkPeer& peer, const LinkMessage& message);
    void heard_hello(LinkPeer& peer, const LinkMessage& message);
    LinkLease* lease_for(LinkPeer& peer, const LinkMessage& message, const HelloMessage& hello);
    static void say_alive(LinkLease& lease, std::uint64_t request, bool alive);
    void heard_answer(LinkLease& lease, const LinkMessage& message);
    void heard_checkpoint(LinkLease& lease, const LinkMessage& message);
    void heard_catalog(LinkLease& lease, const LinkMessage& message);
    bool overtaken(const LinkLease& lease) const;
    void grant(LinkLease& lease);
    void grant_again();
    static void withhold(LinkLease& lease);
    void welcome(LinkLease& lease, std::vector<Uuid> gone);
    void pause(LinkLease& lease);
    void write_out(LinkLease& lease);
    void append_step(LinkLease& lease, DeliveredStep step);
    std::uint32_t template_id(LinkLease& lease, const std::shared_ptr<const TaskTemplate>& definition);
    void tell_status(LinkLease& lease);
    static FrameHead head(const LinkLease& lease, FrameType type, std::uint64_t request = 0);

    Engine& engine_;
    const LinkOptions options_;
    const Clock& clock_;
    const Logger log_;
    const FlightFolder flights_;
    const std::shared_ptr<LinkMailbox> mailbox_;
    OwnedFd listener_, epoll_;
    std::map<std::uint64_t, std::unique_ptr<LinkPeer>> peers_;
    std::map<std::uint64_t, std::unique_ptr<LinkLease>> leases_;
    std::unordered_map<Uuid, LinkLease*> by_session_;
    std::vector<std::uint64_t> dropped_;  // peers that end with this round
    std::uint64_t next_id_ = 1;
    std::int64_t next_ask_ms_ = 0, next_status_ms_ = 0;  // steady
    bool full_said_ = false;
    bool changed_ = false;  // workers came or went
    std::string scratch_;
    Guarded<std::vector<LinkedWorker>> workers_;
    NamedThread thread_;
};

}  // namespace tasker::host
