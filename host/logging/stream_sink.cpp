// The sink behind stderr. Callers only queue; one thread formats and writes, so a terminal or pipe that
// nobody reads costs log lines and never time.

#include <fcntl.h>
#include <poll.h>
#include <spdlog/logger.h>
#include <spdlog/pattern_formatter.h>
#include <spdlog/sinks/base_sink.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <chrono>
#include <climits>
#include <condition_variable>
#include <deque>
#include <mutex>
#include <utility>

#include "host/core/clock.hpp"
#include "host/core/named_thread.hpp"
#include "host/logging/sinks.hpp"

namespace tasker::host {

namespace {

using SteadyTime = std::chrono::steady_clock::time_point;

constexpr std::size_t kQueueBytes = std::size_t{16} << 20U;
constexpr auto kCloseLimit = std::chrono::milliseconds{1000};
// The writer gives up a little earlier than its owner gives up on it.
constexpr auto kDrainLimit = std::chrono::milliseconds{900};
constexpr int kPollSliceMs = 50;
// Read past the cap before a text is cut, so that a secret across the cut is still recognised.
constexpr std::size_t kRedactionMargin = 1024;

// What the callers and the writer thread share. Outlives the sink when the writer hangs in a system call.
struct Shared {
    std::mutex mutex;
    std::condition_variable changed;  // work for the writer
    std::condition_variable drained;  // progress for flush() and the destructor
    std::deque<LogRecord> queue;
    std::size_t pending_bytes = 0;
    std::uint64_t accepted = 0;
    std::uint64_t handled = 0;  // of the accepted ones: written or given up
    std::uint64_t dropped = 0;
    bool stopping = false;
    bool done = false;
    SteadyTime give_up{};  // valid while stopping

    bool late() {
        const std::scoped_lock lock(mutex);
        return stopping && std::chrono::steady_clock::now() >= give_up;
    }
};

std::size_t bytes_of(const LogRecord& record) {
    std::size_t bytes = sizeof(LogRecord) + record.message.size();
    for (const LogField& field : record.fields)
        bytes += sizeof(LogField) + field.key.size() + field.value.size();
    return bytes;
}

class OwnedFd {
  public:
    // A copy of the descriptor: a plugin that closes standard error does not redirect the log into another
    // file.
    explicit OwnedFd(int fd) : fd_(fcntl(fd, F_DUPFD_CLOEXEC, 3)) {}
    ~OwnedFd() {
        if (fd_ >= 0) close(fd_);
    }
    OwnedFd(const OwnedFd&) = delete;
    OwnedFd& operator=(const OwnedFd&) = delete;
    int get() const { return fd_; }

  private:
    int fd_;
};

// spdlog's output end: whole lines to a descriptor, never waiting in write() where poll() can tell before.
class DescriptorSink final : public spdlog::sinks::base_sink<spdlog::details::null_mutex> {
  public:
    DescriptorSink(int fd, std::shared_ptr<Shared> shared) : fd_(fd), shared_(std::move(shared)) {}

    // Of the last line. False until the first one.
    bool succeeded() const { return succeeded_; }

  private:
    void sink_it_(const spdlog::details::log_msg& message) override {
        succeeded_ = false;
        spdlog::memory_buf_t line;
        formatter_->format(message, line);
        succeeded_ = write_all({line.data(), line.size()});
    }
    void flush_() override {}

    bool write_all(std::string_view text) {
        while (!text.empty()) {
            if (!wait_writable()) return false;
            // A pipe that polls writable takes PIPE_BUF bytes without blocking, and not always more.
            const ssize_t count =
                ::write(fd_.get(), text.data(), std::min<std::size_t>(text.size(), PIPE_BUF));
            if (count > 0) {
                text.remove_prefix(static_cast<std::size_t>(count));
            } else if (errno != EINTR && errno != EAGAIN) {
                return false;
            }
        }
        return true;
    }

    bool wait_writable() {
        for (;;) {
            pollfd wanted{fd_.get(), POLLOUT, 0};
            const int ready = fd_.get() < 0 ? -1 : poll(&wanted, 1, kPollSliceMs);
            if (ready > 0) return (wanted.revents & (POLLNVAL | POLLERR)) == 0;
            if (ready < 0 && errno != EINTR) return false;
            if (shared_->late()) return false;
        }
    }

    OwnedFd fd_;
    std::shared_ptr<Shared> shared_;
    bool succeeded_ = false;
};

spdlog::level::level_enum backend_level(LogLevel level) {
    switch (level) {
        case LogLevel::Trace:
            return spdlog::level::trace;
        case LogLevel::Debug:
            return spdlog::level::debug;
        case LogLevel::Info:
            return spdlog::level::info;
        case LogLevel::Warn:
            return spdlog::level::warn;
        case LogLevel::Error:
            return spdlog::level::err;
    }
    return spdlog::level::err;
}

// Owns everything the writer thread touches.
class Writer {
  public:
    Writer(LogOptions options, bool pretty, std::shared_ptr<Shared> shared)
        : options_(std::move(options)),
          pretty_(pretty),
          shared_(std::move(shared)),
          output_(std::make_shared<DescriptorSink>(options_.fd, shared_)),
          backend_("tw-log", output_) {
        backend_.set_level(spdlog::level::trace);
        backend_.set_formatter(std::make_unique<spdlog::pattern_formatter>(
            "%v", spdlog::pattern_time_type::utc, std::string("\n")));
        // spdlog would print its own trouble to standard error and could block there; succeeded() tells it as
        // well.
        backend_.set_error_handler([](const std::string&) {});
    }

    void run() {
        for (;;) {
            const std::deque<LogRecord> batch = take();
            if (batch.empty()) break;
            for (const LogRecord& record : batch) {
                const bool out = !shared_->late() && write(record);
                const std::scoped_lock lock(shared_->mutex);
                ++shared_->handled;
                shared_->pending_bytes -= bytes_of(record);
                if (!out) ++shared_->dropped;
                shared_->drained.notify_all();
            }
            report_drops();
        }
        report_drops();
        const std::scoped_lock lock(shared_->mutex);
        shared_->done = true;
        shared_->drained.notify_all();
    }

  private:
    // Empty only when the sink is being destroyed and nothing is left.
    std::deque<LogRecord> take() {
        std::unique_lock lock(shared_->mutex);
        shared_->changed.wait(lock, [&] { return shared_->stopping || !shared_->queue.empty(); });
        return std::exchange(shared_->queue, {});
    }

    bool write(const LogRecord& record) {
        try {
            backend_.log(backend_level(record.level),
                         pretty_ ? format_pretty(record, options_) : format_json(record, options_));
            return output_->succeeded();
        } catch (const std::exception&) {
            return false;
        }
    }

    void report_drops() {
        std::uint64_t dropped = 0;
        {
            const std::scoped_lock lock(shared_->mutex);
            dropped = shared_->dropped;
        }
        if (dropped == reported_) return;
        LogRecord record;
        record.unix_ms = SystemClock{}.unix_ms();
        record.level = LogLevel::Warn;
        record.message = "log records dropped";
        record.fields = {{"component", "logging"}, {"count", std::to_string(dropped - reported_)}};
        if (write(record)) reported_ = dropped;
    }

    LogOptions options_;
    bool pretty_;
    std::shared_ptr<Shared> shared_;
    std::shared_ptr<DescriptorSink> output_;
    spdlog::logger backend_;
    std::uint64_t reported_ = 0;
};

class StreamSink final : public LogSink {
  public:
    StreamSink(const LogOptions& options, bool pretty)
        : level_(options.level),
          max_records_(std::max<std::size_t>(options.queue_records, 1)),
          max_text_(options.max_field_bytes + margin(options)),
          shared_(std::make_shared<Shared>()),
          thread_("tw-log", [writer = std::make_shared<Writer>(options, pretty, shared_)](std::stop_token) {
              writer->run();
          }) {}

    ~StreamSink() override {
        std::unique_lock lock(shared_->mutex);
        shared_->stopping = true;
        shared_->give_up = std::chrono::steady_clock::now() + kDrainLimit;
        shared_->changed.notify_one();
        const bool done = shared_->drained.wait_for(lock, kCloseLimit, [&] { return shared_->done; });
        lock.unlock();
        // Hung in a system call: it keeps what it needs alive by itself.
        if (!done) thread_.abandon();
    }
    StreamSink(const StreamSink&) = delete;
    StreamSink& operator=(const StreamSink&) = delete;

    bool enabled(LogLevel level) const override { return level >= level_.load(); }
    void set_level(LogLevel level) noexcept override { level_.store(level); }

    void write(LogRecord record) override {
        shorten(record.message);
        for (LogField& field : record.fields) shorten(field.value);
        const std::size_t bytes = bytes_of(record);
        {
            const std::scoped_lock lock(shared_->mutex);
            const bool full = shared_->accepted - shared_->handled >= max_records_;
            if (full || shared_->pending_bytes + bytes > kQueueBytes) {
                ++shared_->dropped;
                return;
            }
            shared_->queue.push_back(std::move(record));
            shared_->pending_bytes += bytes;
            ++shared_->accepted;
        }
        shared_->changed.notify_one();
    }

    void lost() noexcept override {
        const std::scoped_lock lock(shared_->mutex);
        ++shared_->dropped;
    }

    void flush(int timeout_ms) override {
        std::unique_lock lock(shared_->mutex);
        const std::uint64_t target = shared_->accepted;
        shared_->drained.wait_for(lock, std::chrono::milliseconds{std::max(timeout_ms, 0)},
                                  [&] { return shared_->handled >= target; });
    }

  private:
    static std::size_t margin(const LogOptions& options) {
        std::size_t longest = 0;
        for (const std::string& secret : options.secrets) longest = std::max(longest, secret.size());
        return longest + kRedactionMargin;
    }

    // The queue must not hold a megabyte that is cut later anyway.
    void shorten(std::string& text) const {
        if (text.size() <= max_text_) return;
        text.resize(max_text_);
        text.shrink_to_fit();
    }

    std::atomic<LogLevel> level_;
    std::size_t max_records_;
    std::size_t max_text_;
    std::shared_ptr<Shared> shared_;
    NamedThread thread_;
};

}  // namespace

std::shared_ptr<LogSink> make_stream_sink(LogOptions options) {
    // A secret that contains another one must be replaced first.
    std::sort(options.secrets.begin(), options.secrets.end(),
              [](const std::string& a, const std::string& b) { return a.size() > b.size(); });
    const bool pretty =
        options.format == LogFormat::Pretty || (options.format == LogFormat::Auto && isatty(options.fd) == 1);
    return std::make_shared<StreamSink>(options, pretty);
}

}  // namespace tasker::host
