#include "host/engine/store_file.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstring>
#include <fstream>
#include <string_view>
#include <system_error>

#include "host/engine/schema.hpp"

namespace tasker::host {

namespace fs = std::filesystem;

namespace {
constexpr std::uintmax_t kAlwaysChecked = std::uintmax_t{64}
                                          << 20U;  // larger files are checked after an unclean end
constexpr std::string_view kMagic{"SQLite format 3\0", 16};
constexpr std::size_t kHeaderBytes = 100;
constexpr std::size_t kUserVersionAt = 60;
constexpr std::size_t kApplicationIdAt = 68;

[[noreturn]] void refuse(const fs::path& store, const std::string& why, const std::string& hint) {
    throw StoreRefused("store '" + store.string() + "': " + why + "; it was not modified", hint);
}

// SQLite says only that a file cannot be opened; this says whether that is for want of a descriptor.
bool out_of_descriptors() {
    constexpr std::size_t kOfAStore = 4;  // the file, its log, its folder, one to spare
    std::array<int, kOfAStore> fds{};
    bool out = false;
    for (int& fd : fds) {
        fd = open("/dev/null", O_RDONLY | O_CLOEXEC);
        out = out || (fd < 0 && (errno == EMFILE || errno == ENFILE));
    }
    for (const int fd : fds) {
        if (fd >= 0) close(fd);
    }
    return out;
}

[[noreturn]] void cannot_open(const fs::path& store, const std::string& why, const std::string& hint) {
    if (out_of_descriptors()) {
        throw BootstrapError("cannot open the store '" + store.string() + "': no file descriptor is left",
                             "raise the limit on open files (ulimit -n) to 64 or more");
    }
    throw BootstrapError("cannot open the store '" + store.string() + "': " + why, hint);
}

constexpr std::string_view kRestoreHint =
    "restore a backup, or move the file away to start with an empty store";

std::int64_t big_endian(std::string_view bytes, std::size_t at) {
    std::int64_t value = 0;
    for (std::size_t i = 0; i < 4; ++i) value = value * 256 + static_cast<unsigned char>(bytes[at + i]);
    return value;
}

void check_folder(const fs::path& store) {
    const fs::path folder = store.has_parent_path() ? store.parent_path() : fs::path(".");
    std::error_code ignored;
    if (!fs::is_directory(folder, ignored)) {
        cannot_open(store, "its folder '" + folder.string() + "' does not exist",
                    "create the folder or set TASKER_STATE_DIR");
    }
    struct statfs info {};
    if (statfs(folder.c_str(), &info) == 0) {
        for (const auto network : {0x6969L, 0x517BL, 0xFF534D42L, 0xFE534D42L, 0x01021997L}) {
            if (static_cast<std::int64_t>(info.f_type) != network) continue;
            cannot_open(store, "it is on a network file system, where locks and syncs cannot be relied on",
                        "set TASKER_STATE_DIR to a folder on a local disk");
        }
    }
    if (access(folder.c_str(), W_OK | X_OK) != 0) {
        cannot_open(store, "its folder '" + folder.string() + "' is not writable: " + std::strerror(errno),
                    "set TASKER_STATE_DIR to a folder this user can write");
    }
}

std::string read_header(const fs::path& store) {
    std::string header(kHeaderBytes, '\0');
    std::ifstream file(store, std::ios::binary);
    if (!file) cannot_open(store, std::strerror(errno), "check the file's owner and permissions");
    file.read(header.data(), static_cast<std::streamsize>(header.size()));
    header.resize(static_cast<std::size_t>(file.gcount()));
    return header;
}

void check_header(const fs::path& store) {
    const std::string header = read_header(store);
    if (header.empty()) refuse(store, "the file is empty", std::string(kRestoreHint));
    if (header.size() < kHeaderBytes || header.compare(0, kMagic.size(), kMagic) != 0) {
        refuse(store, "not a SQLite database (code 26)", std::string(kRestoreHint));
    }
    if (const std::int64_t id = big_endian(header, kApplicationIdAt); id != kApplicationId) {
        refuse(store, "made by another application (application_id " + std::to_string(id) + ")",
               "choose another file name for the store");
    }
    const std::int64_t version = big_endian(header, kUserVersionAt);
    if (version < 1) refuse(store, "its header is damaged (no schema version)", std::string(kRestoreHint));
    if (version > kSchemaVersion) {
        refuse(store,
               "schema " + std::to_string(version) + ", this build supports up to " +
                   std::to_string(kSchemaVersion),
               "use a newer tasker-host");
    }
}

void check_content(const fs::path& store, bool has_wal) {
    SqlConnection look(store, has_wal ? SqlConnection::Mode::ReadOnly : SqlConnection::Mode::Immutable);
    const std::int64_t version = look.integer("PRAGMA user_version");
    if (version > kSchemaVersion) {
        refuse(store,
               "schema " + std::to_string(version) + ", this build supports up to " +
                   std::to_string(kSchemaVersion),
               "use a newer tasker-host");
    }
    const bool open = look.integer("SELECT v FROM meta WHERE k = 'open'") != 0;
    if (open && !has_wal) {
        refuse(
            store,
            "its log '" + wal_path(store).filename().string() + "' is missing, with the last changes in it",
            "put the -wal file back beside it; copy a running store only with 'store backup'");
    }
    std::error_code ignored;
    if (!open && fs::file_size(store, ignored) > kAlwaysChecked) return;
    if (const std::string fault = look.text("PRAGMA quick_check(1)"); fault != "ok") {
        refuse(store, "damaged (code 11): " + fault, std::string(kRestoreHint));
    }
}

void examine(const fs::path& store) {
    std::error_code ignored;
    if (!fs::is_regular_file(store, ignored))
        refuse(store, "not a regular file", "choose another file name for the store");
    check_header(store);
    const bool has_wal = fs::exists(wal_path(store), ignored);
    try {
        check_content(store, has_wal);
    } catch (const SqlError& error) {
        if (error.is_busy()) {
            cannot_open(store, "it is in use by another process",
                        "stop the other process, or use another TASKER_STATE_DIR");
        }
        if (error.is_storage()) cannot_open(store, error.what(), "check the disk and the file's permissions");
        refuse(store, std::string("damaged: ") + error.what(), std::string(kRestoreHint));
    }
}

void configure(SqlConnection& connection, Durability durability) {
    connection.exec("PRAGMA journal_mode = WAL");
    connection.exec(durability == Durability::Full ? "PRAGMA synchronous = FULL"
                                                   : "PRAGMA synchronous = NORMAL");
    connection.exec("PRAGMA foreign_keys = OFF");
    connection.exec("PRAGMA secure_delete = OFF");
    connection.exec("PRAGMA temp_store = MEMORY");
    connection.exec("PRAGMA cache_size = -65536");
    connection.exec("PRAGMA mmap_size = 0");
}

void sync_folder(const fs::path& store) {
    const fs::path folder = store.has_parent_path() ? store.parent_path() : fs::path(".");
    const int fd = open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0) return;
    fsync(fd);
    close(fd);
}

// Made under another name and renamed, so that a death on the way never leaves half a store.
void create(const fs::path& store, const Clock& clock, Random& random) {
    const fs::path draft = store.string() + ".new";
    std::error_code ignored;
    const auto clear = [&] {
        for (const char* suffix : {"", "-wal", "-journal", "-shm"})
            fs::remove(draft.string() + suffix, ignored);
    };
    clear();
    make_private_file(draft);
    {
        SqlConnection connection(draft, SqlConnection::Mode::ReadWriteCreate);
        connection.exec("PRAGMA auto_vacuum = INCREMENTAL");
        configure(connection, Durability::Full);
        migrate(connection, clock, random);
        close_store(connection);
    }
    fs::rename(draft, store);
    clear();  // what is left of the draft's log
    sync_folder(store);
}
}  // namespace

void make_private_file(const fs::path& path) {
    const int fd = open(path.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, S_IRUSR | S_IWUSR);
    if (fd < 0)
        throw fs::filesystem_error("cannot create", path, std::error_code(errno, std::generic_category()));
    close(fd);
}

fs::path wal_path(const fs::path& store) { return store.string() + "-wal"; }

SqlConnection open_store(const EngineOptions& options, const Clock& clock, Random& random) {
    const fs::path& store = options.store;
    check_folder(store);
    std::error_code missing;
    const bool exists = fs::exists(fs::symlink_status(store, missing));
    if (!exists && !options.create)
        cannot_open(store, "the file does not exist", "start a host once, or check TASKER_STATE_DIR");
    if (!exists && fs::exists(wal_path(store), missing)) {
        refuse(store, "the file is gone but its log '" + wal_path(store).filename().string() + "' is there",
               "put the store back beside its log, or move the log away");
    }
    if (exists) examine(store);
    // A predecessor that died while it made the store.
    for (const char* suffix : {".new", ".new-wal"}) fs::remove(store.string() + suffix, missing);
    try {
        if (!exists) create(store, clock, random);
        SqlConnection connection(store, SqlConnection::Mode::ReadWrite);
        configure(connection, options.durability);
        // A compaction that was killed leaves this behind; every commit would give pages back.
        if (connection.integer("PRAGMA auto_vacuum") == 1)
            connection.exec("PRAGMA auto_vacuum = INCREMENTAL");
        migrate(connection, clock, random);
        connection.exec("UPDATE meta SET v = 1 WHERE k = 'open'");
        connection.exec("PRAGMA wal_checkpoint(PASSIVE)");
        return connection;
    } catch (const SqlError& error) {
        if (error.is_busy()) {
            cannot_open(store, "it is in use by another process",
                        "stop the other process, or use another TASKER_STATE_DIR");
        }
        if (error.is_damage())
            refuse(store, std::string("damaged: ") + error.what(), std::string(kRestoreHint));
        cannot_open(store, error.what(), "check the free space and the permissions of its folder");
    } catch (const StoreUnavailable& error) {
        cannot_open(store, error.what(), "check the free space and the permissions of its folder");
    } catch (const fs::filesystem_error& error) {
        cannot_open(store, error.what(), "check the free space and the permissions of its folder");
    }
}

SqlConnection open_reader(const fs::path& store) {
    SqlConnection connection(store, SqlConnection::Mode::ReadOnly);
    connection.exec("PRAGMA query_only = 1");
    connection.exec("PRAGMA cache_size = -8192");
    connection.exec("PRAGMA mmap_size = 0");
    return connection;
}

void mark_closed(SqlConnection& copy) { copy.exec("UPDATE meta SET v = 0 WHERE k = 'open'"); }

void close_store(SqlConnection& writer) {
    mark_closed(writer);
    writer.exec("PRAGMA wal_checkpoint(TRUNCATE)");
    writer.close();
}

StoreWatch::StoreWatch(fs::path store) : store_(std::move(store)) {
    struct stat info {};
    if (stat(store_.c_str(), &info) == 0) {
        device_ = info.st_dev;
        inode_ = info.st_ino;
    }
}

std::string StoreWatch::fault() const {
    struct stat info {};
    if (stat(store_.c_str(), &info) != 0) return "the file was removed while in use";
    if (info.st_dev != device_ || info.st_ino != inode_) return "the file was replaced while in use";
    if (info.st_size < static_cast<off_t>(kHeaderBytes)) return "the file was cut while in use";
    if (stat(wal_path(store_).c_str(), &info) != 0) return "its -wal file was removed while in use";
    return {};
}

}  // namespace tasker::host
