#pragma once
// What must not reach a log: secrets known to the host, and passwords in URLs and connection strings.

#include <string>
#include <string_view>
#include <vector>

namespace tasker::host {

// `secrets` in the order given: pass longer ones first when one may contain another. Empty ones are ignored.
std::string redact(std::string_view text, const std::vector<std::string>& secrets);

}  // namespace tasker::host
