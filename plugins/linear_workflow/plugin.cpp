#include "handlers.hpp"

using namespace linear_workflow;

TASKER_PLUGIN("linear_workflow", "1.0.0", Square, Add, Multiply, Divide);
