#pragma once
// Where a plugin writes why init() or create() failed. Bounded; valid while it lives.

#include <tasker/abi.h>

#include <algorithm>
#include <string>

#include "host/loader/printable.hpp"

namespace tasker::host {

class ErrorText {
  public:
    ErrorText() : sink_{this, &write} {}
    ErrorText(const ErrorText&) = delete;
    ErrorText& operator=(const ErrorText&) = delete;

    const tasker_sink* sink() const { return &sink_; }
    std::string text() const { return clean_utf8(text_, kMaxBytes); }

  private:
    static constexpr std::size_t kMaxBytes = 4096;

    static int32_t write(void* context, const char* bytes, size_t size) noexcept {
        auto& text = static_cast<ErrorText*>(context)->text_;
        if (bytes == nullptr) return size == 0 ? TASKER_OK : TASKER_E_INVALID;
        try {
            text.append(bytes, std::min(size, kMaxBytes - std::min(text.size(), kMaxBytes)));
        } catch (const std::bad_alloc&) {
            return TASKER_E_NOMEM;
        }
        return TASKER_OK;
    }

    std::string text_;
    tasker_sink sink_;
};

// "E_CONFIG (-7)", for messages.
std::string status_name(int32_t status);

}  // namespace tasker::host
