#include "host/process/banner.hpp"

#include <algorithm>
#include <filesystem>
#include <vector>

#include "host/logging/sinks.hpp"

namespace tasker::host {

namespace {
const Setting* find(const LoadedConfig& config, std::string_view key) {
    const auto found = std::find_if(config.settings.begin(), config.settings.end(),
                                    [&](const Setting& setting) { return setting.key == key; });
    return found == config.settings.end() ? nullptr : &*found;
}

std::string joined(const std::vector<std::filesystem::path>& roots) {
    std::string text;
    for (const auto& root : roots) text += (text.empty() ? "" : ":") + root.string();
    return text.empty() ? "none" : text;
}

std::string or_not_set(const std::string& value) { return value.empty() ? "Not set" : value; }

// Which folders are in use, and who chose them.
void show_roots(const LoadedConfig& config, const char* what, std::string_view key,
                const std::vector<std::filesystem::path>& roots, const Logger& log) {
    const Setting* const setting = find(config, key);
    const std::string origin = setting == nullptr ? "default" : setting->origin;
    log.info(std::string(what) + ": " + joined(roots) + " (" + origin + ")", {{"component", "bootstrap"}});
}

bool was_set(const LoadedConfig& config, std::string_view key) {
    const Setting* const setting = find(config, key);
    return setting != nullptr && setting->source != Source::Default;
}
}  // namespace

void show_banner(const LoadedConfig& loaded, const std::string& version, const Logger& log) {
    const Config& config = loaded.config;
    log.info(kRuler);
    log.info("Starting C++ Worker Bootstrap System");
    log.info(kRuler);
    log.info("Environment: " + config.environment, {{"component", "bootstrap"}, {"operation", "banner"}});
    log.info("Runtime: tasker-host " + version, {{"component", "bootstrap"}, {"runtime", "cpp"}});
    log.info(std::string("Database URL: ") + (config.database_url.empty() ? "Not set" : "[REDACTED]"),
             {{"component", "bootstrap"}});
    const bool templates_set = was_set(loaded, "host.template_path");
    log.info("Template Path: " + (templates_set ? joined(config.template_path) : std::string("Not set")),
             {{"component", "bootstrap"}});
    log.info("Web Bind Address: " + or_not_set(redact_urls(config.web_bind_address)),
             {{"component", "bootstrap"}});
    log.info("Config Path: " + or_not_set(config.config_path ? config.config_path->string() : std::string{}),
             {{"component", "bootstrap"}});
    log.info("Configuration:");
    log.info("  C++ will initialize native foundation via FFI");
    log.info("  Worker will process tasks by calling C++ handlers");
    if (config.environment == "production") {
        log.info("  Production optimizations: Enabled",
                 {{"component", "bootstrap"}, {"environment", "production"}});
    }
    if (!is_postgres(config)) {
        log.info("Store: " + store_path(config).string() + " (durability " + config.durability + ")",
                 {{"component", "bootstrap"}, {"durability", config.durability}});
    }
    log.info("State Directory: " + config.state_dir.string(), {{"component", "bootstrap"}});
    show_roots(loaded, "Plugins", "host.plugin_path", config.plugin_path, log);
    show_roots(loaded, "Templates", "host.template_path", config.template_path, log);
}

}  // namespace tasker::host
