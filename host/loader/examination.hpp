#pragma once
// Everything that is found out about a plugin file before a byte of its code runs: permissions, content, ELF, notes.

#include <filesystem>
#include <string>

#include "host/core/error.hpp"
#include "host/loader/file_trust.hpp"
#include "host/loader/plugin_cache.hpp"
#include "host/loader/plugin_notes.hpp"
#include "host/loader/plugin_set.hpp"

namespace tasker::host {

// Reads and checks an opened file; fills `report` as far as it gets. Throws PluginError.
PluginNotes examine_plugin(const TrustedFile& file, PluginReport& report, PluginBytes& bytes);

// The reason of an error with what to do about it.
std::string with_hint(const Error& error);
// Sets state and reason, and forgets what the file would have offered.
void reject_report(PluginReport& report, const std::string& reason);
void forget_offers(PluginReport& report);

}  // namespace tasker::host
