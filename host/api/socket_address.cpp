#include "host/api/socket_address.hpp"

#include <sys/socket.h>

#include <cstring>

#include "host/core/error.hpp"

namespace tasker::host {

sockaddr_un socket_address(const std::filesystem::path& path) {
    sockaddr_un address{};
    const std::string& text = path.native();
    if (text.size() >= sizeof address.sun_path) {
        throw BootstrapError("the API socket's path is " + std::to_string(text.size()) +
                                 " bytes long, 107 are allowed: " + text,
                             "choose a shorter state folder with TASKER_STATE_DIR or --state-dir");
    }
    address.sun_family = AF_UNIX;
    std::memcpy(address.sun_path, text.c_str(), text.size() + 1);
    return address;
}

}  // namespace tasker::host
