// A submission as JSON text, up to its identity: a request that is taken keeps its limits, its identity does not depend on
// blanks or the order of keys, and a refusal says what is wrong.

#include "host/api/task_request_reader.hpp"
#include "host/core/json_text.hpp"
#include "host/engine/submission_rules.hpp"
#include "host/model/identity.hpp"
#include "tests/fuzz/fuzz_input.hpp"

using namespace tasker::host;
using fuzzing::require;

namespace {
const TemplateCatalog& catalog() {
    static const TemplateCatalog known = [] {
        std::vector<TaskTemplate> templates;
        for (const char* identity : {"strict", "caller_provided", "always_unique"}) {
            templates.push_back(template_from_json(
                std::string(R"({"name":")") + identity + R"(","namespace_name":"ns","version":"1.0.0",)" +
                R"("identity_strategy":")" + identity + R"(","input_schema":{"type":"object",)" +
                R"("properties":{"n":{"type":"integer","minimum":0}}},)" +
                R"("steps":[{"name":"s","handler":{"callable":"c"},"dependencies":[]}]})"));
        }
        return TemplateCatalog(std::move(templates));
    }();
    return known;
}
}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    const std::string_view text(reinterpret_cast<const char*>(data), size);
    const auto read = read_task_request(text);
    if (const auto* refused = std::get_if<Refused>(&read)) {
        require(!refused->message.empty(), "a refusal says what is wrong");
        return 0;
    }
    const TaskRequest& request = std::get<TaskRequest>(read);
    const auto prepared = prepare_submission(request, catalog());
    if (const auto* refused = std::get_if<Refused>(&prepared)) {
        require(!refused->message.empty(), "a refusal says what is wrong");
        return 0;
    }
    const SubmitOp& op = std::get<SubmitOp>(prepared);
    require(!context_fault(*op.context), "what is taken keeps the limits of a context");
    require(op.tags_json.empty() || !json_fault(op.tags_json), "tags are JSON");
    require(op.identity || (op.definition->identity != IdentityStrategy::Strict && !request.idempotency_key),
            "a submission has the identity that its template asks for");
    TaskRequest same = request;
    same.context_json = canonical_json(request.context_json);
    require(identity_hash(*op.definition, same) == op.identity, "blanks and the order of keys do not count");
    same.idempotency_key = request.idempotency_key.value_or("") + "x";
    require(identity_hash(*op.definition, same) != op.identity, "another key is another task");
    return 0;
}
