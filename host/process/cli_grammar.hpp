#pragma once
// The command line as data: verbs, their arguments and options. The parser, --help and the shell completions are made
// from it, so they cannot disagree. Only what works is listed.

#include <string>
#include <vector>

namespace tasker::host {

struct OptionSpec {
    std::string names;  // "-n,--namespace"; a positional has no dash: "NAME"
    std::string value;  // "NS": what stands behind it; empty: a flag without a value
    std::string help;
    bool many = false;  // may be repeated
    bool required = false;
    std::string setting{};  // the configuration key that it sets; empty: an option of the verb itself
    std::vector<std::string> choices{};

    bool positional() const { return !names.starts_with('-'); }
    // "namespace" for "-n,--namespace", "NAME" for a positional.
    std::string key() const;
    std::vector<std::string> spellings() const;  // {"-n", "--namespace"}
};

struct VerbSpec {
    std::string group;  // "task"; empty for a verb that stands alone
    std::string name;   // "create"
    std::string help;
    std::vector<OptionSpec> options;
    std::string examples{};
};

const std::vector<VerbSpec>& verbs();
// By which the supervisor starts its children: understood, and shown nowhere.
const std::vector<VerbSpec>& child_verbs();
// Options that every verb takes.
const std::vector<OptionSpec>& global_options();
// {"task", "what is said of the group"} in the order of --help.
const std::vector<std::pair<std::string, std::string>>& groups();

}  // namespace tasker::host
