// expect: the plugin's version must be 1 to 64 characters of [A-Za-z0-9.+-], like 1.0.0
#include <tasker/sdk.hpp>
using A = tasker::function_handler<"a", [] {}>;
#ifdef FIXED
TASKER_PLUGIN("id", "1.0.0-rc.1+build", A);
#else
TASKER_PLUGIN("id", "1.0 \"final\"", A);
#endif
