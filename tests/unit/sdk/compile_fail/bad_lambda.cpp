// expect: the function of a function_handler takes (tasker::StepContext&, const tasker::json&...) or (const tasker::json&...)
#include <tasker/sdk.hpp>
#ifdef FIXED
using A = tasker::function_handler<"a", [](const tasker::json&) {}, tasker::inputs<"x">>;
#else
using A = tasker::function_handler<"a", [](const tasker::json&, int*) {}, tasker::inputs<"x">>;
#endif
TASKER_PLUGIN("id", "1.0.0", A);
