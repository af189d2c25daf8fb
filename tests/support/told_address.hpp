#pragma once
// Where a host serves its API over TCP, from its log.

#include <chrono>
#include <string>

#include "tests/support/child_process.hpp"
#include "tests/support/eventually.hpp"

namespace tasker::host::testing {

// "127.0.0.1:41234"; empty when it was not told in time. The log may come later than the first answer.
inline std::string told_address(ChildProcess& host, std::chrono::milliseconds limit) {
    const std::string mark = "REST API: http://";
    std::string address;
    eventually(limit, [&] {
        static_cast<void>(host.running());
        const auto begin = host.err().find(mark);
        if (begin == std::string::npos) return false;
        const auto from = begin + mark.size(), end = host.err().find_first_of(" \"", from);
        if (end != std::string::npos) address = host.err().substr(from, end - from);
        return end != std::string::npos;
    });
    return address;
}

}  // namespace tasker::host::testing
