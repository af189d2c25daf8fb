#pragma once
// Reading nested objects with the three cases of StepContext's accessors:
//
//   for (const auto& item : context.require_input<std::vector<json>>("items")) {
//       const auto sku = tasker::require_value<std::string>(item, "sku", "items[].sku");
//
// `path` is what the message and the failure's metadata call the value; empty means the key.

#include <optional>
#include <string_view>

#include "tasker/detail/convert.hpp"
#include "tasker/json.hpp"

namespace tasker {

// Missing: no such key, or `object` is no object.
inline Presence value_state(const json& object, std::string_view key) {
    return detail::presence(object, key);
}

// nullopt: missing or null. Throws ValidationError: wrong type.
template <class T = json>
std::optional<T> get_value(const json& object, std::string_view key, std::string_view path = {}) {
    if (detail::presence(object, key) != Presence::Present) return std::nullopt;
    return detail::convert<T>(*object.find(key), {"value", path.empty() ? key : path});
}

// The default: missing or null. Throws ValidationError: wrong type.
template <class T>
detail::Stored<T> get_value_or(const json& object, std::string_view key, T fallback,
                               std::string_view path = {}) {
    return get_value<detail::Stored<T>>(object, key, path).value_or(detail::Stored<T>(std::move(fallback)));
}

// Throws ValidationError: missing, null, wrong type.
template <class T = json>
T require_value(const json& object, std::string_view key, std::string_view path = {}) {
    const auto state = detail::presence(object, key);
    const detail::Where where{"value", path.empty() ? key : path};
    if (state != Presence::Present) detail::missing_value(where, state);
    return detail::convert<T>(*object.find(key), where);
}

}  // namespace tasker
