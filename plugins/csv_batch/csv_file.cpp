#include "csv_file.hpp"

#include <array>
#include <charconv>
#include <cstring>
#include <filesystem>
#include <system_error>
#include <tasker/errors.hpp>

namespace csv_batch {
namespace {

constexpr std::size_t kMaxRow = 65536;

// Cuts the next field off the row: plain, or in quotes, within which a doubled quote is one. False: quotes without an end
// or text behind them.
bool cut_field(std::string_view& rest, std::string& field) {
    field.clear();
    if (!rest.starts_with('"')) {
        field = rest.substr(0, rest.find(','));
        rest.remove_prefix(field.size());
        return true;
    }
    for (rest.remove_prefix(1);;) {
        const auto quote = rest.find('"');
        if (quote == std::string_view::npos) return false;
        field += rest.substr(0, quote);
        rest.remove_prefix(quote + 1);
        if (!rest.starts_with('"')) return rest.empty() || rest.front() == ',';
        field += '"';
        rest.remove_prefix(1);
    }
}

std::optional<std::int64_t> count_of(const std::string& text) {
    std::int64_t value = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
    if (error != std::errc{} || end != text.data() + text.size() || value < 0) return std::nullopt;
    return value;
}

}  // namespace

std::optional<Product> parse_product(std::string_view row, std::string& fault) {
    std::array<std::string, 5> fields;
    for (std::size_t i = 0; i < fields.size(); ++i) {
        if (i > 0) {
            if (row.empty()) {
                fault = std::to_string(i) + " fields instead of 5";
                return std::nullopt;
            }
            row.remove_prefix(1);  // the comma
        }
        if (!cut_field(row, fields[i])) {
            fault = "field " + std::to_string(i + 1) + " has quotes that do not enclose it";
            return std::nullopt;
        }
    }
    if (!row.empty()) {
        fault = "more than 5 fields";
        return std::nullopt;
    }
    const auto price = count_of(fields[3]), quantity = count_of(fields[4]);
    if (!price || !quantity || fields[2].empty()) {
        fault = !price      ? "price_cents is no integer from 0 on"
                : !quantity ? "quantity is no integer from 0 on"
                            : "category is empty";
        return std::nullopt;
    }
    return Product{fields[0], fields[1], fields[2], *price, *quantity};
}

CsvFile::CsvFile(const std::string& path) : line_(kMaxRow) {
    std::error_code fault;
    // Of a pipe or a device a worker would wait for ever.
    if (!std::filesystem::is_regular_file(path, fault))
        throw tasker::PermanentError("there is no file '" + path + "'", "FILE_NOT_FOUND");
    bytes_ = static_cast<std::int64_t>(std::filesystem::file_size(path, fault));
    in_.open(path, std::ios::binary);
    if (fault || !in_)
        throw tasker::PermanentError("the file '" + path + "' cannot be read", "FILE_UNREADABLE");
}

void CsvFile::seek(std::int64_t position) {
    in_.clear();
    in_.seekg(position);
    position_ = position;
}

// False: the end of the file.
bool CsvFile::read_line() {
    in_.getline(line_.data(), static_cast<std::streamsize>(line_.size()));
    position_ += in_.gcount();
    if (in_.bad()) throw tasker::RetryableError("the file cannot be read any more", {}, "READ_FAILED");
    if (in_.gcount() == 0 && in_.eof()) return false;
    if (in_.fail() && !in_.eof()) {
        throw tasker::PermanentError("the row before byte " + std::to_string(position_) + " is longer than " +
                                         std::to_string(line_.size() - 1) + " bytes",
                                     "ROW_TOO_LONG");
    }
    return true;
}

std::optional<std::string_view> CsvFile::next_row(std::int64_t end) {
    while (position_ < end && read_line()) {
        std::string_view row(line_.data(), std::strlen(line_.data()));
        if (row.ends_with('\r')) row.remove_suffix(1);
        if (!row.empty()) return row;
    }
    return std::nullopt;
}

}  // namespace csv_batch
