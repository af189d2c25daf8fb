#pragma once
// JSON for authors. Only text crosses the boundary of a plugin; this library stays on the author's side.

#include <cstdint>
#include <nlohmann/json.hpp>

namespace tasker {

using json = nlohmann::json;

// A key of a JSON object has three states, and no accessor of StepContext mixes them up.
enum class Presence : std::uint8_t {
    Missing,  // no such key
    Null,     // the key is there, its value is null
    Present,  // the key is there with a value
};

}  // namespace tasker
