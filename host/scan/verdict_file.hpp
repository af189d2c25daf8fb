#pragma once
// The text of the verdict file. Pure.

#include <string>
#include <string_view>

#include "host/scan/verdict_cache.hpp"

namespace tasker::host {

inline constexpr std::size_t kMostVerdictFileBytes = std::size_t{256} << 20U;

std::string verdict_file_text(const KeptVerdicts& verdicts, const std::string& judge);

struct VerdictFile {
    KeptVerdicts verdicts;
    std::string fault;  // why it is none; then there are no verdicts
};
// Those of another judge are left out.
VerdictFile read_verdict_file(std::string_view text, const std::string& judge);

}  // namespace tasker::host
