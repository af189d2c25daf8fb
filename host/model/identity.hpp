#pragma once
// Which submissions are the same. Pure.

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "host/model/task_request.hpp"
#include "host/model/task_template.hpp"

namespace tasker::host {

// The context's limits (orchestration.md part 5): object, 1 MiB, depth 10, 1000 keys or items, 10,000-byte strings.
// Nothing when it keeps them, else the rule broken, in words.
std::optional<std::string> context_fault(std::string_view context_json);

// The context with object keys sorted at every level and no insignificant blanks. Precondition: context_fault is empty.
std::string canonical_json(std::string_view json);

// The identity of a submission, 32 bytes: of the caller's key (per template name) when there is one, else of the
// canonical context. Nothing for always_unique without a key. Precondition: a key is present for caller_provided.
std::optional<std::string> identity_hash(const TaskTemplate& task_template, const TaskRequest& request);

}  // namespace tasker::host
