#pragma once
// The rows of a product list. A row is a line; its place in the file is the byte it begins at, so that a worker goes to
// its part of the file without reading what stands before it.

#include <cstdint>
#include <fstream>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace csv_batch {

inline constexpr std::string_view kHeader = "sku,name,category,price_cents,quantity";

struct Product {
    std::string sku, name, category;
    std::int64_t price_cents = 0, quantity = 0;
};

// Nothing: `fault` says what is wrong, without repeating the row, which may hold anything.
std::optional<Product> parse_product(std::string_view row, std::string& fault);

// A regular file, read from front to back or from a given byte on. Not thread-safe.
class CsvFile {
  public:
    // Throws tasker::PermanentError: FILE_NOT_FOUND, FILE_UNREADABLE.
    explicit CsvFile(const std::string& path);

    std::int64_t bytes() const noexcept { return bytes_; }
    std::int64_t position() const noexcept { return position_; }  // of what next_row() reads
    void seek(std::int64_t position);

    // The next line that is not empty, without its end; valid until the next call. Nothing at the end of the file, or once
    // `end` is reached. Throws tasker::PermanentError (ROW_TOO_LONG), tasker::RetryableError (READ_FAILED).
    std::optional<std::string_view> next_row(std::int64_t end);

  private:
    bool read_line();

    std::ifstream in_;
    std::vector<char> line_;
    std::int64_t bytes_ = 0, position_ = 0;
};

}  // namespace csv_batch
