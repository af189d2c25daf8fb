#include "host/templates/file_text.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdint>
#include <system_error>

namespace tasker::host {

namespace {

class Descriptor {
  public:
    explicit Descriptor(int fd) : fd_(fd) {}
    ~Descriptor() {
        if (fd_ >= 0) ::close(fd_);
    }
    Descriptor(const Descriptor&) = delete;
    Descriptor& operator=(const Descriptor&) = delete;
    int get() const { return fd_; }

  private:
    int fd_;
};

std::string reason(int error) {
    if (error == EACCES) return "permission denied: the file is not readable for this user (chmod u+r)";
    if (error == ENOENT) return "the file disappeared while it was loaded";
    return "cannot be read: " + std::generic_category().message(error);
}

std::string limit_text(std::size_t bytes) {
    if (bytes == (std::size_t{1} << 20U)) return "1 MiB";
    return std::to_string(bytes) + " bytes";
}

void refuse_size(std::size_t max_bytes, Findings& findings) {
    findings.error("TOO_LARGE", {}, {},
                   "larger than " + limit_text(max_bytes) + ", not read; split the template");
}

Position position_of(std::string_view bytes, std::size_t offset) {
    const std::string_view before = bytes.substr(0, offset);
    const auto line_start = before.rfind('\n');
    const std::size_t column = line_start == std::string_view::npos ? offset : offset - line_start - 1;
    return {static_cast<int>(std::count(before.begin(), before.end(), '\n')) + 1,
            static_cast<int>(column) + 1};
}

// Length of the well-formed UTF-8 sequence at `at`, 0 when there is none (overlong, surrogate, beyond
// U+10FFFF, cut).
std::size_t sequence_length(std::string_view text, std::size_t at) {
    const auto byte = [&](std::size_t i) {
        return i < text.size() ? static_cast<std::uint8_t>(text[i]) : 0U;
    };
    const auto tail = [&](std::size_t i) { return byte(at + i) >= 0x80 && byte(at + i) <= 0xBF; };
    const unsigned first = byte(at), second = byte(at + 1);
    if (first < 0x80) return 1;
    if (first >= 0xC2 && first <= 0xDF) return tail(1) ? 2 : 0;
    if (first >= 0xE0 && first <= 0xEF) {
        if ((first == 0xE0 && second < 0xA0) || (first == 0xED && second > 0x9F)) return 0;
        return tail(1) && tail(2) ? 3 : 0;
    }
    if (first >= 0xF0 && first <= 0xF4) {
        if ((first == 0xF0 && second < 0x90) || (first == 0xF4 && second > 0x8F)) return 0;
        return tail(1) && tail(2) && tail(3) ? 4 : 0;
    }
    return 0;
}

// A byte order mark, or a NUL in one of the first two characters, which no UTF-8 YAML can have.
bool looks_like_utf16(std::string_view bytes) {
    if (bytes.starts_with("\xFF\xFE") || bytes.starts_with("\xFE\xFF")) return true;
    const std::string_view head = bytes.substr(0, 4);
    return head.size() == 4 && ((head[0] == '\0') != (head[1] == '\0')) &&
           (head[2] == '\0') == (head[0] == '\0') && (head[3] == '\0') == (head[1] == '\0');
}

}  // namespace

std::optional<std::string> read_file(const std::filesystem::path& file, std::size_t max_bytes,
                                     Findings& findings) {
    const Descriptor open_file(::open(file.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY));
    struct stat info {};
    if (open_file.get() < 0 || ::fstat(open_file.get(), &info) != 0) {
        const int error = errno;
        findings.error(error == EACCES ? "PERMISSION_DENIED" : "UNREADABLE", {}, {}, reason(error));
        return std::nullopt;
    }
    if (!S_ISREG(info.st_mode)) {
        findings.error("NOT_A_FILE", {}, {}, "not a regular file, not read");
        return std::nullopt;
    }
    if (static_cast<std::uintmax_t>(info.st_size) > max_bytes) {
        refuse_size(max_bytes, findings);
        return std::nullopt;
    }
    // One byte more than the file has shows that it grew meanwhile.
    std::string content(static_cast<std::size_t>(info.st_size) + 1, '\0');
    std::size_t size = 0;
    while (size < content.size()) {
        const ssize_t got = ::read(open_file.get(), content.data() + size, content.size() - size);
        if (got < 0 && errno == EINTR) continue;
        if (got < 0) {
            findings.error("UNREADABLE", {}, {}, reason(errno));
            return std::nullopt;
        }
        if (got == 0) break;
        size += static_cast<std::size_t>(got);
    }
    if (size == content.size()) {
        findings.error("UNREADABLE", {}, {}, "the file grew while it was loaded; load it again");
        return std::nullopt;
    }
    content.resize(size);
    return content;
}

std::optional<std::string> checked_text(std::string_view bytes, std::size_t max_bytes, Findings& findings) {
    if (bytes.size() > max_bytes) {
        refuse_size(max_bytes, findings);
        return std::nullopt;
    }
    if (looks_like_utf16(bytes)) {
        findings.error("NOT_UTF8", {1, 1}, {}, "not UTF-8 at byte 0: the file is UTF-16; save it as UTF-8");
        return std::nullopt;
    }
    const std::size_t start = bytes.starts_with("\xEF\xBB\xBF") ? 3 : 0;
    for (std::size_t at = start; at < bytes.size();) {
        const std::size_t length = sequence_length(bytes, at);
        const auto byte = static_cast<std::uint8_t>(bytes[at]);
        const bool control = byte < 0x20 && byte != '\t' && byte != '\n' && byte != '\r';
        if (length == 0) {
            findings.error("NOT_UTF8", position_of(bytes, at), {},
                           "not UTF-8 at byte " + std::to_string(at) + "; save the file as UTF-8");
            return std::nullopt;
        }
        if (control) {
            findings.error(byte == 0 ? "NUL_CHARACTER" : "CONTROL_CHARACTER", position_of(bytes, at), {},
                           (byte == 0 ? "NUL character at byte " : "control character at byte ") +
                               std::to_string(at) + "; remove it");
            return std::nullopt;
        }
        at += length;
    }
    return std::string(bytes.substr(start));
}

}  // namespace tasker::host
