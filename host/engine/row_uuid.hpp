#pragma once
// UUIDs of tasks and steps are not stored: they are made from the row id, the creation time and a secret number of the
// store, as valid version 7 UUIDs. Looking one up takes the row id out again and checks it, so neither a column nor an
// index is needed, and a made-up UUID is refused without touching the store. Pure.

#include <cstdint>
#include <optional>

#include "host/core/uuid.hpp"

namespace tasker::host {

enum class RowKind : std::uint8_t { Task = 1, Step = 2, Correlation = 3, Dlq = 4 };

struct UuidRow {
    std::int64_t id = 0;          // below 2^40
    std::int64_t created_ms = 0;  // compare with the row's
};

class RowUuid {
  public:
    explicit RowUuid(std::uint64_t salt = 0) : salt_(salt) {}
    Uuid make(RowKind kind, std::int64_t created_ms, std::int64_t row_id) const;
    std::optional<UuidRow> parse(RowKind kind, const Uuid& uuid) const;

  private:
    std::uint64_t salt_;
};

}  // namespace tasker::host
