#pragma once
// The store's schema as numbered migrations. What each table holds is said beside it in schema.cpp.

#include <cstdint>

#include "host/core/clock.hpp"
#include "host/core/random.hpp"

namespace tasker::host {

class SqlConnection;

inline constexpr std::int64_t kApplicationId = 0x54534B52;  // "TSKR"
inline constexpr int kSchemaVersion = 3;

// Runs the migrations that are missing, one transaction each. Throws SqlError.
void migrate(SqlConnection& connection, const Clock& clock, Random& random);

}  // namespace tasker::host
