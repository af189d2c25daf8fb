#include "host/engine/sqlite.hpp"

#include <sqlite3.h>

namespace tasker::host {

namespace {
std::string describe(int code, sqlite3* connection) {
    const char* text = connection != nullptr ? sqlite3_errmsg(connection) : sqlite3_errstr(code);
    return std::string(text) + " (SQLite code " + std::to_string(code) + ")";
}
int primary(int code) { return code & 0xFF; }
}  // namespace

bool SqlError::is_damage() const noexcept {
    return primary(code_) == SQLITE_CORRUPT || primary(code_) == SQLITE_NOTADB;
}

bool SqlError::is_storage() const noexcept {
    switch (primary(code_)) {
        case SQLITE_FULL:
        case SQLITE_IOERR:
        case SQLITE_READONLY:
        case SQLITE_CANTOPEN:
        case SQLITE_PROTOCOL:
        case SQLITE_NOMEM:
        case SQLITE_BUSY:
        case SQLITE_LOCKED:
            return true;
        default:
            return false;
    }
}

bool SqlError::is_busy() const noexcept {
    return primary(code_) == SQLITE_BUSY || primary(code_) == SQLITE_LOCKED;
}

Statement::Statement(sqlite3* connection, std::string_view sql) : connection_(connection) {
    sqlite3_stmt* raw = nullptr;
    const int code = sqlite3_prepare_v3(connection, sql.data(), static_cast<int>(sql.size()),
                                        SQLITE_PREPARE_PERSISTENT, &raw, nullptr);
    statement_.reset(raw);
    if (code != SQLITE_OK) fail(code);
}

void Statement::Finalise::operator()(sqlite3_stmt* statement) const noexcept { sqlite3_finalize(statement); }

void Statement::fail(int code) const {
    const int extended = sqlite3_extended_errcode(connection_);
    throw SqlError(primary(extended) == primary(code) ? extended : code, describe(code, connection_));
}

bool Statement::step() {
    const int code = sqlite3_step(statement_.get());
    if (code == SQLITE_ROW) return true;
    if (code == SQLITE_DONE) return false;
    // The message belongs to the connection and is gone after the reset.
    const SqlError error(sqlite3_extended_errcode(connection_), describe(code, connection_));
    sqlite3_reset(statement_.get());
    throw error;
}

void Statement::reset() noexcept { sqlite3_reset(statement_.get()); }

int Statement::finish() {
    while (step()) {
    }
    const int changed = sqlite3_changes(connection_);
    reset();
    return changed;
}

void Statement::bind(int index, std::int64_t value) {
    if (const int code = sqlite3_bind_int64(statement_.get(), index, value); code != SQLITE_OK) fail(code);
}
void Statement::bind(int index, std::string_view text) {
    const char* data = text.data() != nullptr ? text.data() : "";
    if (const int code =
            sqlite3_bind_text64(statement_.get(), index, data, text.size(), nullptr, SQLITE_UTF8);
        code != SQLITE_OK) {
        fail(code);
    }
}
void Statement::bind(int index, Blob blob) {
    if (const int code =
            sqlite3_bind_blob64(statement_.get(), index, blob.bytes.data(), blob.bytes.size(), nullptr);
        code != SQLITE_OK) {
        fail(code);
    }
}
void Statement::bind(int index, std::nullptr_t) {
    if (const int code = sqlite3_bind_null(statement_.get(), index); code != SQLITE_OK) fail(code);
}

std::int64_t Statement::integer(int column) const { return sqlite3_column_int64(statement_.get(), column); }
std::int64_t Statement::Rows::integer(int column) const { return statement_->integer(column); }
std::string_view Statement::Rows::text(int column) const {
    const void* data = sqlite3_column_blob(statement_->statement_.get(), column);
    const int size = sqlite3_column_bytes(statement_->statement_.get(), column);
    return {static_cast<const char*>(data), data == nullptr ? 0 : static_cast<std::size_t>(size)};
}
bool Statement::Rows::is_null(int column) const {
    return sqlite3_column_type(statement_->statement_.get(), column) == SQLITE_NULL;
}
std::optional<std::int64_t> Statement::Rows::maybe_integer(int column) const {
    if (is_null(column)) return std::nullopt;
    return integer(column);
}

SqlConnection::SqlConnection(const std::filesystem::path& file, Mode mode) {
    int flags = SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_EXRESCODE;
    std::string name = file.string();
    if (mode == Mode::ReadWriteCreate) {
        flags |= SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE;
    } else if (mode == Mode::ReadWrite) {
        flags |= SQLITE_OPEN_READWRITE;
    } else {
        flags |= SQLITE_OPEN_READONLY;
    }
    if (mode == Mode::Immutable) {
        std::string uri = "file:";
        for (const char c : name) {
            if (c == '%' || c == '?' || c == '#') {
                constexpr std::string_view hex = "0123456789ABCDEF";
                uri +=
                    {'%', hex[static_cast<unsigned char>(c) >> 4U], hex[static_cast<unsigned char>(c) & 15U]};
            } else {
                uri += c;
            }
        }
        name = uri + "?immutable=1";
        flags |= SQLITE_OPEN_URI;
    }
    sqlite3* raw = nullptr;
    const int code = sqlite3_open_v2(name.c_str(), &raw, flags, "unix-excl");
    handle_.reset(raw);
    if (code != SQLITE_OK) throw SqlError(code, describe(code, raw));
    sqlite3_db_config(raw, SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 1, nullptr);
    sqlite3_db_config(raw, SQLITE_DBCONFIG_DEFENSIVE, 1, nullptr);
    sqlite3_db_config(raw, SQLITE_DBCONFIG_TRUSTED_SCHEMA, 0, nullptr);
    sqlite3_db_config(raw, SQLITE_DBCONFIG_DQS_DML, 0, nullptr);
    sqlite3_db_config(raw, SQLITE_DBCONFIG_DQS_DDL, 0, nullptr);
    sqlite3_busy_timeout(raw, 5000);
    sqlite3_wal_autocheckpoint(raw, 0);
}

void SqlConnection::Close::operator()(sqlite3* connection) const noexcept { sqlite3_close_v2(connection); }

void SqlConnection::exec(const std::string& sql) {
    const int code = sqlite3_exec(handle_.get(), sql.c_str(), nullptr, nullptr, nullptr);
    if (code != SQLITE_OK) throw SqlError(code, describe(code, handle_.get()));
}

std::int64_t SqlConnection::integer(const std::string& sql) {
    Statement statement = prepare(sql);
    auto rows = statement.query();
    return rows.next() ? rows.integer(0) : 0;
}

std::string SqlConnection::text(const std::string& sql) {
    Statement statement = prepare(sql);
    auto rows = statement.query();
    return rows.next() ? std::string(rows.text(0)) : std::string{};
}

bool SqlConnection::in_transaction() const { return handle_ && sqlite3_get_autocommit(handle_.get()) == 0; }

void SqlConnection::busy_timeout(int ms) { sqlite3_busy_timeout(handle_.get(), ms); }

void SqlConnection::watch_log(int& pages) {
    const auto note = [](void* target, sqlite3*, const char*, int now) {
        *static_cast<int*>(target) = now;
        return SQLITE_OK;
    };
    sqlite3_wal_hook(handle_.get(), note, &pages);
}

void copy_database(SqlConnection& source, SqlConnection& target) {
    sqlite3_backup* backup = sqlite3_backup_init(target.raw(), "main", source.raw(), "main");
    if (backup == nullptr) throw SqlError(sqlite3_extended_errcode(target.raw()), describe(0, target.raw()));
    const int step = sqlite3_backup_step(backup, -1);
    const int finish = sqlite3_backup_finish(backup);
    if (step != SQLITE_DONE) throw SqlError(step, describe(step, target.raw()));
    if (finish != SQLITE_OK) throw SqlError(finish, describe(finish, target.raw()));
}

std::string sqlite_version() { return sqlite3_libversion(); }

}  // namespace tasker::host
