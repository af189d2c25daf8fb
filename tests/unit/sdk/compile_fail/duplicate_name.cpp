// expect: two handlers of this plugin have the same handler_name
#include <tasker/sdk.hpp>
using A = tasker::function_handler<"same", [] {}>;
#ifdef FIXED
using B = tasker::function_handler<"other", [] { return 1; }>;
#else
using B = tasker::function_handler<"same", [] { return 1; }>;
#endif
TASKER_PLUGIN("id", "1.0.0", A, B);
