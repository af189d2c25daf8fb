#include "@NAME@.hpp"

TASKER_PLUGIN("@NAME@", "1.0.0", @CLASS@);
