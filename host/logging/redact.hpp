#pragma once
// What must not reach a log: secrets known to the host, and passwords in URLs and connection strings.

#include <string>
#include <string_view>
#include <vector>

namespace tasker::host {

// `secrets` in the order given: pass longer ones first when one may contain another. Empty ones are ignored.
std::string redact(std::string_view text, const std::vector<std::string>& secrets);

// The value of a field with such a name is not for a log: password, token, authorization, ...
bool names_a_secret(std::string_view key);

}  // namespace tasker::host
