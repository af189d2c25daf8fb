#include "host/scan/plugin_facts.hpp"

#include <charconv>
#include <cstdint>
#include <system_error>
#include <utility>

#include "host/core/json_text.hpp"
#include "host/core/json_view.hpp"
#include "host/loader/printable.hpp"

namespace tasker::host {

namespace {
constexpr std::size_t kMostHandlers = 1024, kMostExtensions = 64, kMostMethods = 256;

std::string list_of(const std::vector<std::string>& texts) {
    std::string out = "[";
    for (const auto& text : texts) out += (out.size() > 1 ? "," : "") + json_string(text);
    return out + "]";
}

std::string handler_json(const HandlerInfo& info) {
    std::string out = "{\"callable\":" + json_string(info.callable) + ",\"kind\":" + json_string(info.kind) +
                      ",\"methods\":" + list_of(info.methods) +
                      ",\"threading\":" + std::to_string(static_cast<unsigned>(info.threading)) +
                      ",\"max_instances\":" + std::to_string(info.max_instances) +
                      ",\"capabilities\":" + std::to_string(info.capabilities);
    const auto add = [&](const char* key, const std::string& text) {
        if (!text.empty()) out += ",\"" + std::string(key) + "\":" + json_string(text);
    };
    add("summary", info.summary);
    add("config_schema", info.config_schema_json);
    add("input_schema", info.input_schema_json);
    add("result_schema", info.result_schema_json);
    return out + "}";
}

// Reads members one by one and remembers when one was not what it must be.
class Reader {
  public:
    bool good() const { return good_; }

    std::string text(std::string_view object, std::string_view key, std::size_t most) {
        const auto member = json_member(object, key);
        if (!member) return {};
        if (!member->starts_with('"')) return bad();
        std::string value = json_unescape(*member);
        return value.size() <= most ? value : bad();
    }
    template <class Number>
    Number number(std::string_view object, std::string_view key) {
        const std::string_view text = json_member(object, key).value_or("0");
        Number value = 0;
        const auto [end, fault] = std::from_chars(text.data(), text.data() + text.size(), value);
        if (fault != std::errc{} || end != text.data() + text.size()) good_ = false;
        return value;
    }
    // Calls read() with each element of a list that may be left out.
    template <class Read>
    void list(std::string_view object, std::string_view key, std::size_t most, Read read) {
        const auto member = json_member(object, key);
        if (!member) return;
        if (!member->starts_with('[')) {
            good_ = false;
            return;
        }
        std::size_t count = 0;
        for (JsonWalk element(*member); good_ && element.next();) {
            if (++count > most) good_ = false;
            if (good_) read(element.value());
        }
    }
    std::string name(std::string_view quoted) {
        std::string value = quoted.starts_with('"') ? json_unescape(quoted) : std::string{};
        return is_callable_name(value) ? value : bad();
    }
    void require(bool holds) { good_ = good_ && holds; }

  private:
    std::string bad() {
        good_ = false;
        return {};
    }
    bool good_ = true;
};

HandlerInfo read_handler(Reader& reader, std::string_view json, const PluginFacts& facts) {
    constexpr std::size_t kMostSchema = std::size_t{1} << 20U;
    HandlerInfo info;
    info.callable = reader.name(json_member(json, "callable").value_or(""));
    info.kind = reader.text(json, "kind", 64);
    info.summary = clean_utf8(reader.text(json, "summary", 8192), 1000);
    reader.list(json, "methods", kMostMethods, [&](std::string_view method) {
        reader.require(method.starts_with('"') && method.size() < 1024);
        info.methods.push_back(json_unescape(method));
    });
    const auto threading = reader.number<unsigned>(json, "threading");
    reader.require(threading <= static_cast<unsigned>(Threading::Affine));
    info.threading = static_cast<Threading>(threading);
    info.max_instances = reader.number<unsigned>(json, "max_instances");
    info.capabilities = reader.number<std::uint64_t>(json, "capabilities");
    for (const auto& [key, member] : {std::pair{"config_schema", &HandlerInfo::config_schema_json},
                                      std::pair{"input_schema", &HandlerInfo::input_schema_json},
                                      std::pair{"result_schema", &HandlerInfo::result_schema_json}}) {
        info.*member = reader.text(json, key, kMostSchema);
        reader.require((info.*member).empty() || !json_fault(info.*member));
    }
    info.plugin_id = facts.id;
    info.plugin_version = facts.version;
    return info;
}
}  // namespace

std::string facts_json(const PluginFacts& facts) {
    std::string handlers, resolvers;
    for (const auto& one : facts.handlers) handlers += (handlers.empty() ? "" : ",") + handler_json(one);
    for (const auto& one : facts.resolvers) {
        resolvers += (resolvers.empty() ? "{" : ",{");
        resolvers += "\"name\":" + json_string(one.name) + ",\"priority\":" + std::to_string(one.priority) +
                     ",\"prefix\":" + json_string(one.prefix) + ",\"pattern\":" + json_string(one.pattern) +
                     "}";
    }
    return "{\"id\":" + json_string(facts.id) + ",\"version\":" + json_string(facts.version) +
           ",\"sdk\":" + json_string(facts.sdk) + ",\"abi\":" + json_string(facts.abi) + ",\"handlers\":[" +
           handlers + "],\"publishers\":" + list_of(facts.publishers) +
           ",\"subscribers\":" + list_of(facts.subscribers) + ",\"resolvers\":[" + resolvers + "]}";
}

std::optional<PluginFacts> read_facts(std::string_view json) {
    if (!json_is_object(json)) return std::nullopt;
    Reader reader;
    PluginFacts facts;
    facts.id = reader.text(json, "id", 256);
    facts.version = reader.text(json, "version", 256);
    facts.sdk = reader.text(json, "sdk", 256);
    facts.abi = reader.text(json, "abi", 32);
    reader.require(!facts.id.empty());
    reader.list(json, "handlers", kMostHandlers,
                [&](std::string_view one) { facts.handlers.push_back(read_handler(reader, one, facts)); });
    reader.list(json, "publishers", kMostExtensions,
                [&](std::string_view one) { facts.publishers.push_back(reader.name(one)); });
    reader.list(json, "subscribers", kMostExtensions,
                [&](std::string_view one) { facts.subscribers.push_back(reader.name(one)); });
    reader.list(json, "resolvers", kMostExtensions, [&](std::string_view one) {
        ResolverNote note;
        note.name = reader.name(json_member(one, "name").value_or(""));
        note.priority = reader.number<int>(one, "priority");
        note.prefix = reader.text(one, "prefix", 256);
        note.pattern = reader.text(one, "pattern", 256);
        reader.require(note.prefix.empty() != note.pattern.empty());
        facts.resolvers.push_back(std::move(note));
    });
    if (!reader.good()) return std::nullopt;
    return facts;
}

}  // namespace tasker::host
