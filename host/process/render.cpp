#include "host/process/render.hpp"

#include <algorithm>
#include <array>
#include <cstdio>

#include "host/model/states.hpp"

namespace tasker::host {

namespace {
// The length of the well-formed UTF-8 sequence at the front; 0 when there is none.
std::size_t sequence_length(std::string_view text) {
    const auto byte = [&](std::size_t i) { return static_cast<unsigned char>(text[i]); };
    const unsigned char lead = byte(0);
    if (lead < 0x80) return 1;
    const std::size_t length = lead >= 0xF0 && lead < 0xF5 ? 4 : lead >= 0xE0 ? 3 : lead >= 0xC2 ? 2 : 0;
    if (length == 0 || lead >= 0xF5 || text.size() < length) return 0;
    for (std::size_t i = 1; i < length; ++i) {
        if ((byte(i) & 0xC0U) != 0x80) return 0;
    }
    // C1 controls (U+0080..U+009F) steer terminals like escape sequences do.
    if (lead == 0xC2 && byte(1) < 0xA0) return 0;
    return length;
}
}  // namespace

std::string Style::painted(std::string_view code, std::string_view text) const {
    if (!color_) return std::string{text};
    return "\x1b[" + std::string{code} + "m" + std::string{text} + "\x1b[0m";
}

std::string Style::state(std::string_view name) const {
    // A task's name or a step's: where both have it, it means the same.
    const auto step = step_state(name);
    const auto task = task_state(name);
    if (step && satisfies_children(*step)) return good(name);
    if (task == TaskState::Error || task == TaskState::BlockedByFailures || task == TaskState::Cancelled)
        return bad(name);
    if (step == StepState::Pending) return dim(name);
    return busy(name);
}

std::string printable(std::string_view text) {
    std::string out;
    while (!text.empty()) {
        const std::size_t length = sequence_length(text);
        const auto lead = static_cast<unsigned char>(text.front());
        if (length == 0 || lead < 0x20 || lead == 0x7f) {
            out += '?';
            text.remove_prefix(1);
        } else {
            out += text.substr(0, length);
            text.remove_prefix(length);
        }
    }
    return out;
}

std::size_t display_width(std::string_view text) {
    std::size_t width = 0;
    for (std::size_t i = 0; i < text.size(); ++i) {
        if (text[i] == '\x1b') {
            i = std::min(text.find('m', i), text.size() - 1);
        } else if ((static_cast<unsigned char>(text[i]) & 0xC0U) != 0x80) {
            ++width;
        }
    }
    return width;
}

std::string fitted(std::string_view text, std::size_t width) {
    if (display_width(text) <= width || width < 4) return std::string{text};
    std::size_t at = 0;
    for (std::size_t columns = 0; columns < width - 3; ++columns)
        at += std::max<std::size_t>(sequence_length(text.substr(at)), 1);
    return std::string{text.substr(0, at)} + "...";
}

std::string cut_to(std::string_view text, std::size_t width) {
    if (display_width(text) <= width) return std::string{text};
    std::size_t at = 0;
    bool colored = false;
    for (std::size_t columns = 0; at < text.size();) {
        if (text[at] == '\x1b') {
            at = std::min(text.find('m', at), text.size() - 1) + 1;
            colored = true;
        } else if (columns++ < width) {
            at += std::max<std::size_t>(sequence_length(text.substr(at)), 1);
        } else {
            break;
        }
    }
    return std::string{text.substr(0, at)} + (colored ? "\x1b[0m" : "");
}

std::string short_duration(long long ms) {
    if (ms < 1000) return std::to_string(ms) + "ms";
    std::array<char, 48> text{};
    if (ms < 60'000) {
        std::snprintf(text.data(), text.size(), "%.1fs", static_cast<double>(ms) / 1000.0);
    } else {
        std::snprintf(text.data(), text.size(), "%lldm%02llds", ms / 60'000, ms / 1000 % 60);
    }
    return text.data();
}

std::string TextTable::str(const Style& style) const {
    std::vector<std::size_t> widths;
    for (const auto& row : rows_) {
        widths.resize(std::max(widths.size(), row.size()));
        for (std::size_t i = 0; i < row.size(); ++i) widths[i] = std::max(widths[i], display_width(row[i]));
    }
    std::string out;
    for (const auto& row : rows_) {
        std::string line;
        for (std::size_t i = 0; i < row.size(); ++i) {
            line += &row == &rows_.front() ? style.bold(row[i]) : row[i];
            if (i + 1 < row.size()) line += std::string(widths[i] - display_width(row[i]) + 2, ' ');
        }
        line.erase(line.find_last_not_of(' ') + 1);
        out += line + "\n";
    }
    return out;
}

}  // namespace tasker::host
