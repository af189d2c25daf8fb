#pragma once
// Steps that prove that they run at the same time: each waits, within the step's time, until so many of its task are there.

#include <chrono>
#include <condition_variable>
#include <map>
#include <mutex>
#include <string>
#include <tasker/sdk.hpp>

namespace flows {

class Meetings {
  public:
    // False: the others did not come. `place` tells apart the meetings of one task.
    bool come(const tasker::StepContext& context, const std::string& place, int expected) {
        const std::string key = std::string(context.task_uuid()) + "/" + place;
        std::unique_lock lock(mutex_);
        if (++arrived_[key] >= expected) here_.notify_all();
        return here_.wait_for(lock, std::chrono::seconds(30), [&] { return arrived_[key] >= expected; });
    }

  private:
    std::mutex mutex_;
    std::condition_variable here_;
    std::map<std::string, int> arrived_;
};

// Only when the template asks for it: `initialization: {meet: 2}`.
inline void meet(const tasker::StepContext& context, const std::string& place) {
    static Meetings meetings;
    const int expected = context.get_config_or("meet", 0);
    if (expected > 0 && !meetings.come(context, place, expected))
        throw tasker::PermanentError("the other steps of '" + place + "' do not run at the same time",
                                     "ALONE");
}

}  // namespace flows
