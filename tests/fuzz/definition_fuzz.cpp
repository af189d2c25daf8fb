// A template as the store keeps it, canonical JSON: refused with a reason, or a template that survives its own text and can be drawn.

#include "host/core/error.hpp"
#include "host/core/json_text.hpp"
#include "host/model/graph_picture.hpp"
#include "host/model/task_template.hpp"
#include "tests/fuzz/fuzz_input.hpp"

using namespace tasker::host;
using fuzzing::require;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    const std::string_view text(reinterpret_cast<const char*>(data), size);
    try {
        const TaskTemplate read = template_from_json(text);
        for (const StepTemplate& step : read.steps) {
            for (const std::size_t parent : step.dependency_ids)
                require(parent < read.steps.size(), "a dependency is a step");
        }
        const TaskTemplate again = template_from_json(read.definition_json);
        require(again.definition_json == read.definition_json, "the canonical text is a fixed point");
        require(again.steps == read.steps && again.id() == read.id(), "nothing is lost on the way");
        if (read.steps.size() > 64) return 0;
        const GraphPicture picture = picture_of(read);
        require(!as_text(picture).empty() && !as_mermaid(picture).empty(), "every template can be drawn");
        require(!json_fault(as_json(picture), {.max_depth = 20, .max_bytes = std::size_t{64} << 20U}),
                "a picture as JSON is one document");
        require(as_svg(picture).find("<script") == std::string::npos, "a drawing holds no script");
    } catch (const Error& error) {
        require(std::string_view(error.what()).size() > 3, "a refusal says what is wrong");
    }
    return 0;
}
