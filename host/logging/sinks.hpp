#pragma once
// The two sinks: stderr (pretty on a terminal, one JSON object a line otherwise) and a capture for tests and embedders.

#include <cstddef>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "host/logging/logger.hpp"

namespace tasker::host {

enum class LogFormat : std::uint8_t { Auto, Pretty, Json };

struct LogOptions {
    LogLevel level = LogLevel::Info;
    LogFormat format = LogFormat::Auto;  // Auto: Pretty when the descriptor is a terminal
    bool color = false;                  // Pretty only
    int fd = 2;
    std::size_t queue_records = 8192;  // above this, records are dropped and counted
    std::size_t max_field_bytes = 8192;
    std::size_t max_line_bytes = 32768;
    std::vector<std::string> secrets;  // exact substrings replaced by [REDACTED] wherever they appear
};
// Formats and writes on its own thread ("tw-log"). A sink that is destroyed writes what is queued, at most 1 s.
std::shared_ptr<LogSink> make_stream_sink(LogOptions options);

// One line, no newline. Reserved keys (ts, level, msg) that come as fields become fields.NAME.
std::string format_json(const LogRecord& record, const LogOptions& options);
std::string format_pretty(const LogRecord& record, const LogOptions& options);

// user:password@ in anything that looks like a URL becomes user:[REDACTED]@, password=... in a conninfo too.
std::string redact_urls(std::string_view text);

class CaptureSink final : public LogSink {
  public:
    bool enabled(LogLevel) const override { return true; }
    void write(LogRecord record) override;
    std::vector<LogRecord> records() const;
    bool contains(std::string_view message_part) const;

  private:
    mutable std::mutex mutex_;
    std::vector<LogRecord> records_;
};

}  // namespace tasker::host
