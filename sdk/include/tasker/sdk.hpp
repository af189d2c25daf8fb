#pragma once
// The C++ SDK: everything a plugin needs. Header-only; nothing of it crosses the boundary of the plugin (abi.h does).

#include "tasker/abi.h"
#include "tasker/batch.hpp"
#include "tasker/decision_handler.hpp"
#include "tasker/domain_event.hpp"
#include "tasker/errors.hpp"
#include "tasker/export.hpp"
#include "tasker/function_handler.hpp"
#include "tasker/json.hpp"
#include "tasker/logging.hpp"
#include "tasker/publisher.hpp"
#include "tasker/resolver.hpp"
#include "tasker/step_context.hpp"
#include "tasker/step_handler.hpp"
#include "tasker/step_result.hpp"
#include "tasker/subscriber.hpp"
#include "tasker/values.hpp"
