#include "host/config/setting_table.hpp"

#include <algorithm>
#include <cctype>
#include <charconv>
#include <type_traits>

#include "host/config/database_url.hpp"
#include "host/config/duration.hpp"

namespace tasker::host {

namespace {
using Texts = std::vector<std::string>;
using Path = std::filesystem::path;

std::string not_allowed(const std::string& value, const std::string& range) {
    // A connection string that was put into the wrong place has a password too, and not always a scheme.
    const std::string scheme = value.find("://") == std::string::npos ? "x://" : "";
    return "'" + redacted_url(scheme + value).substr(scheme.size()) + "' is not allowed; allowed: " + range;
}

struct Names {
    std::string key, environment, flag, help;
};

template <class T>
SettingSpec integer(Names names, T Config::*member, std::int64_t low, std::int64_t high) {
    const std::string range = std::to_string(low) + ".." + std::to_string(high);
    return {names.key,
            names.environment,
            names.flag,
            TomlType::Integer,
            range,
            names.help,
            [=](Config& config, const Texts& texts, const Path&) -> std::optional<std::string> {
                std::int64_t value = 0;
                const std::string& text = texts.back();
                const auto [end, fault] = std::from_chars(text.data(), text.data() + text.size(), value);
                if (fault == std::errc::invalid_argument || end != text.data() + text.size()) {
                    return "'" + text + "' is not a whole number; allowed: " + range;
                }
                if (fault != std::errc{} || value < low || value > high) {
                    return text + " is out of range; allowed: " + range;
                }
                config.*member = static_cast<T>(value);
                return std::nullopt;
            },
            [=](const Config& config) { return std::to_string(config.*member); }};
}

SettingSpec duration(Names names, std::int64_t Config::*member, std::int64_t low, std::int64_t high) {
    const std::string range = format_duration(low) + ".." + format_duration(high);
    return {
        names.key,
        names.environment,
        names.flag,
        TomlType::Text,
        range,
        names.help,
        [=](Config& config, const Texts& texts, const Path&) -> std::optional<std::string> {
            const auto ms = parse_duration(texts.back());
            if (!ms)
                return "'" + texts.back() +
                       "' is not a duration; write a unit, like \"30s\" (ms, s, m, h, d); allowed: " + range;
            if (*ms < low || *ms > high) return "'" + texts.back() + "' is out of range; allowed: " + range;
            config.*member = *ms;
            return std::nullopt;
        },
        [=](const Config& config) { return format_duration(config.*member); }};
}

SettingSpec boolean(Names names, bool Config::*member) {
    return {names.key,
            names.environment,
            names.flag,
            TomlType::Boolean,
            "true | false",
            names.help,
            [=](Config& config, const Texts& texts, const Path&) -> std::optional<std::string> {
                if (texts.back() != "true" && texts.back() != "false")
                    return not_allowed(texts.back(), "true | false");
                config.*member = texts.back() == "true";
                return std::nullopt;
            },
            [=](const Config& config) { return std::string{config.*member ? "true" : "false"}; }};
}

template <class T>
SettingSpec choice(Names names, T Config::*member, std::vector<std::pair<std::string, T>> allowed) {
    std::string range;
    for (const auto& [word, value] : allowed) range += (range.empty() ? "" : " | ") + word;
    return {names.key,
            names.environment,
            names.flag,
            TomlType::Text,
            range,
            names.help,
            [=](Config& config, const Texts& texts, const Path&) -> std::optional<std::string> {
                for (const auto& [word, value] : allowed) {
                    if (word != texts.back()) continue;
                    config.*member = value;
                    return std::nullopt;
                }
                return not_allowed(texts.back(), range);
            },
            [=](const Config& config) {
                for (const auto& [word, value] : allowed) {
                    if (value == config.*member) return word;
                }
                return std::string{};
            }};
}

// Texts that must satisfy a rule given in words.
SettingSpec word(Names names, std::string Config::*member, std::string range,
                 bool (*valid)(std::string_view)) {
    return {names.key,
            names.environment,
            names.flag,
            TomlType::Text,
            range,
            names.help,
            [=](Config& config, const Texts& texts, const Path&) -> std::optional<std::string> {
                if (!valid(texts.back())) return not_allowed(texts.back(), range);
                config.*member = texts.back();
                return std::nullopt;
            },
            [=](const Config& config) { return config.*member; }};
}

// A list of roots; each text may hold several, separated by ':'.
SettingSpec file(Names names, Path Config::*member) {
    return {names.key,
            names.environment,
            names.flag,
            TomlType::Text,
            "a file",
            names.help,
            [=](Config& config, const Texts& texts, const Path& base) -> std::optional<std::string> {
                if (texts.back().empty()) return "no path is given";
                config.*member = (base / texts.back()).lexically_normal();
                return std::nullopt;
            },
            [=](const Config& config) { return (config.*member).string(); }};
}

SettingSpec paths(Names names, std::vector<Path> Config::*member) {
    return {names.key,
            names.environment,
            names.flag,
            TomlType::List,
            "folders or files, separated by ':'",
            names.help,
            [=](Config& config, const Texts& texts, const Path& base) -> std::optional<std::string> {
                std::vector<Path> roots;
                for (const std::string& text : texts) {
                    std::size_t from = 0;
                    while (from <= text.size()) {
                        const std::size_t colon = std::min(text.find(':', from), text.size());
                        if (colon > from)
                            roots.push_back((base / text.substr(from, colon - from)).lexically_normal());
                        from = colon + 1;
                    }
                }
                if (roots.empty()) return "no path is given";
                config.*member = std::move(roots);
                return std::nullopt;
            },
            [=](const Config& config) {
                std::string out;
                for (const Path& root : config.*member) out += (out.empty() ? "" : ":") + root.string();
                return out;
            }};
}

bool printable_word(std::string_view text, std::size_t limit, std::string_view extra) {
    return !text.empty() && text.size() <= limit &&
           std::all_of(text.begin(), text.end(), [&](unsigned char c) {
               return std::isalnum(c) != 0 || extra.find(static_cast<char>(c)) != std::string_view::npos;
           });
}
bool valid_environment(std::string_view text) { return printable_word(text, 32, "_-"); }
bool valid_worker_id(std::string_view text) { return printable_word(text, 128, "_-.:@"); }
// Only shown for now, so only what a terminal would choke on is refused.
bool valid_address(std::string_view text) { return printable_word(text, 256, ".:[]-_"); }

SettingSpec namespaces() {
    const std::string range = "[A-Za-z_][A-Za-z0-9_]*, at most 29 characters";
    return {"host.namespaces",
            "TASKER_NAMESPACE",
            "--namespace",
            TomlType::List,
            range,
            "The namespaces whose steps are run. When none is named: 'default', or, for `run`, all that have "
            "templates.",
            [=](Config& config, const Texts& texts, const Path&) -> std::optional<std::string> {
                std::vector<std::string> names;
                for (const std::string& text : texts) {
                    if (!valid_namespace(text)) return not_allowed(text, range);
                    if (std::find(names.begin(), names.end(), text) == names.end()) names.push_back(text);
                }
                config.namespaces = std::move(names);
                return std::nullopt;
            },
            [](const Config& config) {
                std::string out;
                for (const std::string& name : config.namespaces) out += (out.empty() ? "" : ",") + name;
                return out.empty() ? std::string{"default"} : out;
            }};
}

SettingSpec state_dir() {
    return {"host.state_dir",
            "TASKER_STATE_DIR",
            "--state-dir",
            TomlType::Text,
            "a folder",
            "Where the store, its lock, the API socket and the plugin cache live.",
            [](Config& config, const Texts& texts, const Path& base) -> std::optional<std::string> {
                if (texts.back().empty()) return "no path is given";
                config.state_dir = (base / texts.back()).lexically_normal();
                return std::nullopt;
            },
            [](const Config& config) { return config.state_dir.string(); }};
}

SettingSpec database() {
    return {"host.database_url",
            "DATABASE_URL",
            "--database-url",
            TomlType::Text,
            "empty | sqlite:///path | postgresql://...",
            "Chooses the runtime: empty or sqlite:///path is the embedded engine, postgresql:// a Tasker "
            "deployment.",
            [](Config& config, const Texts& texts, const Path&) -> std::optional<std::string> {
                if (const auto fault = database_url_fault(texts.back())) return fault;
                config.database_url = texts.back();
                return std::nullopt;
            },
            [](const Config& config) { return redacted_url(config.database_url); }};
}

constexpr std::int64_t kSecond = 1000, kMinute = 60 * kSecond, kHour = 60 * kMinute, kDay = 24 * kHour;

std::vector<SettingSpec> worker_settings() {
    return {
        word({"host.environment", "TASKER_ENV", "--environment",
              "Which `environments` section of a template applies."},
             &Config::environment, "test | development | production, or another name of [A-Za-z0-9_-]",
             valid_environment),
        namespaces(),
        boolean({"host.all_namespaces", "", "--all-namespaces",
                 "Run the steps of every namespace that a template has."},
                &Config::all_namespaces),
        word({"host.worker_id", "HOSTNAME", "--worker-id", "The name of this worker in results and logs."},
             &Config::worker_id, "letters, digits and _-.:@, at most 128", valid_worker_id),
        integer({"host.threads", "", "--threads", "How many steps run at the same time."}, &Config::threads,
                1, 1024),
        integer({"host.prefetch", "", "--prefetch", "How many steps are claimed ahead of a free thread."},
                &Config::prefetch, 0, 256),
        duration({"host.polling_interval", "", "", "The longest pause between two looks for claimed steps."},
                 &Config::polling_interval_ms, 1, 10 * kSecond),
        integer({"host.starvation_check_interval", "", "", "Polls between two checks for starving steps."},
                &Config::starvation_check_interval, 1, 1'000'000),
        integer({"host.cleanup_interval", "", "", "Polls between two clean-ups of the bookkeeping."},
                &Config::cleanup_interval, 1, 1'000'000),
        duration({"host.drain_timeout", "", "--drain-timeout",
                  "How long running steps may finish after a stop request."},
                 &Config::drain_timeout_ms, 0, kDay),
        duration({"host.cancel_grace", "", "", "How long a handler may take to answer a cancellation."},
                 &Config::cancel_grace_ms, 0, kHour),
        duration({"host.default_step_timeout", "", "", "For steps without timeout_seconds; 0 means none."},
                 &Config::default_step_timeout_ms, 0, 30 * kDay),
        duration({"host.max_runtime", "", "", "How far heartbeats may extend a step."},
                 &Config::max_runtime_ms, kSecond, 365 * kDay),
        integer({"host.max_abandoned", "", "",
                 "How many hung handler threads are given up before the worker stops."},
                &Config::max_abandoned, 0, 1024),
        choice<std::string>(
            {"host.missing_handler", "", "",
             "What becomes of a step whose callable no plugin offers: wait for it, or fail at once."},
            &Config::missing_handler, {{"wait", "wait"}, {"fail", "fail"}}),
        duration({"host.missing_handler_timeout", "", "", "How long such a step waits before it fails."},
                 &Config::missing_handler_timeout_ms, kSecond, 365 * kDay),
    };
}

std::vector<SettingSpec> supervisor_settings() {
    return {
        duration({"host.supervisor.ready_deadline", "", "",
                  "How long a new worker process may take until it is ready."},
                 &Config::ready_deadline_ms, kSecond, kHour),
        duration({"host.supervisor.probation", "", "",
                  "How long the old worker stands by while the new one proves itself."},
                 &Config::probation_ms, 0, kHour),
        integer({"host.supervisor.probation_results", "", "",
                 "The probation ends earlier after so many accepted results."},
                &Config::probation_results, 1, 1'000'000),
        boolean({"host.supervisor.rollback_on_errors", "", "",
                 "An error rate far above the old worker's rolls the new one back, instead of a warning."},
                &Config::rollback_on_errors),
        boolean(
            {"host.supervisor.overlap", "", "",
             "The new worker starts while the old one still serves; false: after its end, to spare memory."},
            &Config::overlap),
        duration({"host.supervisor.recycle_after", "", "",
                  "A worker with a handler thread that hangs for longer is replaced."},
                 &Config::recycle_after_ms, 0, kDay),
        duration({"host.supervisor.silence", "", "",
                  "A worker whose main thread says nothing for so long is killed; 0 means never."},
                 &Config::worker_silence_ms, 0, kDay),
        integer({"host.supervisor.max_memory_mb", "", "",
                 "A worker that uses more memory than this is replaced; 0 means no limit."},
                &Config::max_memory_mb, 0, 1U << 20U),
        integer({"host.supervisor.max_open_files", "", "",
                 "A worker with more open files than this is replaced; 0 means no limit."},
                &Config::max_open_files, 0, 1U << 20U),
    };
}

std::vector<SettingSpec> other_settings() {
    return {
        paths({"host.template_path", "TASKER_TEMPLATE_PATH", "--template-path",
               "Where task templates are looked for."},
              &Config::template_path),
        paths({"host.plugin_path", "TASKER_PLUGIN_PATH", "--plugin-path",
               "Where handler plugins are looked for."},
              &Config::plugin_path),
        boolean({"host.strict_templates", "", "--strict-templates", "Unknown keys of a template are errors."},
                &Config::strict_templates),
        boolean({"host.fallback_to_step_name", "", "",
                 "A callable that no plugin offers is looked for as the step's name."},
                &Config::fallback_to_step_name),
        boolean({"host.plugins.relax_permissions", "", "",
                 "Plugin files with loose permissions load, with a warning."},
                &Config::relax_plugin_permissions),
        duration(
            {"host.plugins.probe_deadline", "", "--probe-deadline",
             "How long loading a new plugin may take in its probe; one that is slower gets a second try with "
             "twice the time, then it is quarantined."},
            &Config::probe_deadline_ms, 50, 60 * kSecond),
        database(),
        state_dir(),
        choice<std::string>(
            {"host.durability", "", "--durability",
             "full: a commit is on the disk before it is answered; process: it survives a killed process."},
            &Config::durability, {{"full", "full"}, {"process", "process"}}),
        duration(
            {"host.staleness_interval", "", "",
             "Between two looks for tasks that do not get on, which become dead letters; 0 means never."},
            &Config::staleness_interval_ms, 0, kDay),
        boolean({"host.retention", "", "",
                 "Delete finished tasks by itself, once an hour, when they are old enough."},
                &Config::retention),
        duration({"host.retain_complete", "", "", "How long a task that ended well is kept when pruning."},
                 &Config::retain_complete_ms, 0, 3650 * kDay),
        duration({"host.retain_failed", "", "", "How long a failed or cancelled task is kept when pruning."},
                 &Config::retain_failed_ms, 0, 3650 * kDay),
        duration(
            {"host.retain_identities", "", "", "How long a pruned task still makes another one a duplicate."},
            &Config::retain_identities_ms, 0, 3650 * kDay),
        duration({"host.retain_events", "", "", "How long a domain event waits for its reader."},
                 &Config::retain_events_ms, kMinute, 3650 * kDay),
        integer({"host.max_events", "", "", "How many domain events wait; the oldest make room."},
                &Config::max_events, 1, 100'000'000),
        choice<LogLevel>(
            {"host.log_level", "RUST_LOG", "--log-level", "The least severe records that are written."},
            &Config::log_level,
            {{"trace", LogLevel::Trace},
             {"debug", LogLevel::Debug},
             {"info", LogLevel::Info},
             {"warn", LogLevel::Warn},
             {"error", LogLevel::Error}}),
        choice<LogFormat>(
            {"host.log_format", "", "--log-format", "auto: pretty on a terminal, JSON lines otherwise."},
            &Config::log_format,
            {{"auto", LogFormat::Auto}, {"pretty", LogFormat::Pretty}, {"json", LogFormat::Json}}),
        word({"host.web_bind_address", "TASKER_WEB_BIND_ADDRESS", "",
              "Where the worker serves the REST API over TCP; other addresses than loopback ones need a "
              "token."},
             &Config::web_bind_address, "host:port", valid_address),
        file({"host.web_token_file", "TASKER_WEB_TOKEN_FILE", "",
              "The file with the token that clients of the REST API over TCP must show."},
             &Config::web_token_file),
    };
}
}  // namespace

bool valid_namespace(std::string_view name) {
    if (name.empty() || name.size() > 29 || std::isdigit(static_cast<unsigned char>(name.front())) != 0)
        return false;
    return printable_word(name, 29, "_");
}

const std::vector<SettingSpec>& setting_table() {
    static const std::vector<SettingSpec> kTable = [] {
        auto table = worker_settings();
        for (auto& spec : supervisor_settings()) table.push_back(std::move(spec));
        for (auto& spec : other_settings()) table.push_back(std::move(spec));
        return table;
    }();
    return kTable;
}

}  // namespace tasker::host
