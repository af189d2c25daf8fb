#pragma once
// A JSON array of what `print` makes of each item. Pure.

#include <string>

namespace tasker::host {

template <class Items, class Print>
std::string json_list(const Items& items, Print&& print) {
    std::string out = "[";
    for (const auto& item : items) {
        if (out.size() > 1) out += ',';
        out += print(item);
    }
    return out + "]";
}

}  // namespace tasker::host
