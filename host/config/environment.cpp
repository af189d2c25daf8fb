#include <pwd.h>
#include <unistd.h>

#include <string_view>
#include <vector>

#include "host/config/config.hpp"

namespace tasker::host {

std::map<std::string, std::string> process_environment() {
    std::map<std::string, std::string> out;
    for (char** entry = environ; entry != nullptr && *entry != nullptr; ++entry) {
        const std::string_view text{*entry};
        const std::size_t equals = text.find('=');
        if (equals != std::string_view::npos) out.emplace(text.substr(0, equals), text.substr(equals + 1));
    }
    if (!out.contains("HOME")) {
        // Started without a login: the password file still knows where this user lives.
        passwd entry{};
        passwd* found = nullptr;
        std::vector<char> buffer(16384);
        if (getpwuid_r(geteuid(), &entry, buffer.data(), buffer.size(), &found) == 0 && found != nullptr) {
            out.emplace("HOME", found->pw_dir);
        }
    }
    return out;
}

}  // namespace tasker::host
