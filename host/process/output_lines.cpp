#include "host/process/output_lines.hpp"

#include <algorithm>
#include <utility>

#include "host/core/wakeup.hpp"

namespace tasker::host {

bool LineBudget::take(std::int64_t now_ms) {
    const std::int64_t earned = std::min((now_ms - full_at_ms_) * kPerSecond / 1000, kBurst);
    if (earned > 0) {
        left_ = std::min(left_ + earned, kBurst);
        full_at_ms_ = now_ms;
    }
    if (left_ > 0) {
        --left_;
        return true;
    }
    if (dropped_++ == 0) first_drop_ms_ = now_ms;
    return false;
}

std::int64_t LineBudget::report_due_ms() const { return dropped_ == 0 ? kNever : first_drop_ms_ + 1000; }

std::uint64_t LineBudget::reported() { return std::exchange(dropped_, 0); }

void LineCutter::feed(std::string_view bytes, const Take& take) {
    while (!bytes.empty()) {
        const std::size_t end = bytes.find('\n');
        std::string_view part = bytes.substr(0, end);
        bytes.remove_prefix(std::min(part.size() + 1, bytes.size()));
        const bool whole = end != std::string_view::npos;
        if (!skipping_ && begun_.empty() && whole && part.size() <= kMaxLine) {
            take(part);
            continue;
        }
        if (!skipping_) begun_ += part.substr(0, kMaxLine - begun_.size() + 1);
        if (begun_.size() > kMaxLine) {
            begun_.resize(kMaxLine);
            this->end(take);
            skipping_ = true;
        }
        if (!whole) continue;
        if (!skipping_) {
            take(begun_);
            begun_.clear();
        }
        skipping_ = false;
    }
}

void LineCutter::end(const Take& take) {
    if (!begun_.empty()) take(begun_);
    begun_.clear();
}

}  // namespace tasker::host
