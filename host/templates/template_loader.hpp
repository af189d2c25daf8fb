#pragma once
// YAML files to checked templates. Never throws for what a file contains: every problem is a diagnostic, all
// at once.

#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

#include "host/model/task_template.hpp"
#include "host/model/template_catalog.hpp"
#include "host/registry/handler_registry.hpp"

namespace tasker::host {

enum class Severity : std::uint8_t { Error, Warning, Info };

struct Diagnostic {
    Severity severity = Severity::Error;
    std::string code;  // DUPLICATE_KEY, UNKNOWN_KEY, CYCLE_DETECTED, ...
    std::string file;
    int line = 0;  // from 1; 0: the file as a whole
    int column = 0;
    std::string path;     // "steps[2].retry.max_attempts"; may be empty
    std::string message;  // with the value and the remedy
    // "file:line:col: error: message [CODE]"
    std::string str() const;
};

// What to say of the differences to a Tasker server, as Info.
enum class TaskerFindings : std::uint8_t {
    None,
    Ignored,  // one line a file: the keys that a server ignores
    All,      // each place where a server does something else
};

struct TemplateOptions {
    std::string environment{};  // whose `environments` overrides are applied; empty: none
    bool strict = false;        // unknown keys are errors
    TaskerFindings tasker = TaskerFindings::None;
    std::vector<std::string> resolvers{};  // that the embedding program adds to its registry
    std::size_t max_file_bytes = 1U << 20U;
    std::size_t max_nodes = 10'000, max_aliases = 1'000;
    std::size_t max_depth = 32;
};

struct LoadedTemplates {
    TemplateCatalog catalog;              // what is valid
    std::vector<Diagnostic> diagnostics;  // sorted by file, line
    std::size_t files = 0;                // looked at
    std::size_t failed = 0;               // with an error
    bool has_errors() const;
};

// Roots are folders or single files, walked sorted and recursively (.yaml/.yml in any case, hidden ones
// skipped, symlink loops and links out of the root not followed, only regular files opened).
LoadedTemplates load_templates(const std::vector<std::filesystem::path>& roots,
                               const TemplateOptions& options);
// One template from text; `file` is for the diagnostics.
LoadedTemplates parse_template(std::string_view yaml, const std::string& file,
                               const TemplateOptions& options);

// What each step of these namespaces (all when empty) asks of the registry in vain: a warning where no handler offers its
// callable or method, naming the nearest that exists, an error where its resolver does not exist; and what
// handler_contract.hpp finds.
std::vector<Diagnostic> link_templates(const TemplateCatalog& catalog, const HandlerRegistry& registry,
                                       const std::set<std::string>& namespaces = {});

// Takes back UNKNOWN_RESOLVER of those resolvers that the registry has: a file is read before it is known which ones
// plugins bring.
void accept_resolvers(LoadedTemplates& loaded, const HandlerRegistry& registry);

}  // namespace tasker::host
