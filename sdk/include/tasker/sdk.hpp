#pragma once
// The C++ SDK: everything a plugin needs. Header-only; nothing of it crosses the boundary of the plugin (abi.h does).

#include "tasker/abi.h"
#include "tasker/errors.hpp"
#include "tasker/export.hpp"
#include "tasker/function_handler.hpp"
#include "tasker/json.hpp"
#include "tasker/logging.hpp"
#include "tasker/step_context.hpp"
#include "tasker/step_handler.hpp"
#include "tasker/step_result.hpp"
#include "tasker/values.hpp"
