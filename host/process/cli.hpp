#pragma once
// argv -> what to do. Pure: prints nothing, reads nothing but its arguments.

#include <filesystem>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

namespace tasker::host {

struct CommandLine {
    std::string verb;  // "task create"
    bool json = false;
    std::string color = "auto";
    std::optional<std::filesystem::path> config;
    std::map<std::string, std::vector<std::string>>
        settings;                                             // by configuration key: {"host.threads", {"4"}}
    std::map<std::string, std::vector<std::string>> options;  // of the verb: {"namespace", {"orders"}}

    bool has(std::string_view key) const { return options.contains(std::string{key}); }
    std::optional<std::string> get(std::string_view key) const;
    std::vector<std::string> all(std::string_view key) const;
};

// --help or --version: print and leave with 0.
struct HelpText {
    std::string text;
    bool version = false;
};
// Exit code 2.
struct UsageFault {
    std::string message;
    std::string hint;   // "did you mean ...", may be empty
    std::string usage;  // the usage line of the command
};

std::variant<CommandLine, HelpText, UsageFault> parse_command_line(const std::vector<std::string>& arguments);

// Whether an error must be a JSON document; looks at the raw arguments because they may not parse.
bool wants_json(const std::vector<std::string>& arguments);

std::string version_text();
// "0.1.0"
std::string version_number();

}  // namespace tasker::host
