#include "host/process/cli.hpp"

#include <CLI/CLI.hpp>
#include <algorithm>
#include <memory>
#include <stdexcept>

#include "host/core/nearest.hpp"
#include "host/process/cli_grammar.hpp"
#include "host/process/exit_code.hpp"

namespace tasker::host {

namespace {
// Where CLI11 puts what it reads: one slot an option, alive while it parses.
struct Slot {
    const OptionSpec* spec = nullptr;
    CLI::Option* option = nullptr;
    std::vector<std::string> texts;
    bool flag = false;
};

std::string description(const OptionSpec& spec) { return spec.help; }

void add_option(CLI::App& app, const OptionSpec& spec, std::vector<std::unique_ptr<Slot>>& slots) {
    auto slot = std::make_unique<Slot>();
    slot->spec = &spec;
    if (spec.value.empty()) {
        slot->option = app.add_flag(spec.names, slot->flag, description(spec));
    } else {
        slot->option = app.add_option(spec.names, slot->texts, description(spec));
        slot->option->type_name(spec.positional() ? "" : spec.value)->allow_extra_args(false);
        // One value a mention; lists grow by repeating the option.
        if (spec.positional()) {
            slot->option->expected(spec.many ? -1 : 1);
            if (spec.many) slot->option->allow_extra_args(true);
        } else {
            slot->option->expected(1)->multi_option_policy(spec.many ? CLI::MultiOptionPolicy::TakeAll
                                                                     : CLI::MultiOptionPolicy::Throw);
        }
        if (!spec.choices.empty()) slot->option->check(CLI::IsMember(spec.choices));
    }
    slots.push_back(std::move(slot));
}

struct Verb {
    const VerbSpec* spec = nullptr;
    CLI::App* app = nullptr;
    std::vector<std::unique_ptr<Slot>> slots;
};

// The tree of CLI11 objects, built from the grammar.
class Tree {
  public:
    Tree() : root_("Durable workflow steps in native plugins.", "tasker-host") {
        root_.set_help_flag("-h,--help", "Print this help.");
        root_.set_version_flag("-V,--version", version_text(), "Print the version.");
        root_.allow_extras();
        for (const OptionSpec& option : global_options()) {
            add_option(root_, option, globals_);
            globals_.back()->option->group("Options for every command");
        }
        for (const auto& [name, help] : groups()) {
            CLI::App* group = root_.add_subcommand(name, help);
            group->fallthrough()->allow_extras()->require_subcommand(0, 1);
            groups_[name] = group;
        }
        for (const VerbSpec& spec : verbs()) add_verb(spec);
        for (const VerbSpec& spec : child_verbs()) add_verb(spec)->group("");
        root_.require_subcommand(0, 1);
        root_.footer(
            "Examples:\n"
            "  tasker-host task run linear_workflow --context '{\"number\": 6}'\n"
            "  tasker-host worker --namespace orders\n"
            "  tasker-host task create order_fulfillment --context @order.json --wait\n\n" +
            std::string{exit_code_help()});
    }

    CLI::App& root() { return root_; }
    const std::vector<std::unique_ptr<Slot>>& globals() const { return globals_; }

    const Verb* chosen() const {
        // The last one: a verb may have others below it.
        const Verb* found = nullptr;
        for (const Verb& verb : verbs_) {
            if (verb.app->parsed()) found = &verb;
        }
        return found;
    }
    // The deepest command that was named: the root, a group or a verb.
    CLI::App* deepest() {
        if (const Verb* verb = chosen()) return verb->app;
        for (const auto& [name, app] : groups_) {
            if (app->parsed()) return app;
        }
        return &root_;
    }

  private:
    CLI::App* add_verb(const VerbSpec& spec) {
        Verb verb;
        verb.spec = &spec;
        CLI::App* parent = spec.group.empty() ? &root_ : parent_of(spec.group);
        verb.app = parent->add_subcommand(spec.name, spec.help);
        verb.app->fallthrough()->allow_extras();
        for (const OptionSpec& option : spec.options) add_option(*verb.app, option, verb.slots);
        std::string footer;
        if (!spec.examples.empty()) {
            footer = "Examples:\n  ";
            for (const char c : spec.examples) footer += c == '\n' ? std::string{"\n  "} : std::string{c};
            footer += "\n\n";
        }
        verb.app->footer(footer + std::string{exit_code_help()});
        verbs_.push_back(std::move(verb));
        return verbs_.back().app;
    }
    // A group, or a verb that came before.
    CLI::App* parent_of(const std::string& name) {
        if (const auto group = groups_.find(name); group != groups_.end()) return group->second;
        for (const Verb& verb : verbs_) {
            if (verb.spec->group.empty() && verb.spec->name == name) return verb.app;
        }
        throw std::logic_error("no group " + name);
    }

    CLI::App root_;
    std::vector<std::unique_ptr<Slot>> globals_;
    std::map<std::string, CLI::App*> groups_;
    std::vector<Verb> verbs_;
};

std::string usage_of(CLI::App* app) {
    std::string path = app->get_name();
    for (CLI::App* parent = app->get_parent(); parent != nullptr; parent = parent->get_parent()) {
        path = parent->get_name() + " " + path;
    }
    return "usage: " + path + (app->get_subcommands({}).empty() ? " [OPTIONS]" : " COMMAND") + "    (see " +
           path + " --help)";
}

UsageFault fault(Tree& tree, const std::string& message, const std::string& hint = {}) {
    return {message, hint, usage_of(tree.deepest())};
}

std::vector<std::string> known_flags(const Verb* verb) {
    std::vector<std::string> out{"--help", "--version"};
    const auto add = [&](const OptionSpec& spec) {
        if (spec.positional()) return;
        for (std::string& spelling : spec.spellings()) out.push_back(std::move(spelling));
    };
    for (const OptionSpec& spec : global_options()) add(spec);
    if (verb != nullptr) std::for_each(verb->spec->options.begin(), verb->spec->options.end(), add);
    return out;
}

std::string suggestion(const std::string& word, const std::vector<std::string>& candidates) {
    const auto found = nearest(word, candidates);
    return found ? "did you mean '" + *found + "'?" : std::string{};
}

UsageFault unexpected(Tree& tree, const std::string& word) {
    const Verb* verb = tree.chosen();
    if (word.starts_with('-') && word.size() > 1) {
        // The value behind '=' may be a secret; it has no part in the message.
        const std::string flag = word.substr(0, word.find('='));
        return fault(tree, "unknown option '" + flag + "'", suggestion(flag, known_flags(verb)));
    }
    if (verb != nullptr) return fault(tree, "unexpected argument '" + word + "'");
    std::vector<std::string> names;
    for (const CLI::App* command : tree.deepest()->get_subcommands({})) names.push_back(command->get_name());
    const std::string group =
        tree.deepest() == &tree.root() ? std::string{} : tree.deepest()->get_name() + " ";
    return fault(tree, "unknown command '" + group + word + "'", suggestion(word, names));
}

void store(const Slot& slot, CommandLine& out) {
    if (slot.option->count() == 0) return;
    std::vector<std::string> texts = slot.texts;
    if (slot.spec->value.empty()) texts = {slot.flag ? "true" : "false"};
    if (!slot.spec->setting.empty()) {
        out.settings[slot.spec->setting] = std::move(texts);
    } else {
        out.options[slot.spec->key()] = std::move(texts);
    }
}

// What CLI11 says of missing, repeated and wrong values, in words for people.
std::string friendly(const std::string& text) {
    const std::size_t colon = text.find(": ");
    if (colon == std::string::npos) return text;
    const std::string option = text.substr(0, colon), what = text.substr(colon + 2);
    if (const std::size_t choices = what.rfind(" not in {");
        choices != std::string::npos && what.ends_with('}')) {
        std::string out = option + ": '" + what.substr(0, choices) + "' is not one of ";
        for (const char c : what.substr(choices + 9, what.size() - choices - 10))
            out += c == ',' ? std::string{", "} : std::string{c};
        return out;
    }
    const std::size_t required = what.find(" required ");
    if (required == std::string::npos) return text;
    if (what.starts_with("At Most")) return "the option " + option + " is given more than once";
    std::string value = what.substr(required + 10);
    if (value.ends_with(" missing")) {
        value.erase(value.size() - 8);
        return "the option " + option + " needs a value" + (value.empty() ? "" : ": " + option + " " + value);
    }
    return text;
}

// CLI11's help with the usage first, and without brackets around what must be said.
std::string help_text(Tree& tree) {
    std::string text = tree.root().help();
    const std::size_t begin = text.find("Usage: ");
    if (begin == std::string::npos) return text;
    const std::size_t end = std::min(text.find('\n', begin), text.size());
    std::string usage = text.substr(begin, end - begin);
    text.erase(begin, end - begin + 1);
    const auto say = [&](const std::string& now, const std::string& then) {
        if (const std::size_t at = usage.find(now); at != std::string::npos)
            usage.replace(at, now.size(), then);
    };
    say("[SUBCOMMAND]", "COMMAND");
    if (const Verb* verb = tree.chosen()) {
        for (const OptionSpec& option : verb->spec->options) {
            if (option.positional() && option.required) say("[" + option.names + "]", option.names);
        }
    }
    return usage + "\n\n" + text;
}

std::variant<CommandLine, HelpText, UsageFault> result(Tree& tree) {
    std::vector<std::string> extras = tree.root().remaining(true);
    // "--" only says that no options follow; CLI11 hands it back.
    if (const auto mark = std::find(extras.begin(), extras.end(), "--"); mark != extras.end())
        extras.erase(mark);
    // A misspelt option explains the stray word behind it, not the other way round.
    const auto option =
        std::find_if(extras.begin(), extras.end(), [](const auto& word) { return word.starts_with('-'); });
    if (option != extras.end()) return unexpected(tree, *option);
    if (!extras.empty()) return unexpected(tree, extras.front());
    const Verb* verb = tree.chosen();
    if (verb == nullptr) return fault(tree, "a command is missing");
    CommandLine out;
    out.verb = (verb->spec->group.empty() ? "" : verb->spec->group + " ") + verb->spec->name;
    for (const auto& slot : tree.globals()) store(*slot, out);
    for (const auto& slot : verb->slots) {
        if (slot->spec->required && slot->option->count() == 0) {
            return fault(tree, "the argument " + slot->spec->names + " is missing", slot->spec->help);
        }
        store(*slot, out);
    }
    out.json = out.has("json") || out.get("format") == "json";
    out.color = out.get("color").value_or("auto");
    if (const auto file = out.get("config")) out.config = *file;
    return out;
}
}  // namespace

std::optional<std::string> CommandLine::get(std::string_view key) const {
    const auto found = options.find(std::string{key});
    if (found == options.end() || found->second.empty()) return std::nullopt;
    return found->second.back();
}

std::vector<std::string> CommandLine::all(std::string_view key) const {
    const auto found = options.find(std::string{key});
    return found == options.end() ? std::vector<std::string>{} : found->second;
}

std::variant<CommandLine, HelpText, UsageFault> parse_command_line(
    const std::vector<std::string>& arguments) {
    Tree tree;
    try {
        // CLI11 takes them from the back.
        std::vector<std::string> reversed(arguments.rbegin(), arguments.rend());
        tree.root().parse(reversed);
    } catch (const CLI::CallForHelp&) {
        return HelpText{help_text(tree), false};
    } catch (const CLI::CallForVersion&) {
        return HelpText{version_text() + "\n", true};
    } catch (const CLI::ParseError& error) {
        return fault(tree, friendly(error.what()));
    }
    return result(tree);
}

bool wants_json(const std::vector<std::string>& arguments) {
    for (std::size_t i = 0; i < arguments.size(); ++i) {
        if (arguments[i] == "--") return false;
        if (arguments[i] == "--json" || arguments[i] == "--format=json") return true;
        if (arguments[i] == "--format" && i + 1 < arguments.size() && arguments[i + 1] == "json") return true;
    }
    return false;
}

std::string version_text() { return "tasker-host " TASKER_HOST_VERSION; }
std::string version_number() { return TASKER_HOST_VERSION; }

}  // namespace tasker::host
