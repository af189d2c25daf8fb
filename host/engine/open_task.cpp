#include "host/engine/open_task.hpp"

#include <algorithm>
#include <utility>

namespace tasker::host {

namespace {
constexpr std::size_t kEntryBytes = 400;  // list node, map node, shared TaskInfo

std::size_t size_of(const OpenTask& task) {
    std::size_t bytes = kEntryBytes + task.steps.size() * sizeof(OpenStep);
    if (task.info) bytes += task.info->context_json->size();
    if (task.graph) bytes += task.graph->bytes();
    for (const OpenStep& step : task.steps) bytes += step.result ? step.result->size() : 0;
    return bytes;
}
}  // namespace

TaskCounts counts_of(const OpenTask& task) {
    TaskCounts counts;
    counts.total = static_cast<int>(task.steps.size());
    counts.done = task.count(StepState::Complete) + task.count(StepState::ResolvedManually);
    counts.failed = task.count(StepState::Error);
    counts.live = task.count(StepState::Enqueued) + task.count(StepState::InProgress);
    counts.waiting = task.count(StepState::WaitingForRetry);
    counts.cancelled = task.count(StepState::Cancelled);
    return counts;
}

OpenTask* TaskCache::find(std::int64_t task_id) {
    const auto found = by_id_.find(task_id);
    if (found == by_id_.end()) return nullptr;
    entries_.splice(entries_.begin(), entries_, found->second);
    return &*found->second;
}

OpenTask& TaskCache::put(OpenTask task) {
    const std::int64_t id = task.id;
    const std::size_t bytes = size_of(task);
    drop(id);
    entries_.push_front(std::move(task));
    by_id_.insert_or_assign(id, entries_.begin());
    bytes_ += bytes;
    return entries_.front();
}

OpenTask* TaskCache::put_if_room(OpenTask task) {
    if (bytes_ + size_of(task) > max_bytes_) return nullptr;
    return &put(std::move(task));
}

void TaskCache::set_result(OpenStep& step, SharedText envelope) {
    const auto size = [](const SharedText& text) { return text ? text->size() : std::size_t{0}; };
    bytes_ = bytes_ + size(envelope) - std::min(bytes_, size(step.result));
    step.result = std::move(envelope);
    step.lent = false;
}

void TaskCache::drop(std::int64_t task_id) {
    const auto found = by_id_.find(task_id);
    if (found == by_id_.end()) return;
    const std::size_t now = size_of(*found->second);
    bytes_ -= bytes_ < now ? bytes_ : now;
    entries_.erase(found->second);
    by_id_.erase(found);
    if (by_id_.empty()) bytes_ = 0;
}

void TaskCache::trim() {
    while (bytes_ > max_bytes_ && entries_.size() > 1) {
        if (entries_.back().touched) return;
        drop(entries_.back().id);
    }
}

}  // namespace tasker::host
