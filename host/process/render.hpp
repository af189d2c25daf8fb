#pragma once
// Text for people. Pure: values in, text out; what comes from outside can never carry a control character through.

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

namespace tasker::host {

// Colours, or the same text without them.
class Style {
  public:
    explicit Style(bool color) : color_(color) {}
    std::string good(std::string_view text) const { return painted("32", text); }
    std::string bad(std::string_view text) const { return painted("31", text); }
    std::string busy(std::string_view text) const { return painted("33", text); }
    std::string dim(std::string_view text) const { return painted("2", text); }
    std::string bold(std::string_view text) const { return painted("1", text); }
    // A task's or step's state in its colour.
    std::string state(std::string_view name) const;

  private:
    std::string painted(std::string_view code, std::string_view text) const;
    bool color_;
};

// Control characters become '?', invalid UTF-8 too.
std::string printable(std::string_view text);
// How many columns it takes, colours not counted.
std::size_t display_width(std::string_view text);
// At most `width` columns, the end replaced by "..." when it is longer. `text` holds no colours.
std::string fitted(std::string_view text, std::size_t width);
// The first `width` columns; colours are kept and ended where it is cut.
std::string cut_to(std::string_view text, std::size_t width);
// "1.5s", "320ms", "2m05s"
std::string short_duration(long long ms);

// Columns as wide as their widest cell, two blanks apart, no blanks at the end of a line.
class TextTable {
  public:
    explicit TextTable(std::vector<std::string> header) : rows_{std::move(header)} {}
    void row(std::vector<std::string> cells) { rows_.push_back(std::move(cells)); }
    bool empty() const { return rows_.size() < 2; }
    std::string str(const Style& style) const;

  private:
    std::vector<std::vector<std::string>> rows_;
};

}  // namespace tasker::host
