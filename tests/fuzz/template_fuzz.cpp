// Any bytes as a template: no crash, no endless work, and what is accepted survives its canonical form and can be drawn.

#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string_view>

#include "host/core/json_text.hpp"
#include "host/model/graph_picture.hpp"
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
        const GraphPicture picture = condensed(picture_of(*entry), 4);
        if (as_text(picture).empty() || as_mermaid(picture).empty() || as_markdown(picture, false).empty() ||
            !as_svg(picture).ends_with("</svg>\n") ||
            json_fault(as_json(picture), {.max_bytes = 64U << 20U})) {
            std::abort();
        }
    }
    return 0;
}
