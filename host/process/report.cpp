#include "host/process/report.hpp"

namespace tasker::host {

Report& Report::line(int indent, const std::string& text) {
    out_ += std::string(static_cast<std::size_t>(indent) * 2, ' ') + text + "\n";
    return *this;
}

Report& Report::success(std::string_view text) {
    return line(0, style_.good((unicode_ ? "✓ " : "+ ") + printable(text)));
}
Report& Report::warning(std::string_view text) { return line(0, style_.busy("! " + printable(text))); }
Report& Report::header(std::string_view text) { return line(0, style_.bold(printable(text))); }

Report& Report::label(std::string_view name, std::string_view value, int indent) {
    if (value.empty()) return *this;
    return line(indent, std::string(name) + ": " + printable(value));
}

Report& Report::state(std::string_view name, std::string_view value, int indent) {
    return line(indent, std::string(name) + ": " + style_.state(printable(value)));
}

Report& Report::item(std::string_view text) { return line(1, (unicode_ ? "• " : "* ") + printable(text)); }

Report& Report::verdict(bool good, std::string_view text, int indent) {
    const std::string mark = good ? style_.good(unicode_ ? "✓" : "+") : style_.bad(unicode_ ? "✗" : "x");
    return line(indent, mark + " " + printable(text));
}

Report& Report::blank() { return line(0, ""); }

}  // namespace tasker::host
