#include <algorithm>
#include <map>
#include <set>

#include "host/process/cli_grammar.hpp"
#include "host/process/commands.hpp"

namespace tasker::host {

namespace {
std::string words(const std::vector<std::string>& list) {
    std::string out;
    for (const std::string& word : list) out += (out.empty() ? "" : " ") + word;
    return out;
}

std::vector<std::string> top_commands() {
    std::vector<std::string> out;
    for (const auto& [name, help] : groups()) out.push_back(name);
    for (const VerbSpec& verb : verbs()) {
        if (verb.group.empty()) out.push_back(verb.name);
    }
    std::sort(out.begin(), out.end());
    return out;
}

std::vector<std::string> flags_of(const VerbSpec& verb) {
    std::set<std::string> out{"--help"};
    const auto add = [&](const OptionSpec& option) {
        if (option.positional()) return;
        for (const std::string& spelling : option.spellings()) {
            if (spelling.starts_with("--")) out.insert(spelling);
        }
    };
    for (const OptionSpec& option : verb.options) add(option);
    for (const OptionSpec& option : global_options()) add(option);
    return {out.begin(), out.end()};
}

std::vector<std::string> verbs_of(const std::string& group) {
    std::vector<std::string> out;
    for (const VerbSpec& verb : verbs()) {
        if (verb.group == group) out.push_back(verb.name);
    }
    return out;
}

std::string path_of(const VerbSpec& verb) {
    return verb.group.empty() ? verb.name : verb.group + " " + verb.name;
}

// What stands behind a flag: the words it takes, or files.
std::string choices_of(const VerbSpec& verb) {
    std::vector<std::string> out;
    for (const OptionSpec& option : verb.options) {
        if (option.positional()) out.insert(out.end(), option.choices.begin(), option.choices.end());
    }
    return words(out);
}

// The options that a value follows, of all verbs: spelling -> the words that it may be, empty for any.
std::map<std::string, std::string> valued_options() {
    std::map<std::string, std::string> out;
    const auto add = [&](const OptionSpec& option) {
        if (option.positional() || option.value.empty()) return;
        for (const std::string& spelling : option.spellings()) out[spelling] = words(option.choices);
    };
    for (const OptionSpec& option : global_options()) add(option);
    for (const VerbSpec& verb : verbs()) std::for_each(verb.options.begin(), verb.options.end(), add);
    return out;
}

std::string bash_script() {
    const auto valued = valued_options();
    std::string spellings;
    for (const auto& [spelling, choices] : valued) spellings += (spellings.empty() ? "" : "|") + spelling;
    // bash makes three words of --option=value. `option` is the one whose value comes next.
    std::string out =
        "# bash completion of tasker-host\n"
        "_tasker_host() {\n"
        "    local word=\"${COMP_WORDS[COMP_CWORD]}\" verb=\"\" option=\"\" i\n"
        "    [[ $word != \"=\" ]] || word=\"\"\n"
        "    for ((i = 1; i < COMP_CWORD; i++)); do\n"
        "        if [[ -n $option ]]; then\n"
        "            [[ ${COMP_WORDS[i]} == \"=\" ]] || option=\"\"\n"
        "            continue\n"
        "        fi\n"
        "        case \"${COMP_WORDS[i]}\" in\n"
        "            " +
        spellings +
        ") option=\"${COMP_WORDS[i]}\" ;;\n"
        "            -*) ;;\n"
        "            *) verb=\"${verb:+$verb }${COMP_WORDS[i]}\" ;;\n"
        "        esac\n"
        "    done\n"
        "    case \"$option\" in\n"
        "        \"\") ;;\n";
    for (const auto& [spelling, choices] : valued) {
        if (choices.empty()) continue;
        out += "        " + spelling + ") COMPREPLY=($(compgen -W \"" + choices +
               "\" -- \"$word\")); return ;;\n";
    }
    out +=
        "        *) COMPREPLY=($(compgen -f -- \"$word\")); return ;;\n"
        "    esac\n"
        "    case \"$verb\" in\n"
        "        \"\") COMPREPLY=($(compgen -W \"" +
        words(top_commands()) + " --help --version\" -- \"$word\")) ;;\n";
    for (const auto& [group, help] : groups()) {
        out += "        \"" + group + "\") COMPREPLY=($(compgen -W \"" + words(verbs_of(group)) +
               " --help\" -- \"$word\")) ;;\n";
    }
    for (const VerbSpec& verb : verbs()) {
        const std::string choices = choices_of(verb);
        out += "        \"" + path_of(verb) + "\"*) if [[ $word == -* ]]; then COMPREPLY=($(compgen -W \"" +
               words(flags_of(verb)) + "\" -- \"$word\")); else COMPREPLY=($(compgen " +
               (choices.empty() ? "-f" : "-W \"" + choices + "\"") + " -- \"$word\")); fi ;;\n";
    }
    return out + "    esac\n}\ncomplete -o filenames -F _tasker_host tasker-host\n";
}

// zsh runs the bash script through its own emulation.
std::string zsh_script() {
    return "#compdef tasker-host\nautoload -U +X bashcompinit && bashcompinit\n" + bash_script();
}

std::string in_quotes(std::string_view text) {
    std::string out = "'";
    for (const char c : text) out += c == '\'' || c == '\\' ? std::string{'\\', c} : std::string{c};
    return out + "'";
}

std::string fish_option(const std::string& condition, const OptionSpec& option) {
    std::string out = "complete -c tasker-host" + (condition.empty() ? "" : " -n " + in_quotes(condition));
    for (const std::string& spelling : option.spellings()) {
        out += spelling.starts_with("--") ? " -l " + spelling.substr(2) : " -s " + spelling.substr(1);
    }
    if (!option.value.empty()) out += " -r";
    if (!option.choices.empty()) out += " -f -a " + in_quotes(words(option.choices));
    return out + " -d " + in_quotes(option.help) + "\n";
}

std::string fish_script() {
    std::string out = "# fish completion of tasker-host\n";
    const std::string top = "__fish_use_subcommand";
    for (const auto& [group, help] : groups()) {
        out += "complete -c tasker-host -f -n " + top + " -a " + group + " -d " + in_quotes(help) + "\n";
    }
    for (const OptionSpec& option : global_options()) out += fish_option({}, option);
    for (const VerbSpec& verb : verbs()) {
        std::string here = "__fish_seen_subcommand_from " + verb.name;
        if (verb.group.empty()) {
            out += "complete -c tasker-host -f -n " + top + " -a " + verb.name + " -d " +
                   in_quotes(verb.help) + "\n";
        } else {
            const std::string in_group = "__fish_seen_subcommand_from " + verb.group;
            out +=
                "complete -c tasker-host -f -n " +
                in_quotes(in_group + "; and not __fish_seen_subcommand_from " + words(verbs_of(verb.group))) +
                " -a " + verb.name + " -d " + in_quotes(verb.help) + "\n";
            here = in_group + "; and " + here;
        }
        for (const OptionSpec& option : verb.options) {
            if (!option.positional()) {
                out += fish_option(here, option);
            } else if (!option.choices.empty()) {
                out += "complete -c tasker-host -f -n " + in_quotes(here) + " -a " +
                       in_quotes(words(option.choices)) + "\n";
            }
        }
    }
    return out;
}
}  // namespace

ExitCode completion(Command& command) {
    const std::string shell = *command.line.get("SHELL");
    const std::string script = shell == "bash"  ? bash_script()
                               : shell == "zsh" ? zsh_script()
                                                : fish_script();
    if (command.line.json) {
        throw CommandFailure(ExitCode::Usage, "USAGE", "a completion script is not a JSON document",
                             "leave --json out");
    }
    command.out.write(script);
    return ExitCode::Done;
}

}  // namespace tasker::host
