#pragma once
// Every setting of the host, gathered: flags > environment > TOML > defaults. Each value knows where it came from.

#include <cstdint>
#include <filesystem>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "host/engine/upkeep_options.hpp"
#include "host/logging/sinks.hpp"

namespace tasker::host {

struct Config {
    // worker
    std::string environment = "development";  // TASKER_ENV
    std::vector<std::string> namespaces;      // --namespace, TASKER_NAMESPACE; empty: "default"
    bool all_namespaces = false;
    std::string worker_id = "cpp-worker";                 // HOSTNAME
    unsigned threads = 32;                                // executor threads
    unsigned prefetch = 128;                              // claimed ahead of a free thread; <= 256
    std::map<std::string, unsigned> handler_concurrency;  // [host.handlers."callable"] concurrency
    std::map<std::string, std::string>
        plugin_config_json;  // [host.plugins.ID]: the section as JSON, given to create()
    std::int64_t polling_interval_ms = 10;
    int starvation_check_interval = 100;
    int cleanup_interval = 1000;
    std::int64_t drain_timeout_ms = 30'000;
    std::int64_t cancel_grace_ms = 10'000;
    std::int64_t default_step_timeout_ms = 300'000;  // 0: none
    std::int64_t max_runtime_ms = 86'400'000;        // how far heartbeats may extend a step
    unsigned max_abandoned = 4;
    // run: a worker process under its supervisor
    std::int64_t ready_deadline_ms = 30'000;
    std::int64_t probation_ms = 2000;
    unsigned probation_results = 20;
    bool rollback_on_errors = false;
    bool overlap = true;                      // of the old worker and the new one
    std::int64_t recycle_after_ms = 60'000;   // of a hung handler thread
    std::int64_t worker_silence_ms = 30'000;  // 0: it may be silent for ever
    unsigned max_memory_mb = 0;               // 0: no limit
    unsigned max_open_files = 0;              // 0: no limit
    std::string missing_handler = "wait";     // wait | fail
    std::int64_t missing_handler_timeout_ms = 86'400'000;
    // discovery
    std::vector<std::filesystem::path> template_path;  // TASKER_TEMPLATE_PATH
    std::vector<std::filesystem::path> plugin_path;    // TASKER_PLUGIN_PATH
    bool strict_templates = false;
    bool fallback_to_step_name = false;
    bool relax_plugin_permissions = false;
    std::int64_t probe_deadline_ms = 3000;  // of loading a new plugin in a throw-away process
    // store
    std::string database_url;         // DATABASE_URL
    std::filesystem::path state_dir;  // TASKER_STATE_DIR, else $XDG_STATE_HOME/tasker-host
    std::string durability = "full";  // full | process
    // upkeep of the store
    std::int64_t staleness_interval_ms = 300'000;  // 0: tasks are never given up as stale
    bool retention = false;                        // prune finished tasks by itself
    std::int64_t retain_complete_ms = std::int64_t{7} * 86'400'000;
    std::int64_t retain_failed_ms = std::int64_t{30} * 86'400'000;
    std::int64_t retain_identities_ms = std::int64_t{30} * 86'400'000;
    std::int64_t retain_events_ms = std::int64_t{7} * 86'400'000;
    std::int64_t max_events = 100'000;
    // log, web
    LogLevel log_level = LogLevel::Info;  // RUST_LOG
    LogFormat log_format = LogFormat::Auto;
    std::string web_bind_address;                      // TASKER_WEB_BIND_ADDRESS; empty: no TCP
    std::filesystem::path web_token_file;              // TASKER_WEB_TOKEN_FILE; empty: no token
    std::optional<std::filesystem::path> config_path;  // the TOML file in use
};

enum class Source : std::uint8_t { Default, File, Environment, Flag };

// One setting, for `config show` and `config explain`.
struct Setting {
    std::string key;    // "host.threads"
    std::string value;  // as text, secrets redacted
    Source source = Source::Default;
    std::string origin;  // "TASKER_NAMESPACE", "/etc/tasker-host/config.toml:12", "--namespace", "default"
    std::string environment;  // the variable that sets it; empty: none
    std::string flag;         // the flag that sets it; empty: none
    std::string range;        // "1..1024", "full | process"
    std::string help;         // one sentence
    std::string default_value;
    std::vector<std::string> overridden;  // the losers: "environment TASKER_NAMESPACE=x"
};

struct LoadedConfig {
    Config config;
    std::vector<Setting> settings;      // in the order of the documentation
    std::vector<std::string> warnings;  // for the log: "RUST_LOG: only the global level of a filter counts"
    std::vector<std::string> notices;   // INFO: "[orchestration] is ignored"
};

struct ConfigInputs {
    std::map<std::string, std::string> environment;         // the process environment, or a test's
    std::map<std::string, std::vector<std::string>> flags;  // by setting key: "host.namespaces" -> {"a", "b"}
    std::optional<std::filesystem::path> config_flag;       // --config
    std::filesystem::path working_directory;
    std::filesystem::path installed_prefix;  // for the installed plugins and templates
};
// Throws ConfigError with every fault at once, one a line, each naming file, line, key, value and range.
LoadedConfig load_config(const ConfigInputs& inputs);
std::map<std::string, std::string> process_environment();

// <state_dir>/tasker.db, or the path of a sqlite:/// URL.
std::filesystem::path store_path(const Config& config);
bool is_postgres(const Config& config);
// What the engine does beside running steps, and how long it keeps what.
UpkeepOptions upkeep_options(const Config& config);
// Texts that no log line and no answer may show, for LogOptions::secrets.
std::vector<std::string> config_secrets(const Config& config);

}  // namespace tasker::host
