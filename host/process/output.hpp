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
    bool broken() const { return broken_; }
    bool terminal() const;
    // Columns of the terminal; 100 when it does not say.
    int width() const;

  private:
    int fd_;
    bool broken_ = false;
};

}  // namespace tasker::host
