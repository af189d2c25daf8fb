#include "host/worker/store_location.hpp"

#include <string_view>
#include <system_error>

#include "host/core/error.hpp"
#include "host/logging/sinks.hpp"

namespace tasker::host {

namespace {
constexpr std::string_view kSqlite = "sqlite:///";

bool starts_with_any(std::string_view text, std::initializer_list<std::string_view> prefixes) {
    for (const std::string_view prefix : prefixes) {
        if (text.substr(0, prefix.size()) == prefix) return true;
    }
    return false;
}

std::filesystem::path choose(const std::string& store, const std::string& database_url,
                             const std::string& state_dir) {
    if (starts_with_any(database_url, {"postgresql:", "postgres:"})) {
        throw BootstrapError("this build has no PostgreSQL runtime: " + redact_urls(database_url),
                             "unset DATABASE_URL or set it to sqlite:///PATH to use the embedded engine");
    }
    if (!store.empty()) return store;
    if (starts_with_any(database_url, {kSqlite})) return "/" + database_url.substr(kSqlite.size());
    if (!database_url.empty()) {
        throw BootstrapError("the database URL is not understood: " + redact_urls(database_url),
                             "use sqlite:///PATH, or leave it empty for the store in the state directory");
    }
    if (state_dir.empty()) {
        throw BootstrapError("no place for the store is known", "set `state_dir` or `store`");
    }
    return std::filesystem::path(state_dir) / "tasker.db";
}
}  // namespace

std::filesystem::path locate_store(const std::string& store, const std::string& database_url,
                                   const std::string& state_dir) {
    const std::filesystem::path path = choose(store, database_url, state_dir);
    const std::filesystem::path folder = path.parent_path();
    std::error_code problem;
    if (folder.empty() || std::filesystem::is_directory(folder, problem)) return path;
    if (std::filesystem::create_directories(folder, problem); problem) {
        throw BootstrapError("cannot make the folder " + folder.string() + ": " + problem.message(),
                             "make it yourself, writable for this user, or choose another one");
    }
    std::filesystem::permissions(folder, std::filesystem::perms::owner_all, problem);
    return path;
}

}  // namespace tasker::host
