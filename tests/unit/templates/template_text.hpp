#pragma once
// What the template tests share: a minimal template and a look at the diagnostics.

#include <algorithm>
#include <string>
#include <string_view>
#include <vector>

#include "host/templates/template_loader.hpp"

namespace tasker::host::testing {

// Eight lines up to and including `steps:`' first step; what a test adds starts at line 9.
inline std::string minimal(std::string_view name = "demo", std::string_view more = {}) {
    return "name: " + std::string(name) +
           "\n"
           "namespace_name: examples\n"
           "version: \"1.0.0\"\n"
           "description: a demo\n"
           "steps:\n"
           "  - name: first\n"
           "    handler:\n"
           "      callable: demo.first\n" +
           std::string(more);
}

inline LoadedTemplates parsed(std::string_view yaml, const TemplateOptions& options = {}) {
    return parse_template(yaml, "t.yaml", options);
}

inline const Diagnostic* with_code(const LoadedTemplates& loaded, std::string_view code) {
    const auto found = std::find_if(loaded.diagnostics.begin(), loaded.diagnostics.end(),
                                    [&](const Diagnostic& entry) { return entry.code == code; });
    return found == loaded.diagnostics.end() ? nullptr : &*found;
}

inline std::string all_text(const std::vector<Diagnostic>& diagnostics) {
    std::string text;
    for (const Diagnostic& entry : diagnostics) text += entry.str() + "\n";
    return text;
}

}  // namespace tasker::host::testing
