// expect: TASKER_PLUGIN needs at least one handler class
#include <tasker/sdk.hpp>
#ifdef FIXED
using A = tasker::function_handler<"a", [] {}>;
TASKER_PLUGIN("id", "1.0.0", A);
#else
TASKER_PLUGIN("id", "1.0.0");
#endif
