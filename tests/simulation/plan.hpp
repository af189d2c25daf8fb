#pragma once
// The templates of one run: linear, diamond, tree, wide and mixed graphs, with retries, time-outs and identities of all
// kinds. Made from the seed.

#include <memory>
#include <vector>

#include "host/model/task_template.hpp"
#include "tests/simulation/dice.hpp"

namespace tasker::host::simulation {

inline constexpr const char* kNamespaces[] = {"sim", "aux"};
inline constexpr const char* kCallables[] = {"sim.a", "sim.b", "sim.c"};
// Of the decision's template.
inline constexpr const char* kBranches[] = {"b0", "b1", "b2"};
// One template of one step, served by nobody but the check of priorities.
inline constexpr const char* kProbe = "probe";

std::vector<TaskTemplate> make_plan(Dice& dice);

}  // namespace tasker::host::simulation
