#pragma once
// One end of a link: a socket that does not block, with what was read and not understood yet, and what is to be written.
// Used by one thread.

#include <cstddef>
#include <filesystem>
#include <optional>
#include <string>

#include "host/core/owned_fd.hpp"
#include "host/runtime/link/frame.hpp"

namespace tasker::host {

// Throws ConfigError for a path that no socket can have.
void check_link_path(const std::filesystem::path& path);
// A connected socket. Nothing when nobody listens there; `why` says so.
std::optional<OwnedFd> connect_link(const std::filesystem::path& path, std::string& why);
// Throws BootstrapError. Only the user that runs it may connect. A socket file that is in the way is replaced.
OwnedFd listen_link(const std::filesystem::path& path);

class LinkConnection {
  public:
    LinkConnection(OwnedFd socket, std::size_t max_message)
        : socket_(std::move(socket)), reader_(max_message) {}

    int fd() const { return socket_.get(); }
    // Takes in what came, at most about `limit` bytes. False once the peer is gone; what came before can still be read.
    bool receive(std::size_t limit);
    // See FrameReader.
    std::optional<LinkMessage> next() { return reader_.next(); }
    FrameReader& reader() { return reader_; }

    // What is to be sent; append to it.
    std::string& out() { return out_; }
    std::size_t unsent() const { return out_.size() - sent_; }
    // Writes what the socket takes. False once the peer is gone.
    bool flush();

  private:
    OwnedFd socket_;
    FrameReader reader_;
    std::string out_;
    std::size_t sent_ = 0;
};

}  // namespace tasker::host
