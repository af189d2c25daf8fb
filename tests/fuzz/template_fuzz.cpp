// Any bytes as a template: no crash, no endless work, and what is accepted survives its canonical form.

#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string_view>

#include "host/templates/template_loader.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    using namespace tasker::host;
    const std::string_view text(reinterpret_cast<const char*>(data), size);
    const LoadedTemplates loaded = parse_template(text, "fuzz.yaml", {.environment = "test"});
    if (loaded.files != 1 || loaded.has_errors() != loaded.catalog.all().empty()) std::abort();
    for (const Diagnostic& entry : loaded.diagnostics) {
        if (entry.str().empty() || entry.line < 0 || entry.column < 0) std::abort();
    }
    for (const auto& entry : loaded.catalog.all()) {
        const TaskTemplate again = template_from_json(entry->definition_json);
        if (again.definition_json != entry->definition_json || again.steps != entry->steps) std::abort();
    }
    return 0;
}
