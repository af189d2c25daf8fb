#include "host/model/task_template.hpp"

#include <algorithm>
#include <array>
#include <bit>
#include <cstdint>
#include <map>
#include <nlohmann/json.hpp>
#include <unordered_map>
#include <utility>

#include "host/core/error.hpp"
#include "host/core/json_text.hpp"

namespace tasker::host {

namespace {

using Json = nlohmann::json;

// Far above what the loader lets through: a definition of another origin must not exhaust the stack or the
// memory.
constexpr JsonRules kDefinitionRules{.max_depth = 100, .max_bytes = std::size_t{16} << 20U};
constexpr std::int64_t kDefaultBaseMs = 1000;
constexpr std::int64_t kDefaultMaxMsInRetry = 3'600'000;

constexpr std::array<std::pair<std::string_view, IdentityStrategy>, 3> kStrategies{{
    {"strict", IdentityStrategy::Strict},
    {"caller_provided", IdentityStrategy::CallerProvided},
    {"always_unique", IdentityStrategy::AlwaysUnique},
}};

constexpr std::array<std::pair<std::string_view, StepType>, 5> kStepTypes{{
    {"standard", StepType::Standard},
    {"decision", StepType::Decision},
    {"deferred_convergence", StepType::DeferredConvergence},
    {"batchable", StepType::Batchable},
    {"batch_worker", StepType::BatchWorker},
}};
constexpr std::array<std::pair<std::string_view, EventCondition>, 5> kConditions{{
    {"success", EventCondition::Success},
    {"failure", EventCondition::Failure},
    {"retryable_failure", EventCondition::RetryableFailure},
    {"permanent_failure", EventCondition::PermanentFailure},
    {"always", EventCondition::Always},
}};
constexpr std::array<std::pair<std::string_view, DeliveryMode>, 3> kDeliveries{{
    {"durable", DeliveryMode::Durable},
    {"fast", DeliveryMode::Fast},
    {"broadcast", DeliveryMode::Broadcast},
}};
constexpr std::int64_t kMaxMinutes = 1'000'000'000;

template <class Table, class Value>
std::string_view name_in(const Table& table, Value value) {
    for (const auto& [text, entry] : table) {
        if (entry == value) return text;
    }
    return table.front().first;
}
template <class Table>
auto value_in(const Table& table, std::string_view name) -> std::optional<decltype(table.front().second)> {
    for (const auto& [text, entry] : table) {
        if (text == name) return entry;
    }
    return std::nullopt;
}

[[noreturn]] void refuse(const std::string& path, const std::string& problem) {
    throw Error("the template definition is not usable: " + path + " " + problem);
}

// Adds the member with its default when it is absent.
void fill(Json& object, const char* key, Json value) {
    if (!object.contains(key)) object[key] = std::move(value);
}

// The canonical name of a key that may have been written under its alias.
void rename(Json& object, const char* alias, const char* key) {
    const auto found = object.find(alias);
    if (found == object.end()) return;
    Json value = std::move(*found);
    object.erase(alias);
    fill(object, key, std::move(value));
}

void require_object(const Json& value, const std::string& path) {
    if (!value.is_object()) refuse(path, "is not an object");
}

void fill_retry(Json& step, const std::string& path) {
    const auto found = step.find("retry");
    if (found == step.end() || found->is_null()) {
        step["retry"] = {{"retryable", true},
                         {"max_attempts", 3},
                         {"backoff", "exponential"},
                         {"backoff_base_ms", kDefaultBaseMs},
                         {"max_backoff_ms", RetryPolicy{}.max_ms}};
        return;
    }
    require_object(*found, path + ".retry");
    fill(*found, "retryable", true);
    fill(*found, "max_attempts", 3);
    fill(*found, "backoff", "exponential");
    fill(*found, "backoff_base_ms", nullptr);
    fill(*found, "max_backoff_ms", nullptr);
}

void fill_step(Json& step, const std::string& path) {
    require_object(step, path);
    rename(step, "step_type", "type");
    rename(step, "depends_on", "dependencies");
    fill(step, "description", nullptr);
    fill(step, "type", "standard");
    fill(step, "system_dependency", nullptr);
    fill(step, "dependencies", Json::array());
    fill(step, "timeout_seconds", nullptr);
    fill(step, "publishes_events", Json::array());
    fill(step, "batch_config", nullptr);
    fill_retry(step, path);
    const auto handler = step.find("handler");
    if (handler == step.end()) refuse(path, "has no handler");
    require_object(*handler, path + ".handler");
    fill(*handler, "method", nullptr);
    fill(*handler, "resolver", nullptr);
    if (!handler->contains("initialization") || (*handler)["initialization"].is_null()) {
        (*handler)["initialization"] = Json::object();
    }
}

void fill_template(Json& document) {
    require_object(document, "it");
    fill(document, "description", nullptr);
    fill(document, "metadata", nullptr);
    fill(document, "system_dependencies", Json::object());
    fill(document, "domain_events", Json::array());
    fill(document, "input_schema", nullptr);
    fill(document, "steps", Json::array());
    fill(document, "environments", Json::object());
    fill(document, "lifecycle", nullptr);
    fill(document, "identity_strategy", "strict");
    if (document["system_dependencies"].is_object()) {
        fill(document["system_dependencies"], "primary", "default");
        fill(document["system_dependencies"], "secondary", Json::array());
    }
    if (!document["steps"].is_array()) refuse("steps", "is not a list");
    for (std::size_t i = 0; i < document["steps"].size(); ++i) {
        fill_step(document["steps"][i], "steps[" + std::to_string(i) + "]");
    }
}

Json parse_definition(std::string_view text) {
    if (const auto fault = json_fault(text, kDefinitionRules)) {
        throw Error("the template definition is not usable: " + *fault);
    }
    return Json::parse(text);
}

std::string text_of(const Json& object, const char* key, const std::string& path) {
    const auto found = object.find(key);
    const std::string where = path.empty() ? key : path + "." + key;
    if (found == object.end() || !found->is_string()) refuse(where, "is not a string");
    if (found->get_ref<const std::string&>().empty()) refuse(where, "is empty");
    return found->get<std::string>();
}

std::string optional_text(const Json& object, const char* key, const std::string& path) {
    const auto found = object.find(key);
    if (found == object.end() || found->is_null()) return {};
    if (!found->is_string()) refuse(path.empty() ? key : path + "." + key, "is not a string");
    return found->get<std::string>();
}

std::int64_t number_of(const Json& value, const std::string& path, std::int64_t low, std::int64_t high) {
    if (!value.is_number_integer()) refuse(path, "is not a whole number");
    const bool too_big =
        value.is_number_unsigned() && value.get<std::uint64_t>() > static_cast<std::uint64_t>(high);
    if (too_big || value.get<std::int64_t>() < low) {
        refuse(path,
               "is " + value.dump() + ", not in " + std::to_string(low) + " to " + std::to_string(high));
    }
    return value.get<std::int64_t>();
}

RetryPolicy retry_of(const Json& retry, const std::string& path) {
    // The keys are there, fill_retry() saw to it; null means "absent inside retry".
    RetryPolicy policy;
    if (!retry["retryable"].is_boolean()) refuse(path + ".retryable", "is not true or false");
    policy.retryable = retry["retryable"].get<bool>();
    policy.max_attempts =
        static_cast<int>(number_of(retry["max_attempts"], path + ".max_attempts", 0, 1'000'000));
    const auto kind = backoff(text_of(retry, "backoff", path));
    if (!kind) refuse(path + ".backoff", "is unknown: " + retry["backoff"].dump());
    policy.backoff = *kind;
    const Json& base = retry["backoff_base_ms"];
    const Json& max = retry["max_backoff_ms"];
    policy.base_ms =
        base.is_null() ? kDefaultBaseMs : number_of(base, path + ".backoff_base_ms", 0, kDefaultMaxMsInRetry);
    policy.max_ms = max.is_null() ? kDefaultMaxMsInRetry
                                  : number_of(max, path + ".max_backoff_ms", 0, kDefaultMaxMsInRetry);
    return policy;
}

BatchConfig batch_of(const Json& config, const std::string& path) {
    require_object(config, path);
    BatchConfig out;
    const auto number = [&](const char* key) {
        const auto found = config.find(key);
        return found == config.end() ? 0 : number_of(*found, path + "." + key, 0, 1'000'000'000);
    };
    out.batch_size = number("batch_size");
    out.parallelism = number("parallelism");
    out.cursor_field = optional_text(config, "cursor_field", path);
    out.worker_template = optional_text(config, "worker_template", path);
    out.failure_strategy = optional_text(config, "failure_strategy", path);
    return out;
}

EventDeclaration declaration_of(const Json& declaration, const std::string& path) {
    require_object(declaration, path);
    EventDeclaration out;
    out.name = text_of(declaration, "name", path);
    if (const std::string text = optional_text(declaration, "condition", path); !text.empty()) {
        const auto condition = event_condition(text);
        if (!condition) refuse(path + ".condition", "is unknown: '" + text + "'");
        out.condition = *condition;
    }
    if (const std::string text = optional_text(declaration, "delivery_mode", path); !text.empty()) {
        const auto mode = delivery_mode(text);
        if (!mode) refuse(path + ".delivery_mode", "is unknown: '" + text + "'");
        out.delivery = *mode;
    }
    if (const auto schema = declaration.find("schema"); schema != declaration.end() && !schema->is_null()) {
        out.schema_json = schema->dump();
        out.schema = std::make_shared<const InputSchema>(out.schema_json);
    }
    out.publisher = optional_text(declaration, "publisher", path);
    return out;
}

StepTemplate step_of(const Json& step, const std::string& path) {
    StepTemplate out;
    out.name = text_of(step, "name", path);
    out.description = optional_text(step, "description", path);
    const Json& handler = step["handler"];
    out.handler.callable = text_of(handler, "callable", path + ".handler");
    out.handler.method = optional_text(handler, "method", path + ".handler");
    out.handler.resolver = optional_text(handler, "resolver", path + ".handler");
    require_object(handler["initialization"], path + ".handler.initialization");
    out.handler.initialization_json = handler["initialization"].dump();
    if (!step["dependencies"].is_array()) refuse(path + ".dependencies", "is not a list");
    for (const Json& dependency : step["dependencies"]) {
        if (!dependency.is_string()) refuse(path + ".dependencies", "has an item that is not a string");
        out.dependencies.push_back(dependency.get<std::string>());
    }
    out.retry = retry_of(step["retry"], path + ".retry");
    if (!step["timeout_seconds"].is_null()) {
        out.timeout_ms =
            number_of(step["timeout_seconds"], path + ".timeout_seconds", 0, 4'294'967'295) * 1000;
    }
    const auto type = step_type(text_of(step, "type", path));
    if (!type) refuse(path + ".type", "is unknown: " + step["type"].dump());
    out.type = *type;
    if (!step["batch_config"].is_null()) out.batch = batch_of(step["batch_config"], path + ".batch_config");
    const Json& events = step["publishes_events"];
    if (!events.is_array()) refuse(path + ".publishes_events", "is not a list");
    for (std::size_t i = 0; i < events.size(); ++i) {
        auto declaration = declaration_of(events[i], path + ".publishes_events[" + std::to_string(i) + "]");
        // Of two declarations of one event the later one counts.
        std::erase_if(out.publishes, [&](const auto& earlier) { return earlier.name == declaration.name; });
        out.publishes.push_back(std::move(declaration));
    }
    out.definition_json = step.dump();
    return out;
}

Lifecycle lifecycle_of(const Json& lifecycle) {
    Lifecycle out;
    if (lifecycle.is_null()) return out;
    require_object(lifecycle, "lifecycle");
    const auto minutes = [&](const char* key, std::optional<std::int64_t>& target) {
        const auto found = lifecycle.find(key);
        if (found == lifecycle.end() || found->is_null()) return;
        target = number_of(*found, std::string("lifecycle.") + key, 0, kMaxMinutes);
    };
    minutes("max_waiting_for_dependencies_minutes", out.max_waiting_for_dependencies);
    minutes("max_waiting_for_retry_minutes", out.max_waiting_for_retry);
    minutes("max_steps_in_process_minutes", out.max_steps_in_process);
    minutes("max_duration_minutes", out.max_duration);
    if (std::string action = optional_text(lifecycle, "staleness_action", "lifecycle"); !action.empty())
        out.staleness_action = std::move(action);
    return out;
}

void check_graph(TaskTemplate& out) {
    std::unordered_map<std::string_view, std::size_t> names;
    for (const StepTemplate& step : out.steps) {
        if (!names.emplace(step.name, names.size()).second)
            refuse("steps", "has two named '" + step.name + "'");
    }
    for (const StepTemplate& step : out.steps) {
        for (const std::string& dependency : step.dependencies) {
            if (!names.contains(dependency)) {
                refuse("step '" + step.name + "'", "depends on '" + dependency + "', which does not exist");
            }
        }
    }
    if (const auto cycle = link_graph(out)) refuse("steps", "has the dependency cycle " + *cycle);
}

// Follows unfinished dependencies from a step of a cycle or behind one until a step comes up again.
std::string cycle_path(const TaskTemplate& task_template, const std::vector<bool>& done) {
    std::size_t at = 0;
    while (done[at]) ++at;
    std::vector<std::size_t> trail;
    std::vector<bool> seen(done.size(), false);
    while (!seen[at]) {
        seen[at] = true;
        trail.push_back(at);
        // A step that is not done has a dependency that is not done.
        for (const std::size_t next : task_template.steps[at].dependency_ids) {
            if (!done[next]) {
                at = next;
                break;
            }
        }
    }
    auto from = std::find(trail.begin(), trail.end(), at);
    std::rotate(from, std::min_element(from, trail.end()),
                trail.end());  // the same cycle always reads the same
    std::string text;
    for (auto step = from; step != trail.end(); ++step) text += task_template.steps[*step].name + " -> ";
    return text + task_template.steps[*from].name;
}

void link_names(TaskTemplate& task_template) {
    std::unordered_map<std::string_view, std::size_t> index;
    auto& steps = task_template.steps;
    for (std::size_t i = 0; i < steps.size(); ++i) {
        index.emplace(steps[i].name, i);
        steps[i].dependency_ids.clear();
        steps[i].dependent_ids.clear();
        steps[i].ancestor_ids.clear();
    }
    for (std::size_t i = 0; i < steps.size(); ++i) {
        auto& ids = steps[i].dependency_ids;
        for (const std::string& name : steps[i].dependencies) {
            const auto found = index.find(name);
            // A name that is said twice counts once: the parent's last dependent is this step already.
            if (found == index.end()) continue;
            const auto& dependents = steps[found->second].dependent_ids;
            if (!dependents.empty() && dependents.back() == i) continue;
            ids.push_back(found->second);
            steps[found->second].dependent_ids.push_back(i);
        }
    }
}

}  // namespace

std::string_view name(IdentityStrategy strategy) { return name_in(kStrategies, strategy); }
std::optional<IdentityStrategy> identity_strategy(std::string_view name) {
    return value_in(kStrategies, name);
}

std::string_view name(StepType type) { return name_in(kStepTypes, type); }
std::optional<StepType> step_type(std::string_view name) { return value_in(kStepTypes, name); }
std::optional<EventCondition> event_condition(std::string_view name) { return value_in(kConditions, name); }
std::string_view name(DeliveryMode mode) { return name_in(kDeliveries, mode); }
std::optional<DeliveryMode> delivery_mode(std::string_view name) { return value_in(kDeliveries, name); }

std::optional<std::size_t> TaskTemplate::find_step(std::string_view step_name) const {
    const auto found = std::find_if(steps.begin(), steps.end(),
                                    [&](const StepTemplate& step) { return step.name == step_name; });
    if (found == steps.end()) return std::nullopt;
    return static_cast<std::size_t>(found - steps.begin());
}

std::optional<std::string> link_graph(TaskTemplate& task_template) {
    link_names(task_template);
    auto& steps = task_template.steps;
    std::vector<std::size_t> waiting(steps.size());
    std::vector<std::size_t> order;
    std::vector<bool> done(steps.size(), false);
    for (std::size_t i = 0; i < steps.size(); ++i) {
        waiting[i] = steps[i].dependency_ids.size();
        if (waiting[i] == 0) order.push_back(i);
    }
    // A bit for each step, whole words at a time: a template may have a thousand steps and every edge between them.
    constexpr std::size_t kBits = 64;
    const std::size_t words = (steps.size() + kBits - 1) / kBits;
    std::vector<std::vector<std::uint64_t>> ancestors(steps.size(), std::vector<std::uint64_t>(words));
    for (std::size_t next = 0; next < order.size(); ++next) {
        const std::size_t at = order[next];
        done[at] = true;
        for (const std::size_t parent : steps[at].dependency_ids) {
            ancestors[at][parent / kBits] |= std::uint64_t{1} << (parent % kBits);
            for (std::size_t i = 0; i < words; ++i) ancestors[at][i] |= ancestors[parent][i];
        }
        for (std::size_t i = 0; i < words; ++i) {
            for (std::uint64_t left = ancestors[at][i]; left != 0; left &= left - 1)
                steps[at].ancestor_ids.push_back(i * kBits +
                                                 static_cast<std::size_t>(std::countr_zero(left)));
        }
        for (const std::size_t child : steps[at].dependent_ids) {
            if (--waiting[child] == 0) order.push_back(child);
        }
    }
    if (order.size() == steps.size()) return std::nullopt;
    return cycle_path(task_template, done);
}

TaskTemplate template_from_json(std::string_view definition_json) {
    Json document = parse_definition(definition_json);
    fill_template(document);
    TaskTemplate out;
    out.namespace_name = text_of(document, "namespace_name", "");
    out.name = text_of(document, "name", "");
    out.version = text_of(document, "version", "");
    out.description = optional_text(document, "description", "");
    const auto strategy = identity_strategy(text_of(document, "identity_strategy", ""));
    if (!strategy) refuse("identity_strategy", "is unknown: " + document["identity_strategy"].dump());
    out.identity = *strategy;
    if (!document["input_schema"].is_null()) {
        out.input_schema_json = document["input_schema"].dump();
        out.input_schema = std::make_shared<const InputSchema>(out.input_schema_json);
    }
    out.lifecycle = lifecycle_of(document["lifecycle"]);
    const Json& steps = document["steps"];
    for (std::size_t i = 0; i < steps.size(); ++i) {
        out.steps.push_back(step_of(steps[i], "steps[" + std::to_string(i) + "]"));
    }
    check_graph(out);
    out.definition_json = document.dump();
    return out;
}

void canonicalise(TaskTemplate& task_template, std::string definition_json) {
    Json document = parse_definition(definition_json);
    fill_template(document);
    if (document["steps"].size() != task_template.steps.size())
        refuse("steps", "does not match the template");
    for (std::size_t i = 0; i < task_template.steps.size(); ++i) {
        task_template.steps[i].definition_json = document["steps"][i].dump();
    }
    task_template.definition_json = document.dump();
}

}  // namespace tasker::host
