#include "host/api/plugin_documents.hpp"

#include <map>
#include <utility>

#include "host/api/json_writer.hpp"
#include "host/core/json_text.hpp"
#include "host/core/nearest.hpp"

namespace tasker::host {

namespace {
std::string text_list(const std::vector<std::string>& texts) {
    std::string out = "[";
    for (const std::string& text : texts) out += (out.size() > 1 ? "," : "") + json_string(text);
    return out + "]";
}

std::string handler_document(const HandlerInfo& info, const std::vector<std::string>& used_by) {
    std::string out;
    JsonObject object(out);
    object.text("callable", info.callable)
        .maybe_text("plugin", info.plugin_id)
        .maybe_text("version", info.plugin_version)
        .text("kind", info.kind)
        .text("threading", name(info.threading))
        .number("max_instances", info.max_instances)
        .raw("methods", text_list(info.methods))
        .maybe_text("summary", info.summary)
        .maybe_text("source", info.source)
        .raw("used_by", text_list(used_by));
    object.end();
    return out;
}

std::string resolver_list(const std::vector<ResolverNote>& resolvers) {
    std::string out = "[";
    for (const ResolverNote& note : resolvers) {
        std::string entry;
        JsonObject object(entry);
        object.text("name", note.name)
            .number("priority", note.priority)
            .maybe_text("prefix", note.prefix)
            .maybe_text("pattern", note.pattern);
        object.end();
        out += (out.size() > 1 ? "," : "") + entry;
    }
    return out + "]";
}
}  // namespace

std::string_view name(Threading threading) {
    switch (threading) {
        case Threading::Serial:
            return "serial";
        case Threading::Reentrant:
            return "reentrant";
        case Threading::Affine:
            return "affine";
    }
    return "unknown";
}

std::string plugin_document(const PluginReport& report) {
    std::string handlers = "[";
    for (const HandlerInfo& info : report.handlers)
        handlers += (handlers.size() > 1 ? "," : "") + handler_document(info, {});
    std::string out;
    JsonObject object(out);
    object.text("path", report.path.string())
        .text("state", report.state)
        .maybe_text("reason", report.reason)
        .maybe_text("id", report.id)
        .maybe_text("version", report.version)
        .maybe_text("sdk", report.sdk)
        .maybe_text("abi", report.abi)
        .maybe_text("sha256", report.hash)
        .number("bytes", static_cast<std::int64_t>(report.bytes))
        .raw("handlers", handlers + "]")
        .raw("publishers", text_list(report.publishers))
        .raw("subscribers", text_list(report.subscribers))
        .raw("resolvers", resolver_list(report.resolvers))
        .raw("warnings", text_list(report.warnings));
    object.end();
    return out;
}

std::string plugins_document(const std::vector<PluginReport>& reports) {
    std::string list = "[";
    for (const PluginReport& report : reports) list += (list.size() > 1 ? "," : "") + plugin_document(report);
    return "{\"plugins\":" + list + "]}";
}

std::vector<HandlerUse> handler_uses(const HandlerRegistry& registry, const TemplateCatalog& catalog) {
    std::map<std::pair<std::string, std::string>, HandlerUse> uses;
    for (const auto& one : catalog.all()) {
        for (const StepTemplate& step : one->steps) {
            const HandlerRef& ref = step.handler;
            const auto [entry, fresh] = uses.try_emplace({ref.callable, ref.resolver});
            HandlerUse& use = entry->second;
            if (fresh) {
                Resolution found = registry.find(ref, step.name);
                use = {ref.callable, ref.resolver, std::move(found.handler), std::move(found.fault), {}};
            }
            use.used_by.push_back(one->id() + "#" + step.name);
        }
    }
    std::vector<HandlerUse> out;
    for (auto& [key, use] : uses) out.push_back(std::move(use));
    return out;
}

std::string handlers_document(const HandlerRegistry& registry, const TemplateCatalog& catalog) {
    const std::vector<std::string> offered = registry.list_handlers();
    std::map<const Handler*, std::vector<std::string>> users;
    std::string missing = "[";
    for (const HandlerUse& use : handler_uses(registry, catalog)) {
        if (use.handler != nullptr) {
            auto& all = users[use.handler.get()];
            all.insert(all.end(), use.used_by.begin(), use.used_by.end());
            continue;
        }
        std::string entry;
        JsonObject object(entry);
        object.text("callable", use.callable)
            .maybe_text("resolver", use.resolver)
            .maybe_text("nearest", nearest(use.callable, offered).value_or(""))
            .text("reason", use.fault)
            .raw("used_by", text_list(use.used_by));
        object.end();
        missing += (missing.size() > 1 ? "," : "") + entry;
    }
    std::string list = "[";
    for (const auto& handler : registry.all())
        list += (list.size() > 1 ? "," : "") + handler_document(handler->info(), users[handler.get()]);
    std::string resolvers = "[";
    for (const ResolverEntry& resolver : registry.list_resolvers()) {
        std::string entry;
        JsonObject object(entry);
        object.text("name", resolver.name).number("priority", resolver.priority);
        object.end();
        resolvers += (resolvers.size() > 1 ? "," : "") + entry;
    }
    return "{\"handlers\":" + list + "],\"resolvers\":" + resolvers + "],\"missing\":" + missing + "]}";
}

}  // namespace tasker::host
