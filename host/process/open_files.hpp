#pragma once
// The limit on open files of this process.

namespace tasker::host {

// A soft limit that is too low for a worker is raised as far as the hard one allows, to 1024 at most: plugins may use
// select(). Throws BootstrapError when the hard limit is too low as well. Call it before any other thread was started.
void ensure_open_files();

}  // namespace tasker::host
