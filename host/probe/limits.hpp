#pragma once
// What the probe takes from itself before it loads foreign code. Main thread, once; what the kernel does not offer is left
// out: the probe guards against careless plugins, it is no sandbox.

namespace tasker::host {

// Ends with whoever started it; little memory, time and descriptors; no core dump, no new privileges, no process group but
// this one (so that a kill of the group reaches whatever it starts), no network, no writing to files. False when whoever
// started it is gone already.
bool limit_process();

}  // namespace tasker::host
