#pragma once
// SQLite as three small classes: a connection, a prepared statement that is kept, the rows of one execution.
// A connection and its statements belong to one thread at a time.

#include <cstdint>
#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "host/core/error.hpp"

struct sqlite3;
struct sqlite3_stmt;

namespace tasker::host {

// A call of SQLite that failed; `code` is the extended result code.
class SqlError : public Error {
  public:
    SqlError(int code, const std::string& message) : Error(message), code_(code) {}
    int code() const noexcept { return code_; }
    // The file is not what it should be: writing on can only make it worse.
    bool is_damage() const noexcept;
    // Disk full, I/O error, read-only file system: may pass.
    bool is_storage() const noexcept;
    bool is_busy() const noexcept;

  private:
    int code_;
};

// Bytes that are bound and stored as they are; std::string_view is bound as text.
struct Blob {
    std::string_view bytes;
};

class Statement {
  public:
    Statement() = default;
    Statement(sqlite3* connection, std::string_view sql);

    // Rows of one execution; ends it when it goes out of scope. Texts are valid until the next step.
    class Rows {
      public:
        explicit Rows(Statement& statement) : statement_(&statement) {}
        Rows(const Rows&) = delete;
        Rows& operator=(const Rows&) = delete;
        ~Rows() { statement_->reset(); }
        bool next() { return statement_->step(); }
        std::int64_t integer(int column) const;
        std::string_view text(int column) const;  // also of a blob
        bool is_null(int column) const;
        std::optional<std::int64_t> maybe_integer(int column) const;

      private:
        Statement* statement_;
    };

    // Bound texts are not copied: they must live until the execution ends.
    template <class... Values>
    Rows query(const Values&... values) {
        bind_all(values...);
        return Rows(*this);
    }
    // Runs it to the end; returns the number of rows changed.
    template <class... Values>
    int run(const Values&... values) {
        bind_all(values...);
        return finish();
    }

    // For a statement whose rows outlive one scope (claim cursors).
    template <class... Values>
    void start(const Values&... values) {
        bind_all(values...);
    }
    bool step();
    void reset() noexcept;
    std::int64_t integer(int column) const;

  private:
    struct Finalise {
        void operator()(sqlite3_stmt* statement) const noexcept;
    };
    template <class... Values>
    void bind_all(const Values&... values) {
        int index = 0;
        (bind(++index, values), ...);
    }
    void bind(int index, std::int64_t value);
    void bind(int index, int value) { bind(index, std::int64_t{value}); }
    void bind(int index, std::uint32_t value) { bind(index, static_cast<std::int64_t>(value)); }
    void bind(int index, std::string_view text);
    void bind(int index, const std::string& text) { bind(index, std::string_view(text)); }
    void bind(int index, Blob blob);
    void bind(int index, std::nullptr_t);
    template <class Value>
    void bind(int index, const std::optional<Value>& value) {
        if (value) {
            bind(index, *value);
        } else {
            bind(index, nullptr);
        }
    }
    template <class Enum>
    requires std::is_enum_v<Enum>
    void bind(int index, Enum value) { bind(index, static_cast<std::int64_t>(value)); }
    int finish();
    [[noreturn]] void fail(int code) const;

    sqlite3* connection_ = nullptr;
    std::unique_ptr<sqlite3_stmt, Finalise> statement_;
};

class SqlConnection {
  public:
    enum class Mode : std::uint8_t { ReadWriteCreate, ReadWrite, ReadOnly, Immutable };
    SqlConnection() = default;
    // Always through VFS unix-excl: this process alone has the file. Never checkpoints by itself, not even on close.
    SqlConnection(const std::filesystem::path& file, Mode mode);

    void exec(const std::string& sql);
    Statement prepare(std::string_view sql) { return Statement(handle_.get(), sql); }
    std::int64_t integer(const std::string& sql);
    std::string text(const std::string& sql);
    bool in_transaction() const;
    void busy_timeout(int ms);
    // `pages` holds the size of the write-ahead log after each commit; it must outlive the connection.
    void watch_log(int& pages);
    sqlite3* raw() const { return handle_.get(); }
    explicit operator bool() const { return handle_ != nullptr; }
    void close() { handle_.reset(); }

  private:
    struct Close {
        void operator()(sqlite3* connection) const noexcept;
    };
    std::unique_ptr<sqlite3, Close> handle_;
};

// Copies `source` into a new file with SQLite's backup API. Throws SqlError.
void copy_database(SqlConnection& source, SqlConnection& target);
std::string sqlite_version();

}  // namespace tasker::host
