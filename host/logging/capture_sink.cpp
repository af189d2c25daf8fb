#include "host/logging/sinks.hpp"

namespace tasker::host {

void CaptureSink::write(LogRecord record) {
    const std::scoped_lock lock(mutex_);
    records_.push_back(std::move(record));
}

std::vector<LogRecord> CaptureSink::records() const {
    const std::scoped_lock lock(mutex_);
    return records_;
}

bool CaptureSink::contains(std::string_view message_part) const {
    const std::scoped_lock lock(mutex_);
    for (const LogRecord& record : records_) {
        if (record.message.find(message_part) != std::string::npos) return true;
    }
    return false;
}

}  // namespace tasker::host
