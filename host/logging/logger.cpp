#include "host/logging/logger.hpp"

#include <algorithm>
#include <array>
#include <cctype>
#include <iterator>

#include "host/core/clock.hpp"

namespace tasker::host {

namespace {
constexpr std::array<std::string_view, 5> kNames{"trace", "debug", "info", "warn", "error"};

bool same_word(std::string_view a, std::string_view b) {
    const auto lower = [](char c) { return std::tolower(static_cast<unsigned char>(c)); };
    return std::equal(a.begin(), a.end(), b.begin(), b.end(),
                      [&](char x, char y) { return lower(x) == lower(y); });
}
}  // namespace

std::string_view name(LogLevel level) {
    return kNames[std::min(static_cast<std::size_t>(level), kNames.size() - 1)];
}

std::optional<LogLevel> log_level(std::string_view name) {
    for (std::size_t i = 0; i < kNames.size(); ++i) {
        if (same_word(name, kNames[i])) return static_cast<LogLevel>(i);
    }
    if (same_word(name, "warning")) return LogLevel::Warn;
    return std::nullopt;
}

Logger Logger::with(LogFields fields) const {
    Logger child = *this;
    if (!sink_) return child;
    LogFields all = bound_ ? *bound_ : LogFields{};
    all.insert(all.end(), std::make_move_iterator(fields.begin()), std::make_move_iterator(fields.end()));
    child.bound_ = std::make_shared<const LogFields>(std::move(all));
    return child;
}

void Logger::log(LogLevel level, std::string_view message, LogFields fields) const noexcept {
    try {
        if (!enabled(level)) return;
        LogRecord record;
        record.unix_ms = SystemClock{}.unix_ms();
        record.level = level;
        record.message = message;
        if (bound_) {
            record.fields.reserve(bound_->size() + fields.size());
            record.fields = *bound_;
            std::move(fields.begin(), fields.end(), std::back_inserter(record.fields));
        } else {
            record.fields = std::move(fields);
        }
        sink_->write(std::move(record));
    } catch (...) {
        // Logging never ends what it reports on.
        sink_->lost();
    }
}

}  // namespace tasker::host
