#pragma once
// What the functions of the call API share: each checks, copies and bounds what arrives, and throws nothing back.

#include <tasker/abi.h>

#include <exception>
#include <new>
#include <string_view>

#include "host/loader/call_slots.hpp"

namespace tasker::host {

inline std::string_view view_of(const char* text, std::size_t size) {
    return text == nullptr ? std::string_view{} : std::string_view{text, size};
}
inline std::string_view view_of(const tasker_str& text) { return view_of(text.ptr, text.len); }

// Runs `body` with the open call; turns a finished call and the host's own failure into a status.
template <class Body>
std::int32_t with_call(const tasker_call* handle, Body body) noexcept {
    try {
        OpenCall call(handle);
        if (!call) return TASKER_E_STATE;
        return body(*call.operator->());
    } catch (const std::bad_alloc&) {
        return TASKER_E_NOMEM;
    } catch (const std::exception&) {
        return TASKER_E_FAILED;
    }
}

// True when the step was ended before.
inline bool refuse_second(CallSlot& slot) {
    if (!slot.outcome) return false;
    ++slot.refused_terminals;
    return true;
}

}  // namespace tasker::host
