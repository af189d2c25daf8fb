#include "host/loader/memory_probe.hpp"

#include <fcntl.h>
#include <sys/syscall.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdint>
#include <cstring>

#include "host/core/error.hpp"

namespace tasker::host {

MemoryProbe::MemoryProbe() {
    std::array<int, 2> ends{};
    if (::pipe2(ends.data(), O_CLOEXEC | O_NONBLOCK) != 0) {
        throw PluginError(std::string("cannot check the plugin's table: ") + std::strerror(errno),
                          "raise the limit of open files");
    }
    reader_ = OwnedFd(ends[0]);
    writer_ = OwnedFd(ends[1]);
}

bool MemoryProbe::copy(void* to, const void* address, std::size_t bytes) const {
    constexpr std::size_t kPiece = 4096;
    const auto* from = static_cast<const char*>(address);
    auto* into = static_cast<char*>(to);
    if (address == nullptr || reinterpret_cast<std::uintptr_t>(address) + bytes < bytes) return false;
    while (bytes > 0) {
        // The plain system call: sanitizers' wrapper of write() would report the wild pointer itself.
        const long put = ::syscall(SYS_write, writer_.get(), from, std::min(bytes, kPiece));
        if (put <= 0 || ::read(reader_.get(), into, static_cast<std::size_t>(put)) != put) return false;
        from += put;
        into += put;
        bytes -= static_cast<std::size_t>(put);
    }
    return true;
}

std::optional<std::string> MemoryProbe::text(const char* address, std::size_t max_bytes) const {
    constexpr std::uintptr_t kPage = 4096;
    std::array<char, kPage> page{};
    std::string text;
    const char* at = address;
    while (text.size() <= max_bytes) {
        // Up to the end of the page: the next one may not exist.
        const std::size_t rest = kPage - reinterpret_cast<std::uintptr_t>(at) % kPage;
        if (!copy(page.data(), at, rest)) return std::nullopt;
        const std::size_t length = ::strnlen(page.data(), rest);
        text.append(page.data(), length);
        if (length < rest) return text.size() <= max_bytes ? std::optional(text) : std::nullopt;
        at += rest;
    }
    return std::nullopt;
}

}  // namespace tasker::host
