#include "tests/bench/statement_trace.hpp"

#include <sqlite3.h>

#include <algorithm>
#include <chrono>
#include <cstdlib>
#include <map>
#include <stdexcept>
#include <string_view>
#include <unordered_map>

namespace tasker::host::bench {

namespace {
struct Value {
    enum class Kind : std::uint8_t { Null, Integer, Text, Blob } kind = Kind::Null;
    std::int64_t integer = 0;
    std::string bytes;
};

struct Record {
    int sql = 0;
    int rows = 0;
    std::vector<Value> values;
};

struct Recorder {
    bool on = false;
    std::map<std::string, int, std::less<>> ids;
    std::vector<std::string> texts;
    std::vector<Record> records;
    std::unordered_map<sqlite3_stmt*, std::size_t> last;
};

// A benchmark has one trace: SQLite's hook for new connections carries no context.
Recorder& recorder() {
    static Recorder instance;
    return instance;
}

bool is_digit(char c) { return c >= '0' && c <= '9'; }

int hex(char c) { return is_digit(c) ? c - '0' : (c | 0x20) - 'a' + 10; }

Value read_literal(std::string_view text, std::size_t& at) {
    Value value;
    if (text[at] == 'N') {
        at += 4;
    } else if (text[at] == 'x') {
        value.kind = Value::Kind::Blob;
        for (at += 2; text[at] != '\''; at += 2)
            value.bytes += static_cast<char>(hex(text[at]) * 16 + hex(text[at + 1]));
        ++at;
    } else if (text[at] == '\'') {
        value.kind = Value::Kind::Text;
        for (++at;; ++at) {
            if (text[at] == '\'' && (at + 1 >= text.size() || text[at + 1] != '\'')) break;
            if (text[at] == '\'') ++at;
            value.bytes += text[at];
        }
        ++at;
    } else {
        value.kind = Value::Kind::Integer;
        const std::size_t start = at;
        while (at < text.size() && (is_digit(text[at]) || text[at] == '-')) ++at;
        value.integer = std::strtoll(std::string(text.substr(start, at - start)).c_str(), nullptr, 10);
    }
    return value;
}

std::vector<Value> values_of(std::string_view sql, std::string_view expanded) {
    std::vector<Value> values;
    std::size_t at = 0;
    bool quoted = false;
    for (std::size_t i = 0; i < sql.size(); ++i) {
        if (sql[i] == '\'') quoted = !quoted;
        if (sql[i] != '?' || quoted) {
            ++at;
            continue;
        }
        std::size_t index = values.size();
        if (i + 1 < sql.size() && is_digit(sql[i + 1])) index = static_cast<std::size_t>(sql[++i] - '1');
        Value value = read_literal(expanded, at);
        if (index >= values.size()) values.resize(index + 1);
        values[index] = std::move(value);
    }
    return values;
}

int on_trace(unsigned kind, void*, void* statement, void*) {
    Recorder& into = recorder();
    if (!into.on) return 0;
    auto* stmt = static_cast<sqlite3_stmt*>(statement);
    if (kind == SQLITE_TRACE_ROW) {
        if (const auto found = into.last.find(stmt); found != into.last.end())
            ++into.records[found->second].rows;
        return 0;
    }
    const std::string_view sql = sqlite3_sql(stmt);
    auto id = into.ids.find(sql);
    if (id == into.ids.end()) {
        id = into.ids.emplace(std::string(sql), static_cast<int>(into.texts.size())).first;
        into.texts.emplace_back(sql);
    }
    char* expanded = sqlite3_expanded_sql(stmt);
    if (expanded == nullptr) return 0;
    into.last[stmt] = into.records.size();
    into.records.push_back({id->second, 0, values_of(sql, expanded)});
    sqlite3_free(expanded);
    return 0;
}

int on_open(sqlite3* connection, const char**, const void*) {
    return sqlite3_trace_v2(connection, SQLITE_TRACE_STMT | SQLITE_TRACE_ROW, on_trace, nullptr);
}

void check(int code, sqlite3* connection) {
    if (code != SQLITE_OK && code != SQLITE_ROW && code != SQLITE_DONE)
        throw std::runtime_error(sqlite3_errmsg(connection));
}

void bind(sqlite3_stmt* statement, const std::vector<Value>& values) {
    for (std::size_t i = 0; i < values.size(); ++i) {
        const int at = static_cast<int>(i) + 1;
        const Value& value = values[i];
        const int size = static_cast<int>(value.bytes.size());
        switch (value.kind) {
            case Value::Kind::Null:
                sqlite3_bind_null(statement, at);
                break;
            case Value::Kind::Integer:
                sqlite3_bind_int64(statement, at, value.integer);
                break;
            case Value::Kind::Text:
                sqlite3_bind_text(statement, at, value.bytes.data(), size, nullptr);
                break;
            case Value::Kind::Blob:
                sqlite3_bind_blob(statement, at, value.bytes.data(), size, nullptr);
                break;
        }
    }
}
}  // namespace

void StatementTrace::install() {
    using Entry = void (*)();
    sqlite3_auto_extension(reinterpret_cast<Entry>(&on_open));
}

void StatementTrace::start_recording() {
    recorder() = Recorder{};
    recorder().on = true;
}

void StatementTrace::stop_recording() { recorder().on = false; }

std::int64_t StatementTrace::recorded_commits() {
    const Recorder& trace = recorder();
    return std::count_if(trace.records.begin(), trace.records.end(), [&](const Record& record) {
        return trace.texts[static_cast<std::size_t>(record.sql)] == "COMMIT";
    });
}

void StatementTrace::forget() { recorder() = Recorder{}; }

Replay StatementTrace::replay(const std::filesystem::path& store, bool full_durability) {
    Recorder& from = recorder();
    sqlite3* connection = nullptr;
    check(
        sqlite3_open_v2(store.c_str(), &connection, SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX, "unix-excl"),
        connection);
    const std::string settings =
        std::string("PRAGMA journal_mode=WAL;PRAGMA wal_autocheckpoint=0;PRAGMA synchronous=") +
        (full_durability ? "FULL" : "NORMAL") +
        ";PRAGMA secure_delete=OFF;PRAGMA temp_store=MEMORY;PRAGMA cache_size=-65536";
    check(sqlite3_exec(connection, settings.c_str(), nullptr, nullptr, nullptr), connection);
    std::vector<sqlite3_stmt*> statements;
    for (const std::string& text : from.texts) {
        sqlite3_stmt* statement = nullptr;
        check(
            sqlite3_prepare_v3(connection, text.c_str(), -1, SQLITE_PREPARE_PERSISTENT, &statement, nullptr),
            connection);
        statements.push_back(statement);
    }
    Replay result;
    const auto start = std::chrono::steady_clock::now();
    for (const Record& record : from.records) {
        sqlite3_stmt* statement = statements[static_cast<std::size_t>(record.sql)];
        bind(statement, record.values);
        int code = sqlite3_step(statement);
        for (int row = 1; row < record.rows && code == SQLITE_ROW; ++row) code = sqlite3_step(statement);
        check(code, connection);
        sqlite3_reset(statement);
        ++result.statements;
        if (from.texts[static_cast<std::size_t>(record.sql)] == "COMMIT") ++result.commits;
    }
    result.seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
    for (sqlite3_stmt* statement : statements) sqlite3_finalize(statement);
    sqlite3_close(connection);
    return result;
}

}  // namespace tasker::host::bench
