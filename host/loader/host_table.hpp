#pragma once
// What a plugin may ask of the host outside of a step: tasker_host_v0. One table a loaded plugin. It outlives
// everything, so a thread that a plugin forgot to join meets a closed table, not freed memory.

#include <tasker/abi.h>

#include <string>

#include "host/logging/logger.hpp"

namespace tasker::host {

struct HostFacts {
    std::string namespace_name, worker_id;
    Logger log;
};

class HostTable {
  public:
    // Lives until the process ends.
    static HostTable& make(HostFacts facts);

    const tasker_host_v0* table() const;
    // Once the plugin's id is known: its configuration section, and its name on what it logs.
    void open(const std::string& plugin_id, std::string config_json);
    // The plugin was shut down: logs go nowhere, the configuration is empty.
    void close();

  private:
    struct State;
    explicit HostTable(State* state) : state_(state) {}
    State* state_;
};

LogLevel level_of_plugin(int32_t level);
// Copies what a plugin logs, bounded and as valid UTF-8.
LogFields fields_of_plugin(const tasker_kv* fields, size_t count);

}  // namespace tasker::host
