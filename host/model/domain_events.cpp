#include "host/model/domain_events.hpp"

#include <algorithm>
#include <array>
#include <map>
#include <utility>

#include "host/core/clock.hpp"
#include "host/core/json_text.hpp"
#include "host/core/json_view.hpp"
#include "host/model/result_rules.hpp"
#include "host/model/step_json.hpp"
#include "host/model/wire.hpp"

namespace tasker::host {

namespace {
constexpr std::size_t kMaxEventName = 255;

std::string failure_payload(const StepEvent& event, const StepExecutionResult& result) {
    const StepError error = result.error.value_or(StepError{});
    std::string out = R"({"message":)";
    append_json_string(out, error.message);
    out += R"(,"error_type":)";
    append_json_string(out, error.error_type);
    out += R"(,"error_code":)";
    append_json_string(out, error.error_code);
    out += R"(,"retryable":)";
    out += error.retryable ? "true" : "false";
    out += R"(,"attempt":)";
    out += std::to_string(event.task_sequence_step.workflow_step.attempts + 1);
    return out + "}";
}

using Declarations = std::map<std::string_view, const EventDeclaration*>;

// The last one of each name.
Declarations declarations_of(const StepTemplate& step) {
    Declarations by_name;
    for (const EventDeclaration& declared : step.publishes) by_name[declared.name] = &declared;
    return by_name;
}

EventDraft draft_of(const EventDeclaration& declared, std::string payload) {
    const bool by_default = declared.publisher.empty() || declared.publisher == "default";
    return {declared.name, &declared, declared.delivery, by_default ? std::string{} : declared.publisher,
            std::move(payload)};
}

void plan_emitted(EventPlan& plan, const Declarations& declared, std::vector<EmittedEvent> emitted) {
    for (EmittedEvent& one : emitted) {
        if (!is_event_name(one.name)) {
            plan.skipped.push_back({std::move(one.name), "its name is not like payment.authorized"});
            continue;
        }
        const auto found = declared.find(one.name);
        if (found != declared.end()) {
            plan.drafts.push_back(draft_of(*found->second, std::move(one.payload_json)));
        } else {
            plan.drafts.push_back(
                {std::move(one.name), nullptr, DeliveryMode::Durable, {}, std::move(one.payload_json)});
        }
    }
}
}  // namespace

bool fires(EventCondition condition, bool success, bool retryable) {
    switch (condition) {
        case EventCondition::Success:
            return success;
        case EventCondition::Failure:
            return !success;
        case EventCondition::RetryableFailure:
            return !success && retryable;
        case EventCondition::PermanentFailure:
            return !success && !retryable;
        case EventCondition::Always:
            return true;
    }
    return false;
}

bool is_event_name(std::string_view name) {
    if (name.empty() || name.size() > kMaxEventName || name.front() == '.' || name.back() == '.')
        return false;
    if (name.find('.') == std::string_view::npos || name.find("..") != std::string_view::npos) return false;
    return std::all_of(name.begin(), name.end(), [](char c) {
        return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '_' || c == '.';
    });
}

bool event_name_matches(std::string_view pattern, std::string_view name) {
    std::size_t p = 0, n = 0;
    std::size_t star = std::string_view::npos, retry = 0;
    while (n < name.size()) {
        if (p < pattern.size() && pattern[p] == '*') {
            star = p++;
            retry = n;
        } else if (p < pattern.size() && pattern[p] == name[n]) {
            ++p;
            ++n;
        } else if (star != std::string_view::npos) {
            p = star + 1;  // the last star takes one character more
            n = ++retry;
        } else {
            return false;
        }
    }
    while (p < pattern.size() && pattern[p] == '*') ++p;
    return p == pattern.size();
}

EventPlan plan_domain_events(const StepEvent& event, const StepExecutionResult& result,
                             std::vector<EmittedEvent> emitted) {
    EventPlan plan;
    const TaskSequenceStep& sequence = event.task_sequence_step;
    if (!sequence.task_template || sequence.step_index >= sequence.task_template->steps.size()) return plan;
    const StepTemplate& step = sequence.step_definition();
    if (step.publishes.empty() && emitted.empty()) return plan;
    const Declarations declared = declarations_of(step);
    const bool retryable = !result.success && result.error && result.error->retryable;
    for (const EventDeclaration& one : step.publishes) {
        if (declared.at(one.name) != &one || !fires(one.condition, result.success, retryable)) continue;
        const bool by_handler = std::any_of(emitted.begin(), emitted.end(),
                                            [&](const EmittedEvent& sent) { return sent.name == one.name; });
        if (by_handler) continue;
        plan.drafts.push_back(
            draft_of(one, result.success ? result.result_json : failure_payload(event, result)));
    }
    plan_emitted(plan, declared, std::move(emitted));
    while (plan.drafts.size() > kMaxEventsPerResult) {
        plan.skipped.push_back({std::move(plan.drafts.back().name), "a result has at most 256 events"});
        plan.drafts.pop_back();
    }
    return plan;
}

std::optional<std::string> payload_fault(const EventDraft& draft) {
    if (draft.payload_json.empty()) return "payload: it is empty";
    if (auto fault = result_part_fault("payload", draft.payload_json, false)) return fault;
    if (draft.declaration == nullptr || draft.declaration->schema == nullptr) return std::nullopt;
    if (auto fault = draft.declaration->schema->fault(draft.payload_json))
        return "payload does not fit the declared schema: " + *fault;
    return std::nullopt;
}

EventSource event_source(const StepEvent& event, const StepExecutionResult& result) {
    return {task_sequence_step_json(event), task_sequence_step_json(event, false), to_envelope(result)};
}

std::string event_metadata(const StepEvent& event, const EventStamp& stamp, std::string_view fired_by,
                           std::string_view more) {
    const TaskSequenceStep& sequence = event.task_sequence_step;
    const std::array<std::pair<std::string_view, std::string>, 7> own{{
        {"task_uuid", event.task_uuid.str()},
        {"step_uuid", event.step_uuid.str()},
        {"step_name", sequence.workflow_step.name},
        {"namespace", sequence.task_template->namespace_name},
        {"correlation_id", sequence.task->correlation_id.str()},
        {"fired_at", rfc3339(stamp.fired_ms)},
        {"fired_by", std::string(fired_by)},
    }};
    std::string out = "{";
    const auto key = [&](std::string_view name) {
        if (out.size() > 1) out += ',';
        append_json_string(out, name);
        out += ':';
    };
    for (const auto& [name, value] : own) {
        key(name);
        append_json_string(out, value);
    }
    for (JsonWalk walk(more); walk.next();) {
        const std::string name = json_unescape(walk.raw_key());
        const bool taken =
            std::any_of(own.begin(), own.end(), [&](const auto& member) { return member.first == name; });
        if (taken) continue;
        key(name);
        out += walk.value();
    }
    return out + "}";
}

std::optional<DomainEvent> make_domain_event(const StepEvent& event, const EventSource& source,
                                             const EventDraft& draft, const EventStamp& stamp,
                                             std::string_view metadata_json) {
    constexpr std::size_t kFrame = 512;  // keys, the id and the name
    const std::size_t rest =
        source.execution_result.size() + draft.payload_json.size() + metadata_json.size() + kFrame;
    const bool whole = source.step_json.size() + rest <= kMaxEventBytes;
    const std::string& step = whole ? source.step_json : source.lean_step_json;
    if (step.size() + rest > kMaxEventBytes) return std::nullopt;
    DomainEvent made;
    made.event_id = stamp.event_id;
    made.name = draft.name;
    made.namespace_name = event.task_sequence_step.task_template->namespace_name;
    made.delivery = draft.delivery;
    std::string& out = made.event_json;
    out.reserve(step.size() + rest);
    out += R"({"event_id":")";
    out += stamp.event_id.str();
    out += R"(","event_name":)";
    append_json_string(out, draft.name);
    out += R"(,"event_version":"1.0","payload":{"task_sequence_step":)";
    out += step;
    out += R"(,"execution_result":)";
    out += source.execution_result;
    out += R"(,"payload":)";
    out += draft.payload_json;
    out += R"(},"metadata":)";
    out += metadata_json;
    out += '}';
    return made;
}

}  // namespace tasker::host
