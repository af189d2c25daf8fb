#pragma once
// What a verb tells, in tasker-ctl's way: "✓ Done", "! Careful", "  Label: value", "  • item". Pure; what comes from outside
// is made printable here.

#include <string>
#include <string_view>

#include "host/process/render.hpp"

namespace tasker::host {

class Report {
  public:
    // `unicode` false: "+ Done" and "  * item".
    Report(const Style& style, bool unicode) : style_(style), unicode_(unicode) {}

    Report& success(std::string_view text);
    Report& warning(std::string_view text);
    Report& header(std::string_view text);
    // Nothing when the value is empty.
    Report& label(std::string_view name, std::string_view value, int indent = 1);
    // A task's or a step's state, in its colour.
    Report& state(std::string_view name, std::string_view value, int indent = 1);
    Report& item(std::string_view text);
    // "  ✓ text" or "  ✗ text".
    Report& verdict(bool good, std::string_view text, int indent = 1);
    Report& blank();
    const std::string& str() const { return out_; }

  private:
    Report& line(int indent, const std::string& text);

    Style style_;
    bool unicode_;
    std::string out_;
};

}  // namespace tasker::host
