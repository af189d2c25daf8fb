#pragma once
// How a worker is bootstrapped by a configuration. The event system is not started by it.

#include "host/config/config.hpp"
#include "host/model/template_catalog.hpp"
#include "host/worker/worker.hpp"

namespace tasker::host {

// How it works, whatever it serves: what a one-shot run takes from the configuration as well.
BootstrapConfig worker_settings(const Config& config);
BootstrapConfig bootstrap_config(const Config& config, const TemplateCatalog& catalog);

}  // namespace tasker::host
