#pragma once
// What a worker says of itself when it starts: the seed's lines, then ours. Secrets are never shown.

#include <string>
#include <string_view>

#include "host/config/config.hpp"
#include "host/logging/logger.hpp"

namespace tasker::host {

inline constexpr std::string_view kRuler = "============================================================";

void show_banner(const LoadedConfig& config, const std::string& version, const Logger& log);

}  // namespace tasker::host
