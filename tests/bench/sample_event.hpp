#pragma once
// A step as the engine hands it out, without an engine: second of two, with a context and one dependency's envelope.

#include <memory>
#include <string>
#include <utility>

#include "host/core/uuid.hpp"
#include "host/model/step_event.hpp"

namespace tasker::host::bench {

inline std::shared_ptr<const TaskTemplate> sample_template() {
    return std::make_shared<const TaskTemplate>(template_from_json(
        R"({"name":"sample","namespace_name":"bench","version":"1.0.0","steps":[)"
        R"({"name":"first","handler":{"callable":"bench.noop"},"dependencies":[]},)"
        R"({"name":"second","handler":{"callable":"bench.noop"},"dependencies":["first"]}]})"));
}

inline StepEvent sample_event(UuidGenerator& uuids, std::shared_ptr<const TaskTemplate> definition) {
    auto task = std::make_shared<TaskInfo>();
    task->task_uuid = uuids.next();
    task->context_json = std::make_shared<const std::string>(R"({"order":4711,"customer":"someone"})");
    task->correlation_id = uuids.next();
    StepEvent event;
    event.event_id = uuids.next();
    event.step_uuid = uuids.next();
    event.task_uuid = task->task_uuid;
    event.correlation_id = task->correlation_id;
    event.timeout_ms = 300'000;
    TaskSequenceStep& sequence = event.task_sequence_step;
    sequence.task = std::move(task);
    sequence.task_template = std::move(definition);
    sequence.step_index = 1;
    sequence.workflow_step.step_uuid = event.step_uuid;
    sequence.workflow_step.name = sequence.workflow_step.template_step_name = "second";
    sequence.dependency_results = {
        {"first", std::make_shared<const std::string>(R"({"success":true,"result":{"ok":true}})")}};
    return event;
}

}  // namespace tasker::host::bench
