#pragma once
// The definitions that tasks of this store are pinned to. Written by the writer thread, read by readers too: thread-safe.

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "host/core/clock.hpp"
#include "host/engine/lanes.hpp"
#include "host/engine/sqlite.hpp"
#include "host/model/task_template.hpp"

namespace tasker::host {

struct PinnedTemplate {
    std::int64_t id = 0;
    std::shared_ptr<const TaskTemplate> definition;   // never null
    std::vector<LaneId> lanes;                        // of each step
    std::vector<std::vector<std::size_t>> ancestors;  // of each step, by step name
    bool makes_steps = false;                         // its tasks have a TaskGraph
    std::vector<std::size_t> initial;                 // then: the steps they begin with
};

class PinnedTemplates {
  public:
    // The pin of a definition, if it was made in this process before.
    std::shared_ptr<const PinnedTemplate> find(const TaskTemplate& definition) const;
    // Finds or writes the row of a definition and of its lanes. To be remembered once that is committed.
    std::shared_ptr<const PinnedTemplate> write(SqlConnection& connection, Lanes& lanes, const Clock& clock,
                                                std::shared_ptr<const TaskTemplate> definition);
    // The pin of a stored task. Throws Error when the row is missing or is no template.
    std::shared_ptr<const PinnedTemplate> load(SqlConnection& connection, Lanes& lanes,
                                               std::int64_t template_id);
    // For readers: the definition only.
    std::shared_ptr<const TaskTemplate> definition(SqlConnection& reader, std::int64_t template_id);

    // The row is deleted, or about to be.
    void forget(std::int64_t template_id);

    std::shared_ptr<const PinnedTemplate> remember(std::shared_ptr<const PinnedTemplate> pinned);

  private:
    mutable std::mutex mutex_;
    std::map<std::int64_t, std::shared_ptr<const PinnedTemplate>> by_id_;
    std::map<std::string, std::shared_ptr<const PinnedTemplate>, std::less<>> by_text_;  // by definition_json
    std::map<std::int64_t, std::shared_ptr<const TaskTemplate>> definitions_;
};

}  // namespace tasker::host
