#include "handlers.hpp"

using namespace conditional_approval;

TASKER_PLUGIN("conditional_approval", "1.0.0", ValidateRequest, RouteRequest, AutoApprove, AskManager,
              AskFinance, FinalizeApproval);
