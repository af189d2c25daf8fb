#pragma once
// Structured logging: five levels, a constant message, string fields. A Logger is a cheap handle that is passed down;
// with() binds fields for everything below. Never throws, never blocks the caller: a full queue drops and counts.
// Thread-safe.

#include <algorithm>
#include <cstdint>
#include <initializer_list>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace tasker::host {

// ERROR: a person must act. WARN: degraded or retried. INFO: lifecycle. DEBUG: per step. TRACE: per call.
enum class LogLevel : std::uint8_t { Trace, Debug, Info, Warn, Error };
std::string_view name(LogLevel level);                     // lower case
std::optional<LogLevel> log_level(std::string_view name);  // any case; also "warning"

// A value is a string, as the seed has it; numbers convert.
struct LogField {
    std::string key;
    std::string value;
    LogField(std::string_view k, std::string_view v) : key(k), value(v) {}
    LogField(std::string_view k, const std::string& v) : key(k), value(v) {}
    LogField(std::string_view k, const char* v) : key(k), value(v) {}
    LogField(std::string_view k, std::int64_t v) : key(k), value(std::to_string(v)) {}
    LogField(std::string_view k, int v) : key(k), value(std::to_string(v)) {}
    LogField(std::string_view k, std::size_t v) : key(k), value(std::to_string(v)) {}
};
using LogFields = std::vector<LogField>;

struct LogRecord {
    std::int64_t unix_ms = 0;
    LogLevel level = LogLevel::Info;
    std::string message;
    LogFields fields;  // bound fields first
};

// Where records go. write() is called on the logging caller's thread and must neither block nor throw.
class LogSink {
  public:
    virtual ~LogSink() = default;
    virtual bool enabled(LogLevel level) const = 0;
    // From now on, from any thread. A sink without a level of its own ignores it.
    virtual void set_level(LogLevel level) noexcept { static_cast<void>(level); }
    virtual void write(LogRecord record) = 0;
    // A record could not even be made (no memory, a sink that threw). Counted where the sink counts.
    virtual void lost() noexcept {}
    // Blocks until all that was written before is out, at most `timeout_ms`.
    virtual void flush(int timeout_ms) { static_cast<void>(timeout_ms); }
};

class Logger {
  public:
    Logger() = default;  // discards
    explicit Logger(std::shared_ptr<LogSink> sink) : sink_(std::move(sink)) {}

    Logger with(LogFields fields) const;
    // The same without what is below `level`.
    Logger at_least(LogLevel level) const {
        Logger child = *this;
        child.floor_ = std::max(floor_, level);
        return child;
    }
    bool enabled(LogLevel level) const { return sink_ && level >= floor_ && sink_->enabled(level); }
    void log(LogLevel level, std::string_view message, LogFields fields = {}) const noexcept;
    void error(std::string_view message, LogFields fields = {}) const noexcept {
        log(LogLevel::Error, message, std::move(fields));
    }
    void warn(std::string_view message, LogFields fields = {}) const noexcept {
        log(LogLevel::Warn, message, std::move(fields));
    }
    void info(std::string_view message, LogFields fields = {}) const noexcept {
        log(LogLevel::Info, message, std::move(fields));
    }
    void debug(std::string_view message, LogFields fields = {}) const noexcept {
        log(LogLevel::Debug, message, std::move(fields));
    }
    void trace(std::string_view message, LogFields fields = {}) const noexcept {
        log(LogLevel::Trace, message, std::move(fields));
    }
    void flush(int timeout_ms = 1000) const {
        if (sink_) sink_->flush(timeout_ms);
    }

  private:
    LogLevel floor_ = LogLevel::Trace;
    std::shared_ptr<LogSink> sink_;  // shared by all handles derived from it; the last one closes it
    std::shared_ptr<const LogFields> bound_;
};

}  // namespace tasker::host
