#pragma once
// A claimed step as bytes. The template is not in it: it is named by an id under which it was sent before. Pure.

#include <cstdint>
#include <functional>
#include <memory>
#include <string_view>

#include "host/model/step_event.hpp"
#include "host/runtime/link/fields.hpp"

namespace tasker::host {

// The event's id travels in the frame's head.
void put_step(FieldWriter& out, const StepEvent& event, std::uint32_t template_id);

// Null for an id that was not sent.
using FindTemplate = std::function<std::shared_ptr<const TaskTemplate>(std::uint32_t id)>;
// Throws LinkFault.
StepEvent step_from(const Uuid& event_id, std::string_view payload, const FindTemplate& find);

}  // namespace tasker::host
