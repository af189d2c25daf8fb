#include "host/loader/host_table.hpp"

#include <chrono>
#include <cstring>
#include <memory>
#include <optional>
#include <string_view>
#include <vector>

#include "host/core/guarded.hpp"
#include "host/core/json_view.hpp"
#include "host/loader/error_text.hpp"
#include "host/loader/printable.hpp"

namespace tasker::host {

namespace {
constexpr std::size_t kMaxMessage = 32768;
constexpr std::size_t kMaxFields = 64;
constexpr std::size_t kMaxKey = 256;

std::string_view view_of(const tasker_str& text) {
    return text.ptr == nullptr ? std::string_view{} : std::string_view{text.ptr, text.len};
}

std::optional<std::string> value_under(std::string_view section, std::string_view dotted_key) {
    while (true) {
        const auto dot = dotted_key.find('.');
        const auto value = json_member(section, dotted_key.substr(0, dot));
        if (!value) return std::nullopt;
        if (dot == std::string_view::npos) return std::string(*value);
        section = *value;
        dotted_key.remove_prefix(dot + 1);
    }
}
}  // namespace

struct HostTable::State {
    struct Live {
        Logger log;
        std::string config_json = "{}";
    };

    HostFacts facts;
    Guarded<Live> live;
    tasker_host_v0 table{};

    static State& of(const tasker_host_v0* host) { return *static_cast<State*>(host->ctx); }
    static Logger logger_of(const tasker_host_v0* host) {
        return of(host).live.with([](const Live& now) { return now.log; });
    }

    static const void* get_extension(const tasker_host_v0*, const char*) noexcept { return nullptr; }
    static void log(const tasker_host_v0* host, int32_t level, const char* message, size_t size,
                    const tasker_kv* fields, size_t count) noexcept {
        try {
            const Logger logger = logger_of(host);
            if (!logger.enabled(level_of_plugin(level))) return;
            logger.log(level_of_plugin(level), clean_utf8(view_of({message, size}), kMaxMessage),
                       fields_of_plugin(fields, count));
        } catch (const std::bad_alloc&) {
            return;  // a record is lost, the plugin goes on
        }
    }
    static int32_t log_enabled(const tasker_host_v0* host, int32_t level) noexcept {
        return logger_of(host).enabled(level_of_plugin(level)) ? 1 : 0;
    }
    static int64_t unix_ms(const tasker_host_v0*) noexcept {
        using namespace std::chrono;
        return duration_cast<milliseconds>(system_clock::now().time_since_epoch()).count();
    }
    static int64_t mono_ns(const tasker_host_v0*) noexcept {
        using namespace std::chrono;
        return duration_cast<nanoseconds>(steady_clock::now().time_since_epoch()).count();
    }
    static int32_t config(const tasker_host_v0* host, const char* dotted_key,
                          const tasker_sink* sink) noexcept {
        if (dotted_key == nullptr || sink == nullptr || sink->write == nullptr) return TASKER_E_INVALID;
        try {
            const std::size_t length = ::strnlen(dotted_key, kMaxKey + 1);
            if (length == 0 || length > kMaxKey) return TASKER_E_INVALID;
            const auto value = of(host).live.with([&](const Live& now) {
                return value_under(now.config_json, {dotted_key, length});
            });
            if (!value) return TASKER_E_NOT_FOUND;
            return sink->write(sink->ctx, value->data(), value->size());
        } catch (const std::bad_alloc&) {
            return TASKER_E_NOMEM;
        }
    }
};

HostTable& HostTable::make(HostFacts facts) {
    // Never destroyed: see the header. Reachable, so that leak checkers see an owner.
    static auto* const tables = new Guarded<std::vector<std::unique_ptr<HostTable>>>;
    auto* state = new State;
    state->facts = std::move(facts);
    state->live.with([&](State::Live& live) { live.log = state->facts.log; });
    state->facts.log = Logger{};
    state->table = {sizeof(tasker_host_v0),
                    TASKER_ABI_MAJOR,
                    TASKER_ABI_MINOR,
                    state,
                    "tasker-host",
                    TASKER_HOST_VERSION,
                    state->facts.namespace_name.c_str(),
                    state->facts.worker_id.c_str(),
                    &State::get_extension,
                    &State::log,
                    &State::log_enabled,
                    &State::unix_ms,
                    &State::mono_ns,
                    &State::config};
    return tables->with([&](auto& all) -> HostTable& {
        all.push_back(std::unique_ptr<HostTable>(new HostTable(state)));
        return *all.back();
    });
}

const tasker_host_v0* HostTable::table() const { return &state_->table; }

void HostTable::open(const std::string& plugin_id, std::string config_json) {
    state_->live.with([&](State::Live& live) {
        live.log = live.log.with({{"plugin", plugin_id}});
        live.config_json = std::move(config_json);
    });
}

void HostTable::close() {
    state_->live.with([](State::Live& live) { live = State::Live{}; });
}

LogLevel level_of_plugin(int32_t level) {
    switch (level) {
        case TASKER_LOG_TRACE:
            return LogLevel::Trace;
        case TASKER_LOG_DEBUG:
            return LogLevel::Debug;
        case TASKER_LOG_INFO:
            return LogLevel::Info;
        case TASKER_LOG_WARN:
            return LogLevel::Warn;
        default:
            return level < TASKER_LOG_TRACE ? LogLevel::Trace : LogLevel::Error;
    }
}

LogFields fields_of_plugin(const tasker_kv* fields, size_t count) {
    LogFields copied;
    if (fields == nullptr) return copied;
    count = std::min(count, kMaxFields);
    copied.reserve(count);
    for (size_t i = 0; i < count; ++i) {
        copied.emplace_back(clean_utf8(view_of(fields[i].key), kMaxKey),
                            clean_utf8(view_of(fields[i].value), kMaxMessage));
    }
    return copied;
}

std::string status_name(int32_t status) {
    static constexpr std::string_view kNames[] = {"OK",      "E_FAILED",      "E_INVALID",   "E_STATE",
                                                  "E_NOMEM", "E_UNSUPPORTED", "E_CANCELLED", "E_CONFIG",
                                                  "E_PANIC", "E_LEASE_LOST",  "E_NOT_FOUND"};
    const auto index = static_cast<std::size_t>(-static_cast<std::int64_t>(status));
    const std::string number = "(" + std::to_string(status) + ")";
    return status <= 0 && index < std::size(kNames) ? std::string(kNames[index]) + " " + number
                                                    : "status " + number;
}

}  // namespace tasker::host
