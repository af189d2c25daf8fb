#include "host/loader/resolver_extensions.hpp"

#include <algorithm>
#include <set>
#include <utility>

#include "host/core/error.hpp"
#include "host/loader/error_text.hpp"
#include "host/loader/printable.hpp"

namespace tasker::host {

namespace {
constexpr std::size_t kMaxCriterion = 256;  // bytes of a prefix or pattern
constexpr std::size_t kMaxAnswer = 128;     // bytes of a handler's callable
constexpr std::uint32_t kMaxPriority = 1000;

bool is_printable_ascii(std::string_view text) {
    return std::all_of(text.begin(), text.end(), [](char c) { return c >= ' ' && c <= '~'; });
}

ResolverNote read_resolver(const MemoryProbe& probe, const tasker_handler_resolver_v0& table) {
    ResolverNote note;
    note.name = read_extension_name(probe, table.name, "a resolver's name");
    const std::string who = "resolver '" + note.name + "'";
    if (note.name == kExplicitMapping || note.name == kPluginLookup)
        invalid_extension(who, "has the name of one of the host's own");
    if (table.priority > kMaxPriority)
        invalid_extension("priority of " + who,
                          "is " + std::to_string(table.priority) + ", must be 1 to 1000, or 0 for 50");
    note.priority = static_cast<int>(table.priority == 0 ? TASKER_RESOLVER_PRIORITY : table.priority);
    if ((table.prefix == nullptr) == (table.pattern == nullptr))
        invalid_extension(who, "needs either a prefix or a pattern");
    if (table.prefix != nullptr) {
        note.prefix = read_extension_text(probe, table.prefix, "prefix of " + who, kMaxCriterion);
        if (note.prefix.empty() || !is_printable_ascii(note.prefix))
            invalid_extension("prefix of " + who, "is not 1 to 256 bytes of printable ASCII");
    } else {
        note.pattern = read_extension_text(probe, table.pattern, "pattern of " + who, kMaxCriterion);
        try {
            static_cast<void>(CallablePattern(note.pattern));
        } catch (const Error& error) {
            throw PluginError("invalid extension: " + who + ": " + error.what(), error.hint());
        }
    }
    if (table.resolve == nullptr) invalid_extension("resolve of " + who, "is NULL");
    return note;
}

struct ResolverEntryOfPlugin {
    const tasker_handler_resolver_v0* original = nullptr;
    tasker_handler_resolver_v0 table{};
    ResolverNote note;
};

std::vector<ResolverEntryOfPlugin> read_resolvers(const PluginDescriptor& descriptor) {
    std::vector<ResolverEntryOfPlugin> found;
    const MemoryProbe probe;
    std::set<std::string> names;
    for (const auto& [original, table] :
         read_extension_items<tasker_handler_resolver_v0, tasker_handler_resolvers_v0>(
             probe, descriptor, TASKER_EXT_HANDLER_RESOLVER)) {
        ResolverNote note = read_resolver(probe, table);
        if (!names.insert(note.name).second)
            invalid_extension("a resolver's name", "'" + note.name + "' is there twice");
        found.push_back({original, table, std::move(note)});
    }
    return found;
}

std::optional<CallablePattern> pattern_of(const ResolverNote& note) {
    if (note.pattern.empty()) return std::nullopt;
    return std::optional<CallablePattern>(std::in_place, note.pattern);
}

tasker_str lent(std::string_view text) { return {text.data(), text.size()}; }
}  // namespace

PluginResolver::PluginResolver(const std::shared_ptr<const Plugin>& plugin,
                               const tasker_handler_resolver_v0* original,
                               const tasker_handler_resolver_v0& table, ResolverNote note,
                               const std::string& source)
    : note_(std::move(note)),
      pattern_(pattern_of(note_)),
      it_(plugin, original, table, note_.name, source, "resolver") {}

bool PluginResolver::can_resolve(std::string_view callable) const {
    if (callable.size() > kMaxAskedCallable) return false;
    return pattern_ ? pattern_->matches(callable) : callable.starts_with(note_.prefix);
}

// What the plugin says; nothing: not its own.
std::optional<std::string> PluginResolver::answer(std::string_view callable) const {
    tasker_asked_callable_v0 asked{};
    asked.struct_size = sizeof asked;
    asked.callable = lent(callable);
    std::optional<std::vector<std::string>> groups;
    std::vector<tasker_str> views;
    if (pattern_) {
        groups = pattern_->groups(callable);
        if (!groups) return std::nullopt;
        for (const std::string& group : *groups) views.push_back(lent(group));
        asked.group_count = static_cast<std::uint32_t>(views.size());
        asked.groups = views.empty() ? nullptr : views.data();
    } else {
        asked.rest = lent(callable.substr(note_.prefix.size()));
    }
    std::int32_t (*const run)(void*, const tasker_asked_callable_v0*, const tasker_sink*,
                              const tasker_sink*) = it_.table().resolve;
    WrittenText handler(kMaxAnswer);
    ErrorText error;
    const std::int32_t status = run(it_.object(), &asked, handler.sink(), error.sink());
    if (handler.too_long()) throw Error("it answered a handler's name of more than 128 bytes");
    it_.check(status, "resolve", error);
    std::string name = handler.take();
    if (status == TASKER_RESOLVE_NOT_MINE && name.empty()) return std::nullopt;
    if (status != TASKER_RESOLVE_FOUND || name.empty())
        throw Error("it answered " + std::to_string(status) +
                    (name.empty() ? " without a handler" : " with a handler"));
    return name;
}

std::shared_ptr<Handler> PluginResolver::resolve(std::string_view callable) const {
    if (!can_resolve(callable)) return nullptr;
    const auto name = answer(callable);
    if (!name) return nullptr;
    const auto found = own_.find(*name);
    if (found == own_.end())
        throw Error("it answered '" + printable(*name) + "', and " + printable(it_.source(), 4096) +
                    " has no such handler in service");
    return found->second;
}

std::vector<std::shared_ptr<PluginResolver>> load_resolver_extensions(
    const std::shared_ptr<const Plugin>& plugin, const std::string& source) {
    std::vector<std::shared_ptr<PluginResolver>> found;
    for (auto& one : read_resolvers(plugin->descriptor()))
        found.push_back(
            std::make_shared<PluginResolver>(plugin, one.original, one.table, std::move(one.note), source));
    return found;
}

std::vector<ResolverNote> list_resolver_extensions(const PluginDescriptor& descriptor) {
    std::vector<ResolverNote> notes;
    for (auto& one : read_resolvers(descriptor)) notes.push_back(std::move(one.note));
    return notes;
}

}  // namespace tasker::host
