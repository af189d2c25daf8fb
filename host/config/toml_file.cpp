#define TOML_EXCEPTIONS 1
#include "host/config/toml_file.hpp"

#include <toml++/toml.h>
#include <algorithm>
#include <array>
#include <cctype>
#include <cmath>
#include <optional>
#include <sstream>

#include "host/core/json_text.hpp"

namespace tasker::host {

namespace {
// What a Tasker server's file holds beside our section.
constexpr std::array<std::string_view, 3> kForeignTables{"common", "orchestration", "worker"};

bool bare(std::string_view key) {
    return !key.empty() && std::all_of(key.begin(), key.end(), [](unsigned char c) {
        return std::isalnum(c) != 0 || c == '_' || c == '-';
    });
}

std::string at(const std::string& file, const toml::source_region& region) {
    return file + ":" + std::to_string(region.begin.line) + ":" + std::to_string(region.begin.column) + ": ";
}

class Flattener {
  public:
    Flattener(const std::string& file, const std::map<std::string, std::string>& variables, TomlFile& out)
        : file_(file), variables_(variables), out_(out) {}

    void table(const toml::table& table, std::vector<std::string>& path) {
        std::vector<std::pair<const toml::key*, const toml::node*>> members;
        for (const auto& [key, node] : table) members.emplace_back(&key, &node);
        std::sort(members.begin(), members.end(), [](const auto& a, const auto& b) {
            const auto &left = a.first->source().begin, &right = b.first->source().begin;
            return std::pair{left.line, left.column} < std::pair{right.line, right.column};
        });
        for (const auto& [key, node] : members) {
            if (path.empty() && node->is_table() && foreign(key->str())) {
                out_.ignored.emplace_back(key->str());
                continue;
            }
            path.emplace_back(key->str());
            member(*key, *node, path);
            path.pop_back();
        }
    }

  private:
    static bool foreign(std::string_view key) {
        return std::find(kForeignTables.begin(), kForeignTables.end(), key) != kForeignTables.end();
    }
    // [host.plugins.ID] belongs to the plugin: it is passed on whole.
    static bool opaque(const std::vector<std::string>& path) {
        return path.size() == 3 && path[0] == "host" && path[1] == "plugins";
    }

    // Tables that may stand empty; any other empty table is reported like an unknown key.
    static bool known_empty(const std::vector<std::string>& path) {
        if (path.front() != "host") return false;
        return path.size() == 1 || path[1] == "handlers" || path[1] == "plugins";
    }

    void member(const toml::key& key, const toml::node& node, std::vector<std::string>& path) {
        if (const toml::table* nested = node.as_table()) {
            if (!opaque(path) && (!nested->empty() || known_empty(path))) return table(*nested, path);
            std::string json = json_of(node);
            add(key, TomlType::Table, path, {}).json = std::move(json);
            return;
        }
        if (const toml::array* list = node.as_array()) {
            std::vector<std::string> values;
            for (const toml::node& item : *list) {
                const auto* text = item.as_string();
                if (text == nullptr) {
                    out_.faults.push_back(at(file_, item.source()) + "only texts may stand in the list '" +
                                          key_text(path) + "'");
                    return;
                }
                values.push_back(expanded(text->get(), item.source()));
            }
            add(key, TomlType::List, path, std::move(values));
            return;
        }
        scalar(key, node, path);
    }

    void scalar(const toml::key& key, const toml::node& node, const std::vector<std::string>& path) {
        if (const auto* text = node.as_string()) {
            std::string value = expanded(text->get(), node.source());
            add(key, TomlType::Text, path, {std::move(value)}).raw = text->get();
        } else if (const auto* integer = node.as_integer()) {
            add(key, TomlType::Integer, path, {std::to_string(integer->get())});
        } else if (const auto* boolean = node.as_boolean()) {
            add(key, TomlType::Boolean, path, {boolean->get() ? "true" : "false"});
        } else if (const auto* number = node.as_floating_point()) {
            std::ostringstream digits;
            digits << number->get();
            add(key, TomlType::Float, path, {digits.str()});
        } else {
            add(key, TomlType::Other, path, {});
        }
    }

    static std::string key_text(const std::vector<std::string>& path) {
        TomlEntry entry;
        entry.path = path;
        return entry.key();
    }

    TomlEntry& add(const toml::key& key, TomlType type, const std::vector<std::string>& path,
                   std::vector<std::string> values) {
        TomlEntry& entry = out_.entries.emplace_back();
        entry.path = path;
        entry.type = type;
        entry.values = std::move(values);
        entry.line = static_cast<int>(key.source().begin.line);
        entry.column = static_cast<int>(key.source().begin.column);
        return entry;
    }

    std::string expanded(const std::string& text, const toml::source_region& place) {
        std::string out;
        std::size_t from = 0;
        for (;;) {
            const std::size_t open = text.find("${", from);
            if (open == std::string::npos) return out + text.substr(from);
            if (open > from && text[open - 1] == '$') {
                out += text.substr(from, open - 1 - from) + "${";
                from = open + 2;
                continue;
            }
            out += text.substr(from, open - from);
            const std::size_t close = text.find('}', open);
            if (close == std::string::npos) {
                out_.faults.push_back(at(file_, place) + "'${' without '}'; write $${ for a plain ${");
                return out;
            }
            out += variable(text.substr(open + 2, close - open - 2), place);
            from = close + 1;
        }
    }

    std::string variable(const std::string& expression, const toml::source_region& place) {
        const std::size_t fallback = expression.find(":-");
        const std::string name = expression.substr(0, fallback);
        const auto found = variables_.find(name);
        if (fallback != std::string::npos) {
            return found != variables_.end() && !found->second.empty() ? found->second
                                                                       : expression.substr(fallback + 2);
        }
        if (found != variables_.end()) return found->second;
        out_.faults.push_back(at(file_, place) + "environment variable '" + name +
                              "' is not set; set it or write ${" + name + ":-fallback}");
        return {};
    }

    std::string json_of(const toml::node& node) {
        if (const toml::table* nested = node.as_table()) {
            std::string out = "{";
            for (const auto& [key, value] : *nested) {
                if (out.size() > 1) out += ',';
                append_json_string(out, key.str());
                out += ':' + json_of(value);
            }
            return out + "}";
        }
        if (const toml::array* list = node.as_array()) {
            std::string out = "[";
            for (const toml::node& item : *list) {
                if (out.size() > 1) out += ',';
                out += json_of(item);
            }
            return out + "]";
        }
        if (const auto* text = node.as_string()) return json_string(expanded(text->get(), node.source()));
        if (const auto* integer = node.as_integer()) return std::to_string(integer->get());
        if (const auto* boolean = node.as_boolean()) return boolean->get() ? "true" : "false";
        if (const auto* number = node.as_floating_point()) {
            if (!std::isfinite(number->get())) {
                out_.faults.push_back(at(file_, node.source()) +
                                      "a number of a plugin's section must be finite");
                return "null";
            }
            std::ostringstream digits;
            digits.precision(17);
            digits << number->get();
            return digits.str();
        }
        std::ostringstream date;
        node.visit([&](const auto& value) {
            if constexpr (toml::is_date<decltype(value)> || toml::is_time<decltype(value)> ||
                          toml::is_date_time<decltype(value)>) {
                date << value.get();
            }
        });
        return json_string(date.str());
    }

    const std::string& file_;
    const std::map<std::string, std::string>& variables_;
    TomlFile& out_;
};
}  // namespace

std::string_view name(TomlType type) {
    switch (type) {
        case TomlType::Text:
            return "a text";
        case TomlType::Integer:
            return "a whole number";
        case TomlType::Boolean:
            return "a boolean";
        case TomlType::Float:
            return "a fractional number";
        case TomlType::List:
            return "a list";
        case TomlType::Table:
            return "a table";
        case TomlType::Other:
            return "a date or time";
    }
    return "unknown";
}

std::string TomlEntry::key() const {
    std::string out;
    for (const std::string& part : path) {
        if (!out.empty()) out += '.';
        out += bare(part) ? part : "\"" + part + "\"";
    }
    return out;
}

TomlFile parse_toml(std::string_view text, const std::string& file,
                    const std::map<std::string, std::string>& variables) {
    TomlFile out;
    if (const std::size_t nul = text.find('\0'); nul != std::string_view::npos) {
        out.faults.push_back(file + ": is not a text file (NUL at byte " + std::to_string(nul) + ")");
        return out;
    }
    try {
        const toml::table root = toml::parse(text, std::string_view{file});
        std::vector<std::string> path;
        Flattener(file, variables, out).table(root, path);
    } catch (const toml::parse_error& fault) {
        out.faults.push_back(at(file, fault.source()) + std::string{fault.description()});
    }
    return out;
}

}  // namespace tasker::host
