#pragma once
// Templates against what plugins declare, without loading them: a registry that answers as that of a worker would, and whose
// handlers cannot be called.

#include <vector>

#include "host/registry/handler_registry.hpp"
#include "host/scan/plugin_scan.hpp"

namespace tasker::host {

// Of the usable files. What a plugin's resolver would answer is not known: every callable that fits its prefix or pattern
// counts as found, with all methods of that plugin.
HandlerRegistry declared_registry(const std::vector<ScannedFile>& files);

}  // namespace tasker::host
