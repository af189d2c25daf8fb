#include <algorithm>

#include "host/config/config.hpp"
#include "host/config/config_file.hpp"
#include "host/config/database_url.hpp"
#include "host/config/default_paths.hpp"
#include "host/config/plugin_secrets.hpp"
#include "host/config/rust_log.hpp"
#include "host/config/setting_table.hpp"
#include "host/config/toml_file.hpp"
#include "host/core/error.hpp"
#include "host/core/nearest.hpp"
#include "host/subscriber/subscriber_options.hpp"

namespace tasker::host {

namespace {
std::string joined(const std::vector<std::string>& texts, std::string_view separator) {
    std::string out;
    for (const std::string& text : texts) {
        if (!out.empty()) out += separator;
        out += text;
    }
    return out;
}

std::string shown(const SettingSpec& spec, const std::vector<std::string>& texts) {
    if (spec.key == "host.database_url") return redacted_url(texts.empty() ? "" : texts.back());
    return joined(texts, spec.key == "host.namespaces" ? "," : ":");
}

class Loader {
  public:
    explicit Loader(const ConfigInputs& inputs) : inputs_(inputs) {}

    LoadedConfig load() {
        read_file();
        for (const SettingSpec& spec : setting_table()) out_.settings.push_back(resolve(spec));
        check_secrets();
        for (auto& extra : extras_) out_.settings.push_back(std::move(extra));
        if (!faults_.empty()) throw ConfigError(joined(faults_, "\n"));
        return std::move(out_);
    }

  private:
    void read_file() {
        file_ = find_config_file(inputs_);
        if (!file_) return;
        out_.config.config_path = file_->path;
        const std::string name = file_->path.string();
        TomlFile parsed = parse_toml(file_->text, name, inputs_.environment);
        faults_ = std::move(parsed.faults);
        if (!parsed.ignored.empty()) {
            out_.notices.push_back(name + ": [" + joined(parsed.ignored, "], [") +
                                   "] belongs to a Tasker server and is ignored; this host reads [host]");
        }
        for (TomlEntry& entry : parsed.entries) take(std::move(entry));
    }

    std::string place(const TomlEntry& entry) const {
        return file_->path.string() + ":" + std::to_string(entry.line) + ":" + std::to_string(entry.column);
    }

    void take(TomlEntry entry) {
        const auto& path = entry.path;
        if (path.size() == 3 && path[0] == "host" && path[1] == "plugins" && entry.type == TomlType::Table) {
            return plugin_section(entry);
        }
        if (path.size() == 4 && path[0] == "host" && path[1] == "handlers" && path[3] == "concurrency") {
            return handler_concurrency(entry);
        }
        const std::string key = entry.key();
        for (const SettingSpec& spec : setting_table()) {
            if (spec.key != key) continue;
            if (const auto fault = type_fault(spec, entry)) {
                faults_.push_back(place(entry) + ": " + key + ": " + *fault);
            } else {
                from_file_.insert_or_assign(key, std::move(entry));
            }
            return;
        }
        faults_.push_back(place(entry) + ": unknown key '" + key + "'" + suggestion(entry));
    }

    static std::string suggestion(const TomlEntry& entry) {
        std::vector<std::string> keys;
        for (const SettingSpec& spec : setting_table()) keys.push_back(spec.key);
        if (entry.path.size() > 2 && entry.path[0] == "host" && entry.path[1] == "handlers") {
            return "; a handler's section has the key 'concurrency'";
        }
        const std::string key = entry.key();
        const std::string direct = did_you_mean(key, keys);
        return direct.empty() ? did_you_mean("host." + key, keys) : direct;
    }

    static std::optional<std::string> type_fault(const SettingSpec& spec, const TomlEntry& entry) {
        const bool fits =
            entry.type == spec.type || (spec.type == TomlType::List && entry.type == TomlType::Text);
        if (fits) return std::nullopt;
        const std::string value =
            entry.values.empty() ? std::string{} : " (" + shown(spec, entry.values) + ")";
        std::string out =
            "must be " + std::string{name(spec.type)} + ", not " + std::string{name(entry.type)} + value;
        if (spec.type == TomlType::Text && entry.type == TomlType::Integer)
            out += "; a duration is written with its unit, like \"30s\"";
        return out + "; allowed: " + spec.range;
    }

    void plugin_section(const TomlEntry& entry) {
        out_.config.plugin_config_json[entry.path[2]] = entry.json;
        extras_.push_back({.key = entry.key(),
                           .value = "(given to the plugin)",
                           .source = Source::File,
                           .origin = place(entry),
                           .environment = {},
                           .flag = {},
                           .range = "any table",
                           .help = "The configuration section of one plugin.",
                           .default_value = {},
                           .overridden = {}});
    }

    void handler_concurrency(const TomlEntry& entry) {
        const std::string range = "1..1024";
        const long value =
            entry.type == TomlType::Integer && entry.values[0].size() < 6 ? std::stol(entry.values[0]) : 0;
        if (value < 1 || value > 1024) {
            faults_.push_back(place(entry) + ": " + entry.key() + ": '" + joined(entry.values, ",") +
                              "' is out of range; allowed: a whole number, " + range);
            return;
        }
        out_.config.handler_concurrency[entry.path[2]] = static_cast<unsigned>(value);
        extras_.push_back({.key = entry.key(),
                           .value = entry.values[0],
                           .source = Source::File,
                           .origin = place(entry),
                           .environment = {},
                           .flag = {},
                           .range = range,
                           .help = "How many steps of this handler run at the same time.",
                           .default_value = {},
                           .overridden = {}});
    }

    struct Candidate {
        Source source;
        std::string origin;  // "--threads", "TASKER_NAMESPACE", "file:12:1"
        std::vector<std::string> texts;
        std::filesystem::path base;
    };

    // Weakest first, so that the strongest is applied last. All are checked: a wrong value that loses today
    // wins tomorrow.
    std::vector<Candidate> candidates(const SettingSpec& spec) {
        std::vector<Candidate> found;
        if (const auto entry = from_file_.find(spec.key); entry != from_file_.end()) {
            // Relative paths of a file mean the same wherever the command is started.
            found.push_back(
                {Source::File, place(entry->second), entry->second.values, file_->path.parent_path()});
        }
        if (const auto variable = inputs_.environment.find(spec.environment);
            !spec.environment.empty() && variable != inputs_.environment.end() && !variable->second.empty()) {
            if (spec.environment != "RUST_LOG") {
                found.push_back(
                    {Source::Environment, spec.environment, {variable->second}, inputs_.working_directory});
            } else if (auto level = rust_log_level(variable->second, out_.warnings)) {
                found.push_back(
                    {Source::Environment, spec.environment, {std::move(*level)}, inputs_.working_directory});
            }
        }
        if (const auto flag = inputs_.flags.find(spec.key);
            flag != inputs_.flags.end() && !flag->second.empty()) {
            found.push_back({Source::Flag, spec.flag, flag->second, inputs_.working_directory});
        }
        return found;
    }

    Setting resolve(const SettingSpec& spec) {
        Setting out{.key = spec.key,
                    .value = {},
                    .source = Source::Default,
                    .origin = "default",
                    .environment = spec.environment,
                    .flag = spec.flag,
                    .range = spec.range,
                    .help = spec.help,
                    .default_value = {},
                    .overridden = {}};
        const std::string computed = apply_default(spec);
        if (!computed.empty()) out.origin = computed;
        out.default_value = spec.show(out_.config);
        std::string winner;
        for (const Candidate& candidate : candidates(spec)) {
            if (candidate.source == Source::Flag && spec.key == "host.database_url" &&
                has_password(candidate.texts.back())) {
                faults_.push_back(
                    "--database-url: a password on the command line can be seen by every user; put the URL "
                    "into DATABASE_URL or the configuration file");
                continue;
            }
            if (const auto fault = spec.set(out_.config, candidate.texts, candidate.base)) {
                const std::string what =
                    candidate.source == Source::File ? candidate.origin + ": " + spec.key : candidate.origin;
                faults_.push_back(what + ": " + *fault);
                continue;
            }
            if (!winner.empty()) out.overridden.push_back(winner);
            winner = candidate.origin + " = " + shown(spec, candidate.texts);
            out.source = candidate.source;
            out.origin = candidate.origin;
        }
        std::reverse(out.overridden.begin(), out.overridden.end());
        out.value = spec.show(out_.config);
        return out;
    }

    // Defaults that depend on the surroundings. Returns how the value came about; empty for a plain default.
    std::string apply_default(const SettingSpec& spec) {
        Config& config = out_.config;
        if (spec.key == "host.prefetch") {
            SubscriberOptions rule;
            rule.threads = config.threads;
            config.prefetch = prefetch_of(rule);
            return "default (4 x threads)";
        }
        if (spec.key == "host.state_dir") {
            const DefaultPath found = default_state_dir(inputs_);
            config.state_dir = found.path;
            return found.origin;
        }
        if (spec.key == "host.template_path" || spec.key == "host.plugin_path") {
            const bool templates = spec.key == "host.template_path";
            const DefaultPath found =
                templates ? default_template_path(inputs_) : default_plugin_path(inputs_);
            (templates ? config.template_path : config.plugin_path) = {found.path};
            return found.origin;
        }
        return {};
    }

    void check_secrets() {
        if (!file_ || !file_->world_readable) return;
        std::string holder;
        if (const auto entry = from_file_.find("host.database_url"); entry != from_file_.end()) {
            const std::string_view password = url_password(entry->second.raw);
            // A password that comes from a variable is not in the file.
            if (!password.empty() && password.find("${") == std::string_view::npos)
                holder = "host.database_url";
        }
        for (const auto& [id, json] : out_.config.plugin_config_json) {
            if (holder.empty() && plugin_secrets(json).any) holder = "host.plugins." + id;
        }
        if (holder.empty()) return;
        const std::string file = file_->path.string();
        const std::string text = file + ": every user can read this file and " + holder +
                                 " holds a secret; run: chmod 600 " + file;
        if (out_.config.environment == "production") {
            faults_.push_back(text);
        } else {
            out_.warnings.push_back(text);
        }
    }

    const ConfigInputs& inputs_;
    LoadedConfig out_;
    std::optional<ConfigText> file_;
    std::map<std::string, TomlEntry> from_file_;
    std::vector<Setting> extras_;
    std::vector<std::string> faults_;
};
}  // namespace

LoadedConfig load_config(const ConfigInputs& inputs) { return Loader(inputs).load(); }

std::filesystem::path store_path(const Config& config) {
    if (config.database_url.starts_with("sqlite:")) return sqlite_path(config.database_url);
    if (config.state_dir.empty()) {
        throw ConfigError(
            "there is no place for the store: neither TASKER_STATE_DIR, XDG_STATE_HOME nor HOME is set",
            "set TASKER_STATE_DIR or give --state-dir");
    }
    return config.state_dir / "tasker.db";
}

UpkeepOptions upkeep_options(const Config& config) {
    UpkeepOptions upkeep;
    upkeep.staleness_interval_ms = config.staleness_interval_ms;
    upkeep.retention = config.retention;
    upkeep.retain_complete_ms = config.retain_complete_ms;
    upkeep.retain_failed_ms = config.retain_failed_ms;
    upkeep.retain_identities_ms = config.retain_identities_ms;
    upkeep.retain_events_ms = config.retain_events_ms;
    upkeep.max_events = config.max_events;
    return upkeep;
}

bool is_postgres(const Config& config) {
    return config.database_url.starts_with("postgresql://") || config.database_url.starts_with("postgres://");
}

std::vector<std::string> config_secrets(const Config& config) {
    std::vector<std::string> out;
    if (const auto password = url_password(config.database_url); !password.empty())
        out.emplace_back(password);
    for (const auto& [id, json] : config.plugin_config_json) {
        for (std::string& value : plugin_secrets(json).values) out.push_back(std::move(value));
    }
    // One may hold another: the longer one is taken out first.
    std::ranges::sort(out, [](const std::string& a, const std::string& b) { return a.size() > b.size(); });
    return out;
}

}  // namespace tasker::host
