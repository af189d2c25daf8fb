#pragma once
// Logging through the host: structured, never blocking. Inside a call the host adds the step's identity.

#include <concepts>
#include <cstdint>
#include <initializer_list>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <vector>

#include "tasker/abi.h"
#include "tasker/detail/json_text.hpp"
#include "tasker/detail/text.hpp"
#include "tasker/json.hpp"

namespace tasker {

enum class LogLevel : std::int32_t { Trace, Debug, Info, Warn, Error };

// A key and its value; values are strings on their way to the log: a JSON string as it is, any other JSON value as its
// text, whatever it holds.
struct LogField {
    std::string key, value;

    LogField(std::string_view field, std::string_view text) : key(field), value(text) {}
    LogField(std::string_view field, const char* text) : key(field), value(text) {}
    LogField(std::string_view field, bool flag) : key(field), value(flag ? "true" : "false") {}
    template <class T>
    requires std::is_arithmetic_v<T> LogField(std::string_view field, T number)
        : key(field), value(std::to_string(number)) {}
    // A template, so that it takes a json only and nothing that converts to one.
    template <std::same_as<json> Json>
    LogField(std::string_view field, const Json& any)
        : key(field), value(any.is_string() ? any.template get<std::string>() : detail::lenient_dump(any)) {}
};

// [any thread] Of a call: valid until call() returns. Of the host: as long as the plugin. Cheap to copy.
class Logger {
  public:
    using Fields = std::initializer_list<LogField>;

    Logger(const tasker_host_v0* host, const tasker_call_api_v0* api, tasker_call* call) noexcept
        : host_(host), api_(api), call_(call) {}
    explicit Logger(const tasker_host_v0* host) noexcept : Logger(host, nullptr, nullptr) {}

    void trace(std::string_view message, Fields fields = {}) const {
        write(LogLevel::Trace, message, fields);
    }
    void debug(std::string_view message, Fields fields = {}) const {
        write(LogLevel::Debug, message, fields);
    }
    void info(std::string_view message, Fields fields = {}) const { write(LogLevel::Info, message, fields); }
    void warn(std::string_view message, Fields fields = {}) const { write(LogLevel::Warn, message, fields); }
    void error(std::string_view message, Fields fields = {}) const {
        write(LogLevel::Error, message, fields);
    }

    // Would a record of this level be written? For messages that cost something to build.
    bool enabled(LogLevel level) const noexcept {
        return !TASKER_HAS(host_, log_enabled) ||
               host_->log_enabled(host_, static_cast<std::int32_t>(level)) != 0;
    }

    // A logger that adds these fields to every record.
    Logger with(Fields fields) const {
        Logger child = *this;
        child.bound_.insert(child.bound_.end(), fields.begin(), fields.end());
        return child;
    }

    void write(LogLevel level, std::string_view message, Fields fields = {}) const {
        if (!enabled(level)) return;
        std::vector<tasker_kv> list;
        list.reserve(bound_.size() + fields.size());
        for (const auto& field : bound_)
            list.push_back({detail::borrow(field.key), detail::borrow(field.value)});
        for (const auto& field : fields)
            list.push_back({detail::borrow(field.key), detail::borrow(field.value)});
        const auto number = static_cast<std::int32_t>(level);
        if (api_ != nullptr) {
            api_->log(call_, number, message.data(), message.size(), list.data(), list.size());
        } else if (TASKER_HAS(host_, log)) {
            host_->log(host_, number, message.data(), message.size(), list.data(), list.size());
        }
    }

  private:
    const tasker_host_v0* host_;
    const tasker_call_api_v0* api_;
    tasker_call* call_;
    std::vector<LogField> bound_;
};

}  // namespace tasker
