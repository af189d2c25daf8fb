#include "host/engine/submission_rules.hpp"

#include <string>
#include <vector>

#include "host/core/json_text.hpp"
#include "host/core/nearest.hpp"
#include "host/model/expansion.hpp"
#include "host/model/identity.hpp"

namespace tasker::host {

namespace {
constexpr std::size_t kMaxText = 128;
constexpr std::size_t kMaxName = 4 * 255;  // what a template may have, in bytes
constexpr std::size_t kMaxKeyBytes = 1024;
constexpr std::size_t kMaxTags = 100;
constexpr std::size_t kMaxTraceparent = 256;

Refused invalid(std::string message, std::string hint = {}) {
    return Refused{Refusal::Invalid, std::move(message), std::move(hint)};
}

std::optional<Refused> text_fault(std::string_view field, std::string_view text, std::size_t limit) {
    if (text.size() > limit) {
        return invalid(std::string(field) + " is " + std::to_string(text.size()) +
                       " bytes long, the limit is " + std::to_string(limit));
    }
    if (const auto fault = json_fault(json_string(text))) return invalid(std::string(field) + ": " + *fault);
    return std::nullopt;
}

std::optional<Refused> texts_fault(const TaskRequest& request) {
    if (request.name.empty()) return invalid("name is empty");
    if (request.namespace_name.empty()) return invalid("namespace is empty");
    if (request.version.empty()) return invalid("version is empty");
    if (auto fault = text_fault("name", request.name, kMaxName)) return fault;
    const std::pair<std::string_view, std::string_view> fields[] = {{"namespace", request.namespace_name},
                                                                    {"version", request.version},
                                                                    {"initiator", request.initiator},
                                                                    {"source_system", request.source_system},
                                                                    {"reason", request.reason}};
    for (const auto& [field, text] : fields) {
        if (auto fault = text_fault(field, text, kMaxText)) return fault;
    }
    if (auto fault = text_fault("traceparent", request.traceparent, kMaxTraceparent)) return fault;
    if (request.idempotency_key) {
        if (request.idempotency_key->empty()) return invalid("idempotency_key is empty");
        if (auto fault = text_fault("idempotency_key", *request.idempotency_key, kMaxKeyBytes)) return fault;
    }
    if (request.tags.size() > kMaxTags) return invalid("more than " + std::to_string(kMaxTags) + " tags");
    for (const std::string& tag : request.tags) {
        if (auto fault = text_fault("a tag", tag, kMaxText)) return fault;
    }
    return std::nullopt;
}

Refused unknown_template(const TaskRequest& request, const TemplateCatalog& catalog) {
    std::string message =
        "no template " + request.namespace_name + "/" + request.name + "/" + request.version;
    const auto same_name = catalog.named(request.name);
    if (!same_name.empty()) {
        message += "; of that name there is";
        std::size_t shown = 0;
        for (const auto& candidate : same_name) {
            if (++shown > 5) break;
            message += (shown == 1 ? " " : ", ") + candidate->id();
        }
        return Refused{Refusal::NotFound, message, "versions are matched exactly; there is no 'latest'"};
    }
    std::vector<std::string> names;
    for (const auto& candidate : catalog.all()) names.push_back(candidate->name);
    message += did_you_mean(request.name, names);
    return Refused{Refusal::NotFound, message, "'template list' shows what is loaded"};
}

std::string tags_json(const std::vector<std::string>& tags) {
    if (tags.empty()) return {};
    std::string json = "[";
    for (const std::string& tag : tags) {
        if (json.size() > 1) json += ',';
        append_json_string(json, tag);
    }
    return json + "]";
}
}  // namespace

Refused duplicate_submission() {
    return Refused{
        Refusal::Duplicate, "a task with the same identity was submitted before",
        "the same context, or the same idempotency key, makes one task: change it, or give another key "
        "(--idempotency-key, not of `task run`)"};
}

std::variant<SubmitOp, Refused> prepare_submission(const TaskRequest& request,
                                                   const TemplateCatalog& catalog) {
    if (auto fault = texts_fault(request)) return *std::move(fault);
    SubmitOp op;
    op.request = &request;
    op.definition = catalog.find(request.namespace_name, request.name, request.version);
    if (!op.definition) return unknown_template(request, catalog);
    if (makes_steps(*op.definition) && initial_steps(*op.definition).empty()) {
        return invalid("template " + op.definition->id() + " has no step to begin with",
                       "batch workers, and what is below them, are made by a batchable step");
    }
    if (const auto fault = context_fault(request.context_json)) return invalid("context: " + *fault);
    if (const auto& schema = op.definition->input_schema) {
        if (const auto fault = schema->fault(request.context_json)) {
            return invalid("context: " + *fault, "the input_schema of template " + op.definition->id() +
                                                     " says what it must look like");
        }
    }
    if (op.definition->identity == IdentityStrategy::CallerProvided && !request.idempotency_key) {
        return invalid("template " + op.definition->id() + " needs an idempotency_key",
                       "its identity_strategy is caller_provided");
    }
    op.identity = identity_hash(*op.definition, request);
    op.context = std::make_shared<const std::string>(request.context_json);
    op.tags_json = tags_json(request.tags);
    return op;
}

}  // namespace tasker::host
