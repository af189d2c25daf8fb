#pragma once
// Standard output and error as the commands use them. A reader that went away is no error: the rest is dropped.
// Not thread-safe.

#include <string>
#include <string_view>

namespace tasker::host {

class Output {
  public:
    explicit Output(int fd) : fd_(fd) {}

    void write(std::string_view text);
    void line(std::string_view text) { write(std::string{text} + "\n"); }
    // The reader is gone, or the disk behind it is full: nothing more is written.
    bool broken() const { return fault_ != 0; }
    // 0, or why writing failed: EPIPE when the reader went away.
    int fault() const { return fault_; }
    int fd() const { return fd_; }
    bool terminal() const;
    // Columns and rows of the terminal; 100 and 24 when it does not say.
    int width() const;
    int height() const;

  private:
    int fd_;
    int fault_ = 0;
};

}  // namespace tasker::host
