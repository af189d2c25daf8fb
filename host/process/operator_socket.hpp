#pragma once
// Where operators speak to a supervisor: a unix socket in the state folder, for this user and root. One line of JSON in, one
// line of JSON out, which may come later. Never blocks; one thread.

#include <poll.h>

#include <cstdint>
#include <filesystem>
#include <functional>
#include <list>
#include <string>
#include <vector>

#include "host/core/owned_fd.hpp"

namespace tasker::host {

class OperatorSocket {
  public:
    // Called with the line's number to answer by. May answer at once.
    using Ask = std::function<void(std::uint64_t call, const std::string& line)>;

    // Listens when it returns. Precondition: this process holds the folder's lock, so that an old socket is a dead one.
    // Throws BootstrapError.
    OperatorSocket(std::filesystem::path path, Ask ask);
    ~OperatorSocket();
    OperatorSocket(const OperatorSocket&) = delete;
    OperatorSocket& operator=(const OperatorSocket&) = delete;

    void wait_for(std::vector<pollfd>& on) const;
    void turn();
    // Ends the connection. A caller that is gone hears nothing.
    void answer(std::uint64_t call, const std::string& line);

  private:
    struct Caller {
        OwnedFd fd;
        std::uint64_t call = 0;
        std::string in, out;
        bool asked = false, gone = false;
    };
    void accept_callers();
    void read(Caller& caller);
    static void write(Caller& caller);

    const std::filesystem::path path_;
    const Ask ask_;
    OwnedFd listener_;
    std::list<Caller> callers_;
    std::uint64_t last_call_ = 0;
};

// The other end: asks and waits for the answer, for at most `timeout_ms` (-1: for ever). Throws HostUnreachable.
std::string ask_supervisor(const std::filesystem::path& path, const std::string& line, int timeout_ms);

}  // namespace tasker::host
