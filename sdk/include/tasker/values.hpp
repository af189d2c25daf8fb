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

// Reads a struct from JSON with errors that name the member: after the struct, in its namespace,
//
//   struct Address { std::string street; std::optional<std::string> zip; };
//   TASKER_FIELDS(Address, street, zip)
//
// makes it a type of every accessor: context.require_dependency_result<Order>("fetch") says
// "result of dependency 'fetch.address.street': expected string, found integer". A std::optional member may be missing
// or null. At most 63 members.
#define TASKER_READ_FIELD_(NAME) tasker::detail::read_field(from, #NAME, to.NAME);
#define TASKER_FIELDS(TYPE, ...)                                                   \
    inline void from_json(const tasker::json& from, TYPE& to) {                    \
        tasker::detail::require_object(from);                                      \
        NLOHMANN_JSON_EXPAND(NLOHMANN_JSON_PASTE(TASKER_READ_FIELD_, __VA_ARGS__)) \
    }
