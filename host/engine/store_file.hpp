#pragma once
// The store as a file: looked at before anything is opened for writing, created whole or not at all, opened, closed.

#include <cstdint>
#include <filesystem>
#include <string>

#include "host/core/clock.hpp"
#include "host/core/random.hpp"
#include "host/engine/engine.hpp"
#include "host/engine/sqlite.hpp"

namespace tasker::host {

// Opens the writing connection, creating or migrating the store. The file is examined read-only first, so a refused
// store is left as it was. Throws StoreRefused or BootstrapError.
SqlConnection open_store(const EngineOptions& options, const Clock& clock, Random& random);

// A connection for readers. The writing connection must be open and outlive it.
SqlConnection open_reader(const std::filesystem::path& store);

// Marks the store as properly closed, folds the log into it and closes `writer`. Throws SqlError.
void close_store(SqlConnection& writer);
// Marks a copy as properly closed, so that it can be opened without a -wal file.
void mark_closed(SqlConnection& copy);

// Notices that the file under an open store was replaced, removed or cut.
class StoreWatch {
  public:
    explicit StoreWatch(std::filesystem::path store);
    // What is wrong; empty when it is still the same file.
    std::string fault() const;

  private:
    std::filesystem::path store_;
    std::uint64_t device_ = 0, inode_ = 0;
};

// An empty file that only its owner may read: contexts and results are nobody else's. SQLite gives the log the same
// mode. Throws filesystem_error, also when the file exists.
void make_private_file(const std::filesystem::path& path);

std::filesystem::path wal_path(const std::filesystem::path& store);

}  // namespace tasker::host
