#pragma once
// Strict conversion of JSON values: a value of the wrong type is an error, never a surprise.

#include <cmath>
#include <concepts>
#include <cstdint>
#include <limits>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <vector>

#include "tasker/errors.hpp"
#include "tasker/json.hpp"

namespace tasker::detail {

// An element on the way into a value: list[3], map.key. Lives on the stack of the conversion.
struct PathStep {
    const PathStep* up;
    std::string_view key;  // empty: an index
    std::size_t index;
};

// Which value is being read, for the message: input 'number', input 'list[3].key'.
struct Where {
    std::string_view what, name;
    const PathStep* path = nullptr;

    std::string full_name() const {
        std::string inner;
        for (const PathStep* step = path; step != nullptr; step = step->up) {
            inner.insert(0, step->key.empty() ? "[" + std::to_string(step->index) + "]"
                                              : "." + std::string(step->key));
        }
        return std::string(name) + inner;
    }
    std::string text() const { return std::string(what) + " '" + full_name() + "'"; }
};

inline std::string_view type_name(const json& value) {
    if (value.is_number_integer()) return "integer";
    return value.type_name();  // null, boolean, number, string, array, object
}

[[noreturn]] inline void wrong_type(const Where& where, std::string_view expected, std::string_view found) {
    throw ValidationError(
        where.text() + ": expected " + std::string(expected) + ", found " + std::string(found), "WRONG_TYPE",
        {{"field", where.full_name()}, {"expected", expected}, {"found", found}});
}

[[noreturn]] inline void missing_value(const Where& where, Presence presence) {
    const std::string_view found = presence == Presence::Null ? "null" : "missing";
    throw ValidationError(where.text() + " is required and is " + std::string(found), "MISSING_VALUE",
                          {{"field", where.full_name()}, {"found", found}});
}

// A member of an object is not what a from_json() needs. Which object that was only the reader above it knows: each adds
// its name, and the outermost makes the ValidationError. Not for authors.
class FieldFault {
  public:
    FieldFault(std::string path, std::string expected, std::string found)
        : path_(std::move(path)), expected_(std::move(expected)), found_(std::move(found)) {}

    [[noreturn]] void raise(const Where& where) const {
        const std::string name = where.full_name() + (path_.empty() ? "" : ".") + path_;
        const Where whole{where.what, name};
        if (expected_.empty()) missing_value(whole, found_ == "null" ? Presence::Null : Presence::Missing);
        wrong_type(whole, expected_, found_);
    }

  private:
    std::string path_, expected_, found_;
};

// JSON knows one kind of number: 6.0 is the integer 6, 6.5 is none.
template <class T>
T convert_integer(const json& value, const Where& where) {
    constexpr double kExact = 9007199254740992.0;  // 2^53: beyond it a double no longer names one integer
    if (value.is_number_unsigned()) {
        const auto number = value.get<std::uint64_t>();
        if (std::in_range<T>(number)) return static_cast<T>(number);
    } else if (value.is_number_integer()) {
        const auto number = value.get<std::int64_t>();
        if (std::in_range<T>(number)) return static_cast<T>(number);
    } else if (value.is_number_float()) {
        const auto number = value.get<double>();
        if (std::trunc(number) != number) wrong_type(where, "integer", "number");
        if (std::abs(number) <= kExact && std::in_range<T>(static_cast<std::int64_t>(number))) {
            return static_cast<T>(number);
        }
    } else {
        wrong_type(where, "integer", type_name(value));
    }
    wrong_type(where,
               "integer from " + std::to_string(std::numeric_limits<T>::min()) + " to " +
                   std::to_string(std::numeric_limits<T>::max()),
               value.dump());
}

template <class T>
struct IsVector : std::false_type {};
template <class T>
struct IsVector<std::vector<T>> : std::true_type {};

template <class T>
struct IsStringMap : std::false_type {};
template <class T>
struct IsStringMap<std::map<std::string, T>> : std::true_type {};

template <class T>
concept ReadsFromJson = requires(const json& value) {
    { value.template get<T>() } -> std::same_as<T>;
};

// T: json, bool, an integer, a floating type, std::string, std::vector and std::map<std::string, T> of these, or any
// type with a from_json(). Throws ValidationError.
template <class T>
T convert(const json& value, const Where& where) {
    if constexpr (std::same_as<T, json>) {
        return value;
    } else if constexpr (std::same_as<T, bool>) {
        if (!value.is_boolean()) wrong_type(where, "boolean", type_name(value));
        return value.get<bool>();
    } else if constexpr (std::integral<T>) {
        return convert_integer<T>(value, where);
    } else if constexpr (std::floating_point<T>) {
        if (!value.is_number()) wrong_type(where, "number", type_name(value));
        return value.get<T>();
    } else if constexpr (std::same_as<T, std::string>) {
        if (!value.is_string()) wrong_type(where, "string", type_name(value));
        return value.get<std::string>();
    } else if constexpr (IsVector<T>::value) {
        if (!value.is_array()) wrong_type(where, "array", type_name(value));
        T items;
        items.reserve(value.size());
        for (std::size_t i = 0; i < value.size(); ++i) {
            const PathStep here{where.path, {}, i};
            items.push_back(convert<typename T::value_type>(value[i], {where.what, where.name, &here}));
        }
        return items;
    } else if constexpr (IsStringMap<T>::value) {
        if (!value.is_object()) wrong_type(where, "object", type_name(value));
        T items;
        for (const auto& [key, item] : value.items()) {
            const PathStep here{where.path, key, 0};
            items.emplace(key, convert<typename T::mapped_type>(item, {where.what, where.name, &here}));
        }
        return items;
    } else if constexpr (!ReadsFromJson<T>) {
        static_assert(ReadsFromJson<T>,
                      "a value is read as bool, an integer, a floating type, std::string, std::vector<T> or "
                      "std::map<std::string, T> of these, tasker::json, or a type with a from_json()");
    } else {
        try {
            return value.get<T>();
        } catch (const json::exception& error) {
            throw ValidationError(where.text() + ": " + error.what(), "WRONG_TYPE",
                                  {{"field", where.full_name()}});
        } catch (const FieldFault& fault) {  // of a from_json() that TASKER_FIELDS made
            fault.raise(where);
        }
    }
}

// What a default of type T is stored as: a literal becomes a string.
template <class T>
using Stored = std::conditional_t<std::is_convertible_v<T, std::string_view>, std::string, T>;

inline Presence presence(const json& object, std::string_view key) {
    if (!object.is_object()) return Presence::Missing;
    const auto found = object.find(key);
    if (found == object.end()) return Presence::Missing;
    return found->is_null() ? Presence::Null : Presence::Present;
}

// nullopt: missing or null.
template <class T>
std::optional<T> read(const json& object, const Where& where) {
    if (presence(object, where.name) != Presence::Present) return std::nullopt;
    return convert<T>(*object.find(where.name), where);
}

template <class T>
T require(const json& object, const Where& where) {
    const auto state = presence(object, where.name);
    if (state != Presence::Present) missing_value(where, state);
    return convert<T>(*object.find(where.name), where);
}

template <class T>
struct IsOptional : std::false_type {};
template <class T>
struct IsOptional<std::optional<T>> : std::true_type {};

inline void require_object(const json& value) {
    if (!value.is_object()) throw FieldFault({}, "object", std::string(type_name(value)));
}

// A member of a struct that TASKER_FIELDS names; an optional one may be missing or null.
template <class T>
void read_field(const json& object, std::string_view key, T& to) {
    try {
        if constexpr (IsOptional<T>::value) {
            to = read<typename T::value_type>(object, {{}, key});
        } else {
            to = require<T>(object, {{}, key});
        }
    } catch (const ValidationError& error) {
        // Its name begins with the key.
        const auto said = [&](const char* what) { return error.metadata().value(what, std::string{}); };
        throw FieldFault(said("field"), said("expected"), said("found"));
    }
}

}  // namespace tasker::detail
