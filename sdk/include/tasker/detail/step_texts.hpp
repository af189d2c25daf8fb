#pragma once
// The texts of one step, parsed when first asked for and kept until the call ends. Not thread-safe.

#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "tasker/abi.h"
#include "tasker/detail/convert.hpp"
#include "tasker/detail/text.hpp"

namespace tasker::detail {

// Malformed text can only come from a broken host or input; trying again reads the same text.
inline json parse(std::string_view text, std::string_view what) {
    auto value = json::parse(text, nullptr, false);
    if (value.is_discarded())
        throw ValidationError(std::string(what) + " is not valid JSON", "MALFORMED_JSON");
    return value;
}

// One text and its parsed form.
class LazyJson {
  public:
    // Absent, empty and null become {}.
    const json& object(std::string_view text, std::string_view what) {
        if (!value_) {
            auto parsed = text.empty() ? json::object() : parse(text, what);
            value_ = parsed.is_null() ? json::object() : std::move(parsed);
        }
        return *value_;
    }

  private:
    std::optional<json> value_;
};

class StepTexts {
  public:
    StepTexts(const tasker_step_v0& step, tasker_call* call) noexcept : step_(step), call_(call) {}

    // nullopt: this step does not have it. The text lives until call() returns.
    std::optional<std::string_view> get(const std::string& key) const {
        tasker_str out{};
        if (!TASKER_HAS(step_.api, get)) return std::nullopt;
        const std::int32_t status = step_.api->get(call_, key.c_str(), &out);
        if (status == TASKER_E_NOT_FOUND) return std::nullopt;
        if (status == TASKER_E_NOMEM) throw std::bad_alloc{};
        if (status != TASKER_OK) {
            throw std::runtime_error("the host refused to read '" + key + "' (status " +
                                     std::to_string(status) + ")");
        }
        return view(out);
    }

    const json& context() { return context_.object(view(step_.context_json), "task input"); }
    const json& config() { return config_.object(view(step_.config_json), "step configuration"); }
    const json& inputs() { return inputs_.object(view(step_.inputs_json), "step inputs"); }
    const json& batch() { return batch_.object(view(step_.batch_json), "batch cursor"); }
    const json& checkpoint() { return checkpoint_.object(view(step_.checkpoint_json), "checkpoint"); }

    // Sorted, whatever order the host has them in.
    const std::vector<std::string>& dependency_names() {
        if (!names_) {
            std::vector<std::string> names;
            if (const auto text = get("dep_names")) {
                names =
                    convert<std::vector<std::string>>(parse(*text, "dep_names"), {"host value", "dep_names"});
            }
            std::sort(names.begin(), names.end());
            names_ = std::move(names);
        }
        return *names_;
    }

    // The stored envelope of an ancestor; nullptr when there is none.
    const json* dependency(std::string_view name) {
        auto found = dependencies_.find(name);
        if (found == dependencies_.end()) {
            const auto text = get("dep." + std::string(name));
            std::optional<json> envelope;
            if (text) envelope = parse(*text, "result of dependency '" + std::string(name) + "'");
            found = dependencies_.emplace(std::string(name), std::move(envelope)).first;
        }
        return found->second ? &*found->second : nullptr;
    }

  private:
    const tasker_step_v0& step_;
    tasker_call* call_;
    LazyJson context_, config_, inputs_, batch_, checkpoint_;
    std::optional<std::vector<std::string>> names_;
    std::map<std::string, std::optional<json>, std::less<>> dependencies_;
};

// An envelope has its payload under `result`; exactly one level is taken off.
inline const json& unwrap(const json& envelope) {
    if (!envelope.is_object()) return envelope;
    const auto found = envelope.find("result");
    return found == envelope.end() ? envelope : *found;
}

}  // namespace tasker::detail
