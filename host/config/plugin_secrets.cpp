#include "host/config/plugin_secrets.hpp"

#include <cstddef>

#include "host/core/json_view.hpp"
#include "host/logging/redact.hpp"

namespace tasker::host {

namespace {
constexpr std::size_t kShortest = 4;

// Everything below a key with a telling name is secret. The depth is bounded by the TOML reader.
void collect(std::string_view json, bool secret, PluginSecrets& out) {
    if (json.empty()) return;
    if (json.front() == '{' || json.front() == '[') {
        for (JsonWalk walk(json); walk.next();)
            collect(walk.value(), secret || names_a_secret(json_unescape(walk.raw_key())), out);
        return;
    }
    if (!secret) return;
    out.any = true;
    std::string text = json_unescape(json);
    if (json.front() == '"' && text.size() >= kShortest) out.values.push_back(std::move(text));
}
}  // namespace

PluginSecrets plugin_secrets(std::string_view section_json) {
    PluginSecrets out;
    collect(section_json, false, out);
    return out;
}

}  // namespace tasker::host
