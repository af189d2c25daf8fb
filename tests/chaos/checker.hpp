#pragma once
// Did the host keep its promises? Judges a stopped store and the handlers' ledger by reading both, sharing no code with
// the host. Every broken rule is one line that begins with the rule's name.

#include <cstdint>
#include <filesystem>
#include <map>
#include <string>
#include <vector>

namespace tasker::chaos {

struct Submissions {
    std::map<std::string, std::string> accepted;  // the context's key -> task UUID that was acknowledged
    std::vector<std::string> maybe;               // keys whose answer was lost: stored or not, never twice
};

struct Evidence {
    std::filesystem::path store;
    std::filesystem::path ledger;
    Submissions submissions;
    std::int64_t kills = 0;
    std::int64_t slots = 0;  // steps that one kill may have cut short
};

struct Verdict {
    std::vector<std::string> faults;
    std::int64_t tasks = 0, steps = 0, runs = 0, extra_runs = 0, lost_claims = 0, retries = 0;
};

Verdict check(const Evidence& evidence);

}  // namespace tasker::chaos
