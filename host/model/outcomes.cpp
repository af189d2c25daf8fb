#include "host/model/outcomes.hpp"

#include <algorithm>
#include <limits>
#include <nlohmann/json.hpp>
#include <unordered_set>
#include <utility>

#include "host/core/json_text.hpp"
#include "host/core/json_view.hpp"
#include "host/core/nearest.hpp"

namespace tasker::host {

namespace {
using Json = nlohmann::json;

constexpr const char* kDecisionKey = "decision_point_outcome";
constexpr const char* kBatchKey = "batch_processing_outcome";
constexpr std::size_t kShownBytes = 80;

// A value as it is shown in a message: short, whatever it was.
std::string shown(const Json& value) {
    std::string text = value.dump();
    if (text.size() <= kShownBytes) return text;
    std::size_t end = kShownBytes;
    while (end > 0 && (static_cast<unsigned char>(text[end]) & 0xC0U) == 0x80U) --end;
    return text.substr(0, end) + "...";
}
std::string shown(const std::string& text) { return shown(Json(text)); }

std::string listed(const std::vector<std::string>& names) {
    constexpr std::size_t kMost = 8;
    std::string text;
    for (std::size_t i = 0; i < names.size() && i < kMost; ++i)
        text += (i == 0 ? "'" : ", '") + names[i] + "'";
    if (names.size() > kMost) text += " and " + std::to_string(names.size() - kMost) + " more";
    return text;
}

// One message a fault: "decision 'route': ...".
class Fault {
  public:
    Fault(const TaskTemplate& definition, std::size_t index)
        : about_((definition.steps[index].type == StepType::Decision ? "decision '" : "batchable step '") +
                 definition.steps[index].name + "': ") {}
    InvalidOutcome operator()(const std::string& problem) const { return {about_ + problem}; }

  private:
    std::string about_;
};

// The outcome's object, or what is wrong with it.
std::variant<const Json*, std::string> outcome_object(const Json& result, const char* key) {
    const std::string path = std::string("result.") + key;
    if (!result.is_object()) return "the result is not an object, so it has no " + path;
    const auto found = result.find(key);
    if (found == result.end()) {
        std::vector<std::string> keys;
        for (const auto& [name, value] : result.items()) keys.push_back(name);
        const auto near = nearest(key, keys);
        return path + " is missing" + (near ? " ('" + *near + "' is not read)" : "");
    }
    if (!found->is_object()) return path + " is " + shown(*found) + ", not an object";
    return &*found;
}

std::variant<std::string, InvalidOutcome> type_of(const Json& outcome, const std::string& path,
                                                  const std::vector<std::string>& known, const Fault& fault) {
    const auto type = outcome.find("type");
    if (type == outcome.end()) return fault(path + ".type is missing; it is one of " + listed(known));
    if (!type->is_string()) return fault(path + ".type is " + shown(*type) + ", not one of " + listed(known));
    const std::string text = type->get<std::string>();
    if (std::ranges::find(known, text) != known.end()) return text;
    const std::string hint = did_you_mean(text, known);
    return fault(path + ".type is " + shown(text) + (hint.empty() ? ", not one of " + listed(known) : hint));
}

std::vector<std::string> names_of(const TaskTemplate& definition, const std::vector<bool>& wanted) {
    std::vector<std::string> names;
    for (std::size_t i = 0; i < wanted.size(); ++i) {
        if (wanted[i] && definition.steps[i].type != StepType::BatchWorker)
            names.push_back(definition.steps[i].name);
    }
    return names;
}

std::optional<InvalidOutcome> name_fault(const TaskTemplate& definition, const Segment& segment,
                                         const Json& name, const std::string& where, const Fault& fault) {
    if (!name.is_string()) return fault(where + " is " + shown(name) + ", not a string");
    const auto& text = name.get_ref<const std::string&>();
    if (text.empty()) return fault(where + " is empty");
    const auto step = definition.find_step(text);
    const std::vector<std::string> candidates = names_of(definition, segment.inside);
    if (!step) {
        const std::string hint = did_you_mean(text, candidates);
        return fault(where + " is " + shown(text) + ", which the template does not have" +
                     (!hint.empty()        ? hint
                      : candidates.empty() ? ""
                                           : "; it may name " + listed(candidates)));
    }
    if (!segment.inside[*step]) {
        return fault(where + " is '" + text + "', which is not below this decision" +
                     (candidates.empty() ? "; no step is" : "; it may name " + listed(candidates)));
    }
    if (definition.steps[*step].type == StepType::BatchWorker) {
        return fault(
            where + " is '" + text +
            "', a batch worker, which only a batchable step's outcome makes; name the batchable step");
    }
    return std::nullopt;
}

Parsed<MakingOutcome> decision(const TaskTemplate& definition, std::size_t index, const Json& outcome) {
    const Fault fault(definition, index);
    const std::string path = std::string("result.") + kDecisionKey;
    auto type = type_of(outcome, path, {"create_steps", "no_branches"}, fault);
    if (auto* wrong = std::get_if<InvalidOutcome>(&type)) return std::move(*wrong);
    if (std::get<std::string>(type) == "no_branches") return MakingOutcome{DecisionOutcome{}};
    const auto names = outcome.find("step_names");
    if (names == outcome.end()) return fault(path + ".step_names is missing");
    if (!names->is_array()) return fault(path + ".step_names is " + shown(*names) + ", not a list of names");
    if (names->empty())
        return fault(path + ".step_names is empty; to make nothing the type is 'no_branches'");
    if (names->size() > kMaxStepsPerDecision) {
        return fault(path + ".step_names has " + std::to_string(names->size()) +
                     " names, a decision makes at most " + std::to_string(kMaxStepsPerDecision));
    }
    const Segment segment = segment_of(definition, index);
    DecisionOutcome made;
    for (std::size_t i = 0; i < names->size(); ++i) {
        const Json& name = (*names)[i];
        const std::string where = path + ".step_names[" + std::to_string(i) + "]";
        if (auto wrong = name_fault(definition, segment, name, where, fault)) return std::move(*wrong);
        const auto& text = name.get_ref<const std::string&>();
        if (std::ranges::find(made.step_names, text) == made.step_names.end())
            made.step_names.push_back(text);
    }
    return MakingOutcome{std::move(made)};
}

bool is_u32(const Json& value) {
    return value.is_number_integer() && (value.is_number_unsigned() || value.get<std::int64_t>() >= 0) &&
           value.get<std::uint64_t>() <= std::numeric_limits<std::uint32_t>::max();
}

// Of the name of a step, and so of a queue message, a log line and a URL.
bool is_batch_id(const std::string& id) {
    return std::ranges::all_of(id, [](char c) {
        return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' ||
               c == '-' || c == '.' || c == ':';
    });
}

std::variant<BatchCursor, std::string> cursor_of(const Json& config, const std::string& worker) {
    if (!config.is_object()) return " is " + shown(config) + ", not an object";
    for (const char* key : {"batch_id", "start_cursor", "end_cursor", "batch_size"}) {
        if (!config.contains(key)) return std::string(".") + key + " is missing";
    }
    const Json& id = config["batch_id"];
    if (!id.is_string()) return ".batch_id is " + shown(id) + ", not a string";
    BatchCursor cursor;
    cursor.batch_id = id.get<std::string>();
    if (cursor.batch_id.empty()) return std::string(".batch_id is empty");
    if (!is_batch_id(cursor.batch_id))
        return ".batch_id is " + shown(id) + "; it may have letters, digits and _ - . : only";
    if (worker.size() + 1 + cursor.batch_id.size() > kMaxStepNameBytes) {
        return ".batch_id is " + shown(id) + ", so the step's name would be longer than " +
               std::to_string(kMaxStepNameBytes) + " characters";
    }
    if (!is_u32(config["batch_size"]))
        return ".batch_size is " + shown(config["batch_size"]) + ", not a whole number from 0 to 4294967295";
    cursor.cursor_json = R"({"batch_id":)" + json_string(cursor.batch_id) + R"(,"start_cursor":)" +
                         config["start_cursor"].dump() + R"(,"end_cursor":)" + config["end_cursor"].dump() +
                         R"(,"batch_size":)" + config["batch_size"].dump() + '}';
    return cursor;
}

std::optional<InvalidOutcome> batch_fields_fault(const Json& outcome, const std::string& path,
                                                 const Fault& fault) {
    const auto worker = outcome.find("worker_template_name");
    if (worker == outcome.end()) return fault(path + ".worker_template_name is missing");
    if (!worker->is_string())
        return fault(path + ".worker_template_name is " + shown(*worker) + ", not a string");
    for (const char* key : {"worker_count", "total_items"}) {
        const auto number = outcome.find(key);
        if (number == outcome.end()) return fault(path + "." + key + " is missing");
        const bool whole =
            number->is_number_unsigned() || (number->is_number_integer() && number->get<std::int64_t>() >= 0);
        if (!whole) return fault(path + "." + key + " is " + shown(*number) + ", not a whole number");
    }
    const auto cursors = outcome.find("cursor_configs");
    if (cursors == outcome.end()) return fault(path + ".cursor_configs is missing");
    if (!cursors->is_array()) return fault(path + ".cursor_configs is " + shown(*cursors) + ", not a list");
    if (cursors->empty())
        return fault(path + ".cursor_configs is empty; without work the type is 'no_batches'");
    return std::nullopt;
}

Parsed<MakingOutcome> batches(const TaskTemplate& definition, std::size_t index, const Json& outcome) {
    const Fault fault(definition, index);
    const std::string path = std::string("result.") + kBatchKey;
    auto type = type_of(outcome, path, {"create_batches", "no_batches"}, fault);
    if (auto* wrong = std::get_if<InvalidOutcome>(&type)) return std::move(*wrong);
    BatchOutcome made;
    made.no_batches = std::get<std::string>(type) == "no_batches";
    if (!made.no_batches) {
        if (auto wrong = batch_fields_fault(outcome, path, fault)) return std::move(*wrong);
        made.worker_template_name = outcome["worker_template_name"].get<std::string>();
    }
    const auto worker = batch_worker_of(definition, index, made);
    if (const auto* wrong = std::get_if<InvalidOutcome>(&worker)) return *wrong;
    if (made.no_batches) return MakingOutcome{std::move(made)};
    const Json& configs = outcome["cursor_configs"];
    std::unordered_set<std::string> ids;
    std::unordered_set<std::string_view> taken;
    for (const StepTemplate& step : definition.steps) taken.insert(step.name);
    for (std::size_t i = 0; i < configs.size(); ++i) {
        const std::string where = path + ".cursor_configs[" + std::to_string(i) + "]";
        auto cursor = cursor_of(configs[i], made.worker_template_name);
        if (const auto* wrong = std::get_if<std::string>(&cursor)) return fault(where + *wrong);
        auto& good = std::get<BatchCursor>(cursor);
        if (!ids.insert(good.batch_id).second)
            return fault(where + ".batch_id is '" + good.batch_id +
                         "', as an earlier one; each batch needs its own");
        const std::string name = made.worker_template_name + "_" + good.batch_id;
        if (taken.contains(name))
            return fault(where + ".batch_id is '" + good.batch_id + "', but the template has a step '" +
                         name + "'");
        made.cursors.push_back(std::move(good));
    }
    return MakingOutcome{std::move(made)};
}
}  // namespace

Segment segment_of(const TaskTemplate& definition, std::size_t decision) {
    Segment segment;
    segment.inside.resize(definition.steps.size());
    std::vector<std::size_t> next{decision};
    while (!next.empty()) {
        const std::size_t at = next.back();
        next.pop_back();
        for (const std::size_t child : definition.steps[at].dependent_ids) {
            if (segment.inside[child]) continue;
            segment.inside[child] = true;
            if (definition.steps[child].type == StepType::Decision) {
                segment.exits.push_back(child);
            } else {
                next.push_back(child);
            }
        }
    }
    std::ranges::sort(segment.exits);
    return segment;
}

Parsed<std::size_t> batch_worker_of(const TaskTemplate& definition, std::size_t index,
                                    const BatchOutcome& outcome) {
    const Fault fault(definition, index);
    const StepTemplate& batchable = definition.steps[index];
    std::string name = outcome.worker_template_name;
    std::string where = std::string("result.") + kBatchKey + ".worker_template_name";
    if (outcome.no_batches) {
        where = "handler.initialization.worker_template_name of the step";
        const auto said = json_string_member(batchable.handler.initialization_json, "worker_template_name");
        if (!said)
            return fault("'no_batches' needs " + where + ", which is missing; it names the batch worker");
        name = *said;
    }
    std::vector<std::string> workers;
    for (const StepTemplate& step : definition.steps) {
        if (step.type == StepType::BatchWorker) workers.push_back(step.name);
    }
    const auto found = definition.find_step(name);
    if (!found) {
        const std::string hint = did_you_mean(name, workers);
        return fault(where + " is " + shown(name) + ", which the template does not have" +
                     (!hint.empty()     ? hint
                      : workers.empty() ? "; it has no batch worker"
                                        : "; its batch workers are " + listed(workers)));
    }
    const StepTemplate& worker = definition.steps[*found];
    if (worker.type != StepType::BatchWorker) {
        return fault(where + " is '" + name + "', a step of type '" +
                     std::string(tasker::host::name(worker.type)) + "', not 'batch_worker'" +
                     (workers.empty() ? "" : "; the batch workers are " + listed(workers)));
    }
    if (!worker.batch) return fault(where + " is '" + name + "', which has no batch_config");
    // A worker without dependencies is anybody's; one that hangs below others is theirs.
    if (!worker.ancestor_ids.empty() && !std::ranges::binary_search(worker.ancestor_ids, index))
        return fault(where + " is '" + name + "', which is not below this step");
    return *found;
}

Parsed<MakingOutcome> parse_outcome(const TaskTemplate& definition, std::size_t index,
                                    std::string_view result_json) {
    const StepType type = definition.steps[index].type;
    if (type != StepType::Decision && type != StepType::Batchable) return MakingOutcome{};
    const Json result = Json::parse(result_json, nullptr, false);
    const bool decides = type == StepType::Decision;
    const auto outcome = outcome_object(result, decides ? kDecisionKey : kBatchKey);
    if (const auto* wrong = std::get_if<std::string>(&outcome)) return Fault(definition, index)(*wrong);
    const Json& object = *std::get<const Json*>(outcome);
    return decides ? decision(definition, index, object) : batches(definition, index, object);
}

std::string batch_inputs_json(const StepTemplate& worker, std::string_view cursor_json, bool no_op) {
    std::string out = "{";
    for (JsonWalk members(worker.handler.initialization_json); members.next();) {
        const std::string key = json_unescape(members.raw_key());
        if (key == "cursor" || key == "batch_metadata" || key == "is_no_op" || key == "__template_step_name")
            continue;
        out += '"';
        out += members.raw_key();
        out += "\":";
        out += members.value();
        out += ',';
    }
    const BatchConfig config = worker.batch.value_or(BatchConfig{});
    out += R"("cursor":)";
    out += cursor_json;
    out += R"(,"batch_metadata":{"cursor_field":)" + json_string(config.cursor_field) +
           R"(,"failure_strategy":)" + json_string(config.failure_strategy) + "}";
    out += no_op ? R"(,"is_no_op":true)" : R"(,"is_no_op":false)";
    out += R"(,"__template_step_name":)" + json_string(worker.name) + '}';
    return out;
}

BatchCursor no_op_cursor() {
    return {std::string(kNoOpBatchId),
            R"({"batch_id":"000","start_cursor":0,"end_cursor":0,"batch_size":0})"};
}

}  // namespace tasker::host
